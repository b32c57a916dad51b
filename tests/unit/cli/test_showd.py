from __future__ import annotations

import json

from nightcrew.cli.formatting import comma_separated, table
from support.frames import write_niri


def test_the_table_is_ruled_and_flush(nightcrew, night):
    assert nightcrew("showd", "raw/N1_dark.fits", "raw/S1_dark.fits", "-d", "exposure_time,object").out == (
        "-----------------------------------------\n"
        "filename           exposure_time   object\n"
        "-----------------------------------------\n"
        "raw/N1_dark.fits          20.001     Dark\n"
        "raw/S1_dark.fits             4.0     Dark\n"
    )


def test_the_table_is_as_wide_as_its_longest_cells():
    assert table(["filename", "object"], [["raw/a.fits", "P330E"], ["b", "GCALflat"]]).splitlines() == [
        "---------------------",
        "filename       object",
        "---------------------",
        "raw/a.fits      P330E",
        "b            GCALflat",
    ]


def test_without_inputs_only_the_header_is_printed(nightcrew):
    assert nightcrew("showd", "-d", "object").out == "-----------------\nfilename   object\n-----------------\n"


def test_names_come_from_the_pipe_if_there_are_none(nightcrew, night):
    said = nightcrew("showd", "-d", "object", stdin="raw/N5_target.fits\n# a comment\n\n")
    assert said.lines[3].split(maxsplit=1) == ["raw/N5_target.fits", "FS 17"]


def test_stdin_is_left_alone_if_there_are_inputs(nightcrew, night):
    assert len(nightcrew("showd", "raw/N5_target.fits", "-d", "object", stdin="raw/N1_dark.fits\n").lines) == 4


def test_a_dash_stands_for_the_pipe(nightcrew, night):
    said = nightcrew("showd", "raw/N5_target.fits", "-", "-d", "object", stdin="raw/N1_dark.fits\n")
    assert [line.split()[0] for line in said.lines[3:]] == ["raw/N5_target.fits", "raw/N1_dark.fits"]


def test_pretty_values_are_shown_unless_long_ones_are_asked_for(nightcrew, night):
    short = nightcrew("showd", "raw/N5_target.fits", "-d", "filter_name,data_section", "--csv").lines[1]
    long = nightcrew("showd", "raw/N5_target.fits", "-d", "filter_name,data_section", "--csv", "--long").lines[1]
    assert short == "raw/N5_target.fits,K(prime),\"['[1:32,1:32]']\""
    assert "Kprime_G0206" in long
    assert "Section(x1=0, x2=32, y1=0, y2=32)" in long


def test_csv_quotes_where_a_value_has_a_comma():
    assert comma_separated(["a", "b"], [["x", "1,2"]]) == 'a,b\nx,"1,2"'


def test_an_unknown_descriptor_is_named(nightcrew, night):
    said = nightcrew("showd", "raw/N1_dark.fits", "-d", "object,exposuretime")
    assert said.code == 1
    assert said.err == "showd: error: there is no descriptor 'exposuretime', did you mean exposure_time?\n"


def test_a_descriptor_that_gives_no_answer_is_none_and_warned_of(nightcrew, night):
    write_niri(night / "odd.fits", INSTRUME="WFC3", TELESCOP="HST", OBSERVAT="STScI")
    said = nightcrew("showd", "odd.fits", "-d", "read_mode,telescope")
    assert (said.code, said.lines[3].split()) == (0, ["odd.fits", "None", "HST"])
    assert said.err == "showd: warning: odd.fits: no answer for read_mode (AttributeError)\n"


def test_descriptors_are_required(nightcrew, night):
    said = nightcrew("showd", "raw/N1_dark.fits")
    assert said.code == 2
    assert "showd: error: the following arguments are required: -d/--descriptors" in said.err


def test_a_missing_file_is_an_error(nightcrew, night):
    said = nightcrew("showd", "raw/N1_dark.fits", "nosuch.fits", "-d", "object")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("showd: error: nosuch.fits: ")


def test_json_has_tags_and_all_descriptors_unshortened(nightcrew, night):
    (line,) = nightcrew("showd", "raw/N1_dark.fits", "--json").lines
    record = json.loads(line)
    assert set(record) == {"file", "tags", "descriptors"}
    assert record["tags"] == sorted(record["tags"])
    assert record["descriptors"]["exposure_time"] == 20.001
    assert record["descriptors"]["ut_date"] == "2016-01-02"
    assert record["descriptors"]["data_section"] == [[0, 32, 0, 32]]
    assert len(record["descriptors"]) > 80


def test_json_of_some_descriptors_has_errors_as_values(nightcrew, night):
    write_niri(night / "odd.fits", INSTRUME="WFC3", TELESCOP="HST", OBSERVAT="STScI")
    (line,) = nightcrew("showd", "odd.fits", "--json", "-d", "telescope,read_mode").lines
    assert json.loads(line)["descriptors"] == {"telescope": "HST", "read_mode": {"error": "AttributeError"}}
