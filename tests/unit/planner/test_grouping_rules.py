"""Grouping rules: the ones we ship are sound, and faulty ones are told apart from sound ones."""

from __future__ import annotations

from importlib import resources

import pytest

from nightcrew.planner.core.linting import lint_rules
from nightcrew.planner.core.rules import INSTRUMENTS, PlanRuleError, parse_rules, rules_for, shipped_text

SOUND = """
instrument: NIRI
kinds:
  dark:
    select: {all: [DARK, RAW]}
    same: [coadds]
    recipe: makeProcessedDark
    suffix: _dark
    provides: processed_dark
    close: {quiet: 10 min}
"""


@pytest.mark.parametrize("instrument", sorted(INSTRUMENTS))
def test_the_shipped_rules_are_sound(instrument: str) -> None:
    rules = rules_for(instrument)
    assert rules is not None
    name = INSTRUMENTS[instrument]
    assert [str(complaint) for complaint in lint_rules(shipped_text(name), name)] == []
    assert rules.kind("science").recipe == "reduce"


def test_shipped_rules_are_those_that_lie_in_the_package() -> None:
    lying = {path.name for path in (resources.files("nightcrew.planner") / "rules").iterdir()}
    assert lying == set(INSTRUMENTS.values())


def test_unknown_instruments_have_no_rules() -> None:
    assert rules_for("BHROS") is None


def test_small_rules_are_sound() -> None:
    assert lint_rules(SOUND, "sound.yaml") == ()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[DARK, RAW]", "[dark]", "did you mean DARK?"),
        ("[coadds]", "[coads]", "dark: there is no value 'coads'"),
        ("[coadds]", "[coadds|coads]", "dark: there is no value 'coads'"),
        ("[coadds]", "[coadds]\n    needs: [{calibration: processed_ark}]", "'processed_ark', which nothing provides"),
        (
            "[coadds]",
            "[coadds]\n    needs: [{calibration: processed_flat, required: true}]",
            "without telling a remedy",
        ),
        (
            "[coadds]",
            "[coadds]\n    needs: [{calibration: processed_flat, setting: user_bpm}]",
            "'user_bpm' is not primitive:parameter",
        ),
        ("[coadds]", "[coadds]\n    borrow: {kind: drak, same: [coads]}", "borrows from 'drak'"),
        ("select: {all: [DARK, RAW]}", "made_of: [flat]", "made of 'flat', which is no kind here"),
        ("    select: {all: [DARK, RAW]}\n", "", "must either select frames or be made of other groups"),
        ("[DARK, RAW]}", "[DARK], where: {obsclass: science}}", "there is no value 'obsclass'"),
        (
            "[coadds]",
            "[coadds]\n    partners: {others: {select: {all: [XYZ]}, same: [xyz], within: 1 d, alone: a, missing: b}}",
            "dark, others: no frame can have the tag 'XYZ'",
        ),
        ("kinds:", "left_out: [{any: [XYZ], reason: odd}]\nkinds:", "left_out, 'odd': no frame can have the tag 'XYZ'"),
        ("kinds:", "masters: {processed_dark: {any: [XYZ]}}\nkinds:", "masters, processed_dark: no frame"),
        (
            "[coadds]",
            "[coadds]\n    first_frame: {setting: first, dropped_from: 4, modes: [sq]}",
            "'first' is not primitive:parameter",
        ),
    ],
)  # fmt: skip
def test_the_linter_finds_names_that_nothing_answers_to(old: str, new: str, fault: str) -> None:
    assert old in SOUND
    complaints = lint_rules(SOUND.replace(old, new), "faulty.yaml")
    found = [one for one in complaints if fault in str(one)]
    assert found, complaints
    assert found[0].remedy
    assert found[0].line > 1


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("same:", "sane:", 6, "dark: nobody knows 'sane' here; did you mean 'same'?"),
        ("10 min", "10 minutes", 10, "dark: '10 minutes' is not a length of time; write it as '180 d'"),
        ("    suffix: _dark\n", "", 4, "dark: 'suffix' is missing; write suffix: ..."),
        ("{all: [DARK, RAW]}", "{every: [DARK]}", 5, "dark: nobody knows 'every' here"),
        ("{all: [DARK, RAW]}", "dark", 5, "dark: select: 'dark' stands here; write a set of entries"),
        ("kinds:", "kinds: [", 5, "this is no YAML"),
        ("[coadds]", "[coadds]\n    needs: [{calibraton: x}]", 7, "did you mean 'calibration'?"),
        ("[coadds]", "[coadds]\n    at_least: some", 1, "not a set of grouping rules"),
        (SOUND, "", 1, "the file: it is empty"),
    ],
)
def test_the_linter_tells_the_line_of_what_cannot_be_understood(old: str, new: str, line: int, told: str) -> None:
    (complaint, *_) = lint_rules(SOUND.replace(old, new), "faulty.yaml")
    assert told in str(complaint)
    assert complaint.line == line


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("same:", "sane:", "nobody knows 'sane' here"),
        ("10 min", "10 minutes", "is not a length of time"),
        ("    suffix: _dark\n", "", "'suffix'"),
        ("{all: [DARK, RAW]}", "{every: [DARK]}", "nobody knows 'every' here"),
        ("kinds:", "kinds: [", "not a set of grouping rules"),
        (SOUND, "just a text", "not a set of grouping rules"),
        (SOUND, "", "not a set of grouping rules"),
        ("[coadds]", "[coadds]\n    needs: [{calibraton: x}]", "calibraton"),
    ],
)
def test_rules_that_cannot_be_understood_are_refused_by_name(old: str, new: str, fault: str) -> None:
    with pytest.raises(PlanRuleError, match=r"^faulty.yaml: not a set") as caught:
        parse_rules(SOUND.replace(old, new), "faulty.yaml")
    assert fault in str(caught.value)
    assert "'nightcrew rules lint faulty.yaml' tells where" in str(caught.value)
