"""The linter of association rules: every fault has its line, its rule and a remedy."""

from __future__ import annotations

import pytest

from nightcrew.shared.association.linting import lint_rules
from nightcrew.shared.association.reading import INSTRUMENTS, shipped_text

SOUND = """\
instrument: NIRI
calibrations:
  dark:
    raw: {where: {reduction: RAW, observation_type: DARK}, limit: 10}
    processed: {where: {reduction: PROCESSED_DARK}, limit: 1}
    where: {gcal_lamp: ["Off"]}
    equal: [coadds, read_mode]
    within: {exposure_time: 0.01}
    max_interval: 90 d
    relaxed: {max_interval: 180 d, drop: [read_mode]}
applicable:
  rules:
    - {when: {observation_type: OBJECT}, add: [processed_dark]}
"""


def test_small_rules_are_sound() -> None:
    assert lint_rules(SOUND, "own.yaml") == ()


@pytest.mark.parametrize("name", sorted(set(INSTRUMENTS.values())))
def test_the_shipped_rules_are_sound(name: str) -> None:
    assert [str(complaint) for complaint in lint_rules(shipped_text(name), name)] == []


DARK = "    max_interval: 90 d\n"
FAULTS = [
    # what is replaced, by what, line, rule, fault, remedy
    ("    equal:", "    equals:", 7, "dark", "nobody knows 'equals' here", "did you mean 'equal'?"),
    ("applicable:", "aplicable:", 11, "aplicable", "nobody knows 'aplicable' here", "did you mean 'applicable'?"),
    ("calibrations:", "rules:", 1, "", "'calibrations' is missing", "write calibrations: ..."),
    ("NIRI", "NIRY", 1, "instrument", "there is no instrument 'NIRY'", "did you mean 'NIRI'?"),
    ("  dark:", "  drak:", 3, "drak", "there is no type of calibration 'drak'", "did you mean 'dark'?"),
    ("[coadds, read", "[coads, read", 7, "dark", "there is no column 'coads'", "did you mean 'coadds'?"),
    ("{exposure_time:", "{exptime:", 8, "dark", "there is no column 'exptime'", "did you mean 'exposure_time'?"),
    ("0.01", "-1", 8, "dark", "tolerance -1 is no positive number", "write a number"),
    ("exposure_time: 0.01", "camera: 0.01", 8, "dark", "camera is no number", "compare it with equal"),
    ("90 d", "3 weeks", 9, "dark", "'3 weeks' is not a length of time", "write it as '180 d'"),
    (", limit: 1}", "}", 5, "dark", "'limit' is missing", "write limit: ..."),
    ("limit: 1}", "limit: many}", 5, "dark", "limit 'many' is no number of candidates", "write a whole number"),
    ("limit: 1}", "limit: 1, tag: DRAK}", 5, "dark", "no frame can have the tag 'DRAK'", "typewalk shows"),
    ("PROCESSED_DARK", "PROCESSED_DRAK", 5, "dark", "reduction is never 'PROCESSED_DRAK'", "'PROCESSED_DARK'?"),
    ('["Off"]', "[Off]", 6, "dark", "YAML takes Off, No or False without quotes for false", "in quotes"),
    ('{gcal_lamp: ["Off"]}', "{spectroscopy: imaging}", 6, "dark", "spectroscopy is never 'imaging'", "true or false"),
    ('["Off"]', "[{a: 1}]", 6, "dark", "{'a': 1} is no single value", "write a text"),
    ('["Off"]', "{no_in: [x]}", 6, "dark", "nobody knows 'no_in' here", "did you mean 'not_in'?"),
    ('["Off"]', "{not_in: x}", 6, "dark", "not_in: 'x' stands here", "write a list"),
    ("[coadds, read_mode]", "coadds", 7, "dark", "equal: 'coadds' stands here", "write a list, [a, b]"),
    ("    within: {exposure_time: 0.01}", "    within:", 8, "dark", "within: it is empty", "write a set of entries"),
    (DARK, f"{DARK}    not_after_target: 1\n", 10, "dark", "it is neither true nor false", "write true"),
    (DARK, f"{DARK}    order: [tim]\n", 10, "dark", "nothing can be ordered by 'tim'", "did you mean 'time'?"),
    (DARK, f"{DARK}    max_interval: 80 d\n", 10, "", "'max_interval' is said twice, first in line 9", "leave one"),
    (DARK, f"{DARK}    where_if: [{{when: {{camera: f6}}}}]\n", 10, "dark", "'add' is missing", "write add: ..."),
    (DARK, f"{DARK}    targets: {{coadds: {{at_least: x}}}}\n", 10, "dark", "at_least 'x' is no number", "a number"),
    (
        DARK,
        f"{DARK}    targets: {{camera: {{at_least: 3}}}}\n    where_if: 3\n",
        11,
        "dark",
        "where_if: 3 stands",
        "a list",
    ),
    (DARK, f"{DARK}    equal_if: [{{when: {{}}, equal: [cmera]}}]\n", 10, "dark", "no column 'cmera'", "'camera'?"),
    (
        DARK,
        f"{DARK}    within_if: [{{when: {{}}, within: {{cmera: 1}}}}]\n",
        10,
        "dark",
        "no column 'cmera'",
        "'camera'?",
    ),
    (", drop: [read_mode]", ", within: 3", 10, "dark", "within: 3 stands here", "write a set"),
    ("relaxed: {max_interval: 180 d, drop: [read_mode]}", "relaxed: 3", 10, "dark", "relaxed: 3 stands", "write a set"),
    (DARK, f"{DARK}    targets: {{reduction: RAW}}\n", 10, "dark", "there is no column 'reduction'", "known: amp_read"),
    (
        "[processed_dark]",
        "[processed_flat]",
        13,
        "applicable",
        "no rule above answers 'processed_flat'",
        "'processed_dark'",
    ),
    ("drop: [read_mode]", "dorp: [read_mode]", 10, "dark", "nobody knows 'dorp' here", "did you mean 'drop'?"),
    (
        ", drop: [read_mode]",
        ", instead: {read_mode: red_mode}",
        10,
        "dark",
        "there is no column 'red_mode'",
        "did you mean 'read",
    ),
    # sense
    ('["Off"]', "[]", 6, "dark", "gcal_lamp may have no value at all", "list the values"),
    ('gcal_lamp: ["Off"]', "qa_state: Fail", 6, "dark", "frames with QA state Fail never serve", "leave it out"),
    (
        'where: {gcal_lamp: ["Off"]}\n    equal: [coadds',
        "where: {camera: f6}\n    targets: {camera: [f32]}\n    equal: [camera, coadds",
        6,
        "dark",
        "camera must equal the target's, which is f32, and be f6: nothing ever matches",
        "leave one of them out",
    ),
    (
        "[coadds, read",
        "[exposure_time, read",
        8,
        "dark",
        "exposure_time is already compared in equal",
        "one of the two",
    ),
    ("PROCESSED_DARK", "RAW", 5, "dark", "the processed form is of kind RAW", "put it into the other form"),
    ("limit: 1}", "limit: 1, drop: [camera]}", 5, "dark", "the rule has no condition 'camera'", "known: coadds"),
    (
        "limit: 1}\n    where",
        "limit: 1, drop: [gcal_lamp]}\n    raw: {where: {gcal_lamp: x}, limit: 1}\n    where",
        6,
        "",
        "'raw' is said twice",
        "leave one",
    ),
    (
        '["Off"]}',
        '["Off"], reduction: RAW}',
        6,
        "dark",
        "no form of the rule ever looks at this reduction",
        "leave it out",
    ),
    (DARK, f"{DARK}    order: [time, time]\n", 10, "dark", "it is ordered by 'time' twice", "leave one of them"),
    (DARK, f"{DARK}    order: [time]\n    prefer: [camera]\n", 11, "dark", "the order never looks at it", "put prefer"),
    (DARK, f"{DARK}    order: [prefer]\n", 10, "dark", "the rule prefers nothing", "say prefer: [observation_id]"),
    (
        DARK,
        f"{DARK}    where_if: [{{when: {{camera: f6}}, add: {{camera: [f6]}}}}]\n",
        10,
        "dark",
        "there is no where of camera that this could be added to",
        "say where: {camera: [...]} in the rule",
    ),
    # relaxations that are never reached
    ("180 d", "90 d", 10, "dark", "90 d is not longer than the rule's 90 d", "write a longer one"),
    (DARK, "", 9, "dark", "the rule has no max_interval, so this is no relaxation", "leave it out"),
    (
        "drop: [read_mode]",
        "drop: [camera]",
        10,
        "dark",
        "there is no condition 'camera' that could be",
        "known: coadds",
    ),
    ("drop: [read_mode]", "drop: [read]", 10, "dark", "there is no condition 'read'", "did you mean 'read_mode'?"),
    ("drop: [read_mode]", "drop: [max_interval]", 10, "dark", "max_interval is given up altogether", "one of the two"),
    ("drop: [read_mode]", "within: {exposure_time: 0.01}", 10, "dark", "tolerance 0.01 is not wider", "write a wider"),
    (
        "drop: [read_mode]",
        "within: {central_wavelength: 1.0}",
        10,
        "dark",
        "does not compare central_wav",
        "leave it out",
    ),
    ("drop: [read_mode]", "instead: {camera: disperser}", 10, "dark", "camera is not among the equal", "leave it out"),
    ("drop: [read_mode]", "where: {camera: f6}", 10, "dark", "the rule has no where of camera", "leave it out"),
    (
        "drop: [read_mode]",
        "drop: [exposure_time], within: {exposure_time: 1.0}",
        10,
        "dark",
        "exposure_time is given up altogether in drop",
        "leave it in one of the two",
    ),
    ("{max_interval: 180 d, drop: [read_mode]}", "{}", 10, "dark", "it gives up nothing", "say what is given up"),
    ("limit: 1}", "limit: 1, relaxed: {drop: [camera]}}", 5, "dark", "there is no condition 'camera'", "known: coadds"),
]


@pytest.mark.parametrize(("old", "new", "line", "rule", "fault", "remedy"), FAULTS)
def test_a_fault_is_told_with_line_rule_and_remedy(
    old: str, new: str, line: int, rule: str, fault: str, remedy: str
) -> None:
    assert old in SOUND
    complaints = lint_rules(SOUND.replace(old, new, 1), "own.yaml")
    found = [one for one in complaints if fault in one.fault]
    assert found, [str(one) for one in complaints]
    assert (found[0].line, found[0].rule) == (line, rule)
    assert remedy in found[0].remedy
    assert str(found[0]).startswith(f"own.yaml:{line}: ")


def test_all_faults_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = SOUND.replace("90 d", "3 weeks").replace("coadds", "coads").replace("limit: 10", "limit: 0")
    assert [complaint.line for complaint in lint_rules(text, "own.yaml")] == [4, 7, 9]


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("instrument: [", 1, "this is no YAML"),
        ("a: 1\nb: }\n", 2, "this is no YAML"),
        ("", 1, "the file: it is empty"),
        ("just a text", 1, "the file: 'just a text' stands here"),
        ("{instrument: NIRI, calibrations: {dark: {}}}", 1, "neither a raw nor a processed form"),
        ("{instrument: NIRI, calibrations: {dark: 3}}", 1, "dark: 3 stands here"),
        ("{instrument: NIRI, calibrations: []}", 1, "calibrations: [] stands here"),
        ("{instrument: NIRI, calibrations: {}, applicable: {rules: {}}}", 1, "rules: {} stands here"),
        ("{instrument: NIRI, calibrations: {}, applicable: {rules: [{when: {}, add: dark}]}}", 1, "add: 'dark' stands"),
        ("{instrument: NIRI, calibrations: {flat: {raw: {limit: 1}, equal_if: 3}}}", 1, "equal_if: 3 stands here"),
        ("{instrument: NIRI, calibrations: {flat: {raw: {limit: 1}, where_if: [{when: {}, add: {camera: f6}}]}}}", 1,
         "'f6' is no list"),
    ],
)  # fmt: skip
def test_a_file_of_another_shape_is_told_too(text: str, line: int, fault: str) -> None:
    (complaint, *_) = lint_rules(text, "own.yaml")
    assert complaint.line == line
    assert fault in complaint.fault
    assert complaint.remedy


def test_what_an_anchor_lends_is_said_where_it_is_written() -> None:
    text = (
        "instrument: NIRI\ncalibrations:\n  flat: &one\n    raw: {limit: 1}\n    equal: [coads]\n"
        "  lampoff_flat:\n    <<: *one\n    max_interval: 1 d\n    raw: {limit: 2}\n"
    )
    assert [(one.line, one.rule) for one in lint_rules(text, "own.yaml")] == [(5, "flat"), (5, "lampoff_flat")]
