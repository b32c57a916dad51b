"""The worked examples of calibration association: what each frame must be given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nightcrew.shared.association import Level, associate
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
