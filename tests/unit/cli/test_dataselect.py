from __future__ import annotations

import json
from pathlib import Path

DARKS = ["raw/N1_dark.fits", "raw/N2_dark.fits", "raw/S1_dark.fits"]


def test_files_with_a_tag_are_printed_as_they_were_given(nightcrew, night):
    assert nightcrew(
        "dataselect", "raw/S1_dark.fits", "./raw/N3_flat.fits", "raw/N1_dark.fits", "--tags", "DARK"
    ).lines == [
        "raw/S1_dark.fits",
        "raw/N1_dark.fits",
    ]


def test_duplicates_are_kept(nightcrew, night):
    assert len(nightcrew("dataselect", "raw/N1_dark.fits", "raw/N1_dark.fits", "-t", "DARK").lines) == 2


def test_a_pattern_is_expanded_and_sorted(nightcrew, night):
    assert nightcrew("dataselect", "raw/*.fits", "--tags", "RAW, DARK,").lines == DARKS


def test_exclusion_and_expression_add_up(nightcrew, night):
    said = nightcrew("dataselect", "raw/*.fits", "--tags", "DARK", "--xtags", "F2", "--expr", "exposure_time==20")
    assert said.lines == ["raw/N1_dark.fits"]


def test_strict_compares_without_tolerance(nightcrew, night):
    assert nightcrew("dataselect", "raw/*.fits", "--expr", "exposure_time==20.001", "--strict").lines == [
        "raw/N1_dark.fits"
    ]
    assert nightcrew("dataselect", "raw/*dark.fits", "--expr", "exposure_time==20", "--strict").lines == []


def test_an_expression_is_never_evaluated_on_a_file_that_fails_the_tags(nightcrew, night):
    said = nightcrew("dataselect", "raw/*.fits", "--tags", "ARC", "--expr", "object > 3")
    assert (said.code, said.out) == (0, "")


def test_a_list_file_has_three_comments_and_the_names(nightcrew, night):
    said = nightcrew(
        "dataselect", "raw/*.fits", "--tags", "FLAT", "--expr", 'filter_name=="K(prime)"', "-o", "flats.lis"
    )
    assert said.out == ""
    assert Path("flats.lis").read_text() == (
        "# Includes tags: ['FLAT']\n# Excludes tags: []\n"
        '# Descriptor expression: filter_name=="K(prime)"\nraw/N3_flat.fits\nraw/N4_flat.fits\n'
    )


def test_verbose_prints_what_goes_into_the_list(nightcrew, night):
    assert nightcrew("dataselect", "raw/*.fits", "--tags", "DARK", "-o", "d.lis", "-v").lines == DARKS


def test_an_empty_selection_makes_a_list_too(nightcrew, night):
    said = nightcrew("dataselect", "raw/*.fits", "--tags", "BIAS", "-o", "none.lis")
    assert said.code == 0
    assert Path("none.lis").read_text().splitlines()[-1] == "# Descriptor expression: None"


def test_a_list_file_is_an_input_of_the_next_command(nightcrew, night):
    nightcrew("dataselect", "raw/*.fits", "--tags", "DARK", "-o", "d.lis")
    assert nightcrew("dataselect", "@d.lis", "--tags", "F2").lines == ["raw/S1_dark.fits"]


def test_names_may_come_through_a_pipe(nightcrew, night):
    said = nightcrew("dataselect", "-", "--tags", "F2", stdin="# mine\nraw/S1_dark.fits\n\nraw/N1_dark.fits \n")
    assert said.lines == ["raw/S1_dark.fits"]


def test_an_input_without_a_file_is_warned_of_and_left_out(nightcrew, night):
    said = nightcrew("dataselect", "nosuch*.fits", "raw/N1_dark.fits", "--tags", "DARK")
    assert (said.code, said.lines) == (0, ["raw/N1_dark.fits"])
    assert said.err == "dataselect: warning: no file fits 'nosuch*.fits'\n"


def test_a_tag_that_no_frame_can_have_is_warned_of(nightcrew, night):
    said = nightcrew("dataselect", "raw/N1_dark.fits", "--tags", "dark")
    assert (said.code, said.out) == (0, "")
    assert "did you mean DARK?" in said.err


def test_a_bad_expression_is_refused_before_any_file_is_opened(nightcrew, night):
    Path("bad.fits").write_text("no FITS")
    said = nightcrew("dataselect", "bad.fits", "--expr", "coadds==1 and exposure==2", "-o", "x.lis")
    assert said.code == 1
    first, expression, caret = said.err.splitlines()
    assert first.startswith("dataselect: error: there is no descriptor 'exposure' (did you mean exposure_time?)")
    assert expression[caret.index("^") :] == "exposure==2"
    assert not Path("x.lis").exists()


def test_one_unreadable_file_ends_the_selection(nightcrew, night):
    Path("bad.fits").write_text("no FITS")
    said = nightcrew("dataselect", "raw/N1_dark.fits", "bad.fits", "--tags", "DARK", "-o", "x.lis")
    assert said.code == 1
    assert said.err.startswith("dataselect: error: bad.fits: ")
    assert not Path("x.lis").exists()


def test_debug_prints_the_parsed_options_first(nightcrew, night):
    said = nightcrew("dataselect", "raw/N1_dark.fits", "--debug", "--tags", "DARK", "--strict")
    namespace, selected = said.lines
    assert selected == "raw/N1_dark.fits"
    assert namespace == (
        "Namespace(inputs=['raw/N1_dark.fits'], tags=['DARK'], xtags=[], expression=None, strict=True, output=None, "
        "adpkg=None, verbose=False, debug=True)"
    )


def test_json_has_a_file_a_line(nightcrew, night):
    records = [json.loads(line) for line in nightcrew("dataselect", "raw/*.fits", "--tags", "DARK", "--json").lines]
    assert [record["file"] for record in records] == DARKS
    assert records[2]["tags"] == sorted(records[2]["tags"])


def test_without_inputs_it_is_a_usage_error(nightcrew):
    said = nightcrew("dataselect", "--tags", "DARK")
    assert said.code == 2
    assert said.err.startswith("Usage: nightcrew dataselect")
