"""The worked examples of calibration association: what each frame must be given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nightcrew.shared.association import Candidate, Level, Target, applicable, associate
from nightcrew.shared.instruments import Headers, describe
from support.examples_association import (
    TYPES,
    answer_requests,
    as_registered,
    as_stored,
    asking_in_memory,
    difference_of_columns,
    target_of,
)
from support.examples_io import Report
from support.header_dumps import read_dump
from support.reference import require_reference

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def book() -> dict[str, Any]:
    return json.loads(require_reference("spec", "examples", "association.json").read_text())


@pytest.mark.parametrize("register", [as_stored, as_registered])
def test_every_worked_request_is_answered_as_by_the_reference(book: dict[str, Any], register: Any) -> None:
    report = Report()
    answer_requests(book, asking_in_memory(book, register), "in memory", report)
    assert report.failures == []
    assert report.passed == 61 + sum(len(TYPES[target_of(entry).instrument].split()) for entry in book["targets"])
    assert sum(len(result["matches"]) for result in book["results"]) == 387


def test_frames_are_registered_with_the_columns_of_the_reference(book: dict[str, Any]) -> None:
    assert [difference_of_columns(entry) for entry in book["calibrations"]] == [None] * 151


def real_frames(instrument: str) -> list[Target]:
    """Describe the real headers of an instrument."""
    frames = []
    for path in sorted(require_reference("headers", instrument).rglob("*.hdr")):
        phu, *extensions = (dict(header) for header in read_dump(path))
        description = describe(Headers(phu, tuple(extensions), path.name))
        frames.append(Target.from_description(description, path.name))
    return frames


@pytest.mark.parametrize(
    ("instrument", "frame", "caltype", "served_by", "level"),
    [
        ("GSAOI", "S20140113S0167.hdr", "domeflat", "S20140109S0210.hdr", Level.RULE),
        ("GMOS", "N20150929S0013.hdr", "processed_bias", "N20141109S0266_bias.hdr", Level.RELAXED),
    ],
)
def test_real_frames_of_other_cameras_are_served(
    instrument: str, frame: str, caltype: str, served_by: str, level: Level
) -> None:
    frames = real_frames(instrument)
    candidates = [Candidate.from_target(one, one.name) for one in frames]
    (target,) = (one for one in frames if one.name == frame)
    answer = associate(target, caltype, candidates, max_level=Level.RELAXED)
    assert answer.best is not None
    assert (answer.best.candidate.filename, answer.best.level) == (served_by, level)


@pytest.mark.parametrize("instrument", ["GNIRS", "GSAOI", "GMOS"])
def test_every_real_frame_of_other_cameras_gets_an_answer_for_what_it_may_need(instrument: str) -> None:
    frames = real_frames(instrument)
    candidates = [Candidate.from_target(one, one.name) for one in frames]
    for target in frames:
        types = applicable(target)
        assert types[-1:] == (("processed_bpm",) if target.value("observation_type") != "BPM" else ())
        assert not any(associate(target, caltype, candidates).note for caltype in types)


@pytest.mark.parametrize("mode", [None, "qa", "ql"])
def test_provisional_answers_come_after_those_of_the_reference(book: dict[str, Any], mode: str | None) -> None:
    candidates = [as_stored(entry) for entry in book["calibrations"]]
    targets = {entry["name"]: target_of(entry) for entry in book["targets"]}
    provisional = 0
    for result in book["results"]:
        for caltype, expected in result["matches"].items():
            target = targets[result["target"]]
            answer = associate(target, caltype, candidates, mode=mode, max_level=Level.RELAXED)
            strict = [match.candidate.filename for match in answer.matches if not match.provisional]
            assert strict == expected["ordered"]
            assert [match.provisional for match in answer.matches] == sorted(m.provisional for m in answer.matches)
            assert all(bool(match.relaxed) is match.provisional for match in answer.matches)
            provisional += len(answer.matches) - len(strict)
    assert provisional > 100
