"""`nightcrew rules`: faults are told with their lines, rules are told in words."""

from __future__ import annotations

import pytest

from nightcrew.shared.association.reading import INSTRUMENTS, shipped_text


def test_the_shipped_rules_are_sound(nightcrew):
    said = nightcrew("rules", "lint")
    assert said.code == 0
    assert said.out == "7 files: no complaints\n"


def test_a_fault_is_told_with_file_line_rule_and_remedy(nightcrew, tmp_path):
    faulty = tmp_path / "own.yaml"
    faulty.write_text(shipped_text("niri.yaml").replace("equal: [data_section, read", "equal: [data_sektion, read"))
    said = nightcrew("rules", "lint", str(faulty))
    assert said.code == 1
    (line, count) = said.lines
    assert line == f"{faulty}:11: dark: there is no column 'data_sektion'; did you mean 'data_section'?"
    assert count == "1 file: 1 complaint"


def test_grouping_rules_are_told_by_what_is_in_them(nightcrew, tmp_path):
    faulty = tmp_path / "groups.yaml"
    faulty.write_text("instrument: NIRI\nkinds:\n  dark: {select: {all: [DARK]}, recipe: x, suffix: _d, cloze: 3}\n")
    said = nightcrew("rules", "lint", str(faulty))
    assert said.code == 1
    assert "dark: nobody knows 'cloze' here; did you mean 'close'?" in said.out
    assert said.lines[-1] == "1 file: 2 complaints"


def test_a_file_that_is_not_there_is_named(nightcrew):
    assert "nosuch.yaml: No such file" in nightcrew("rules", "lint", "nosuch.yaml").err


def test_a_rule_is_told_in_words(nightcrew):
    lines = [line.split("   ") for line in nightcrew("rules", "show", "niri", "processed_dark").lines]
    told = {cells[0].strip(): [cell.strip() for cell in cells[1:] if cell.strip()] for cells in lines}
    assert told["exposure"] == ["the frame's within 0.01 s", "the frame's within 0.1 s"]
    assert told["read mode"] == ["the frame's", "anything"]
    assert told["coadds"] == ["the frame's", "the same"]
    assert told["time apart"] == ["less than 180 d", "less than 365 d"]
    assert told["QA state"] == ["not Fail", "the same"]
    assert lines[-1] == [
        "  the first by: nearest in time (whole seconds), then how it was processed, then the latest entry"
    ]


@pytest.mark.parametrize(
    ("caltype", "words"),
    [
        ("F2 processed_flat", "the frame's, in whichever wheel"),
        ("F2 processed_flat", "the frame's within 0.001 um if the frame is a spectrum"),
        ("F2 processed_telluric", "with TELLURIC"),
        ("GNIRS flat", "at most 10; only if the frame is an image"),
        ("GNIRS flat", "or Off if its central wavelength is at least 4.25"),
        ("GMOS-S processed_bpm", "contains the frame's   -"),
        ("GMOS-N bias", "contains the frame's if its region of interest is not Full Frame or Central Spectrum"),
        ("GMOS-N processed_bias", "the frame's if the frame is prepared"),
        ("NIRI bpm", "not after the frame"),
        ("NIRI flat", "if its disperser is Mgrism*"),
    ],
)
def test_every_kind_of_condition_has_words(caltype: str, words: str, nightcrew):
    assert words in nightcrew("rules", "show", *caltype.split()).out


@pytest.mark.parametrize("instrument", sorted(INSTRUMENTS))
def test_all_rules_of_an_instrument_can_be_told(instrument: str, nightcrew):
    said = nightcrew("rules", "show", instrument)
    assert said.code == 0
    assert "processed_bpm: at most 1" in said.out


def test_what_has_no_rule_is_a_wrong_command_line(nightcrew):
    said = nightcrew("rules", "show", "NIRY")
    assert (said.code, "did you mean 'NIRI'?" in said.err) == (2, True)
    said = nightcrew("rules", "show", "NIRI", "procesed_dark")
    assert (said.code, "did you mean 'processed_dark'?" in said.err) == (2, True)
