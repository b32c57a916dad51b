"""The worked examples of calibration association: what each frame must be given."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from nightcrew.shared.association import Candidate, Target, applicable, associate
from support.reference import require_reference

pytestmark = pytest.mark.reference

TYPES = {
    "NIRI": "processed_dark dark processed_flat flat lampoff_flat processed_arc arc processed_bpm bpm "
    "photometric_standard telluric",
    "F2": "processed_dark dark processed_flat flat lampoff_flat processed_arc arc processed_bpm bpm "
    "photometric_standard telluric processed_telluric processed_standard standard",
}


@pytest.fixture(scope="module")
def book() -> dict[str, Any]:
    return json.loads(require_reference("spec", "examples", "association.json").read_text())


def as_stored(entry: dict[str, Any]) -> Candidate:
    """Make a candidate of the columns that the reference stored."""
    columns = dict(entry["columns"])
    columns["ut_datetime"] = datetime.fromisoformat(columns["ut_datetime"])
    if "data_section" in columns:
        columns["data_section"] = as_numbers(columns["data_section"])
    tags = frozenset(entry["tags"])
    return Candidate(entry["name"], columns, tags, entry=entry["entry_order"], present=not entry["removed"])


def as_registered(entry: dict[str, Any]) -> Candidate:
    """Make a candidate the way we register a frame, but for what neither tags nor descriptors tell."""
    target = Target.from_request(entry["tags"], entry["descriptors"], entry["name"])
    columns = entry["columns"]
    candidate = Candidate.from_target(target, entry["name"], None, entry["entry_order"], columns["processing"])
    by_hand = {"phot_standard": columns["phot_standard"]}
    return replace(candidate, columns={**candidate.columns, **by_hand}, present=not entry["removed"])


def as_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part.partition("=")[2]) for part in text.removeprefix("Section(").removesuffix(")").split(","))


@pytest.mark.parametrize("register", [as_stored, as_registered])
def test_every_worked_request_is_answered_as_by_the_reference(book: dict[str, Any], register: Any) -> None:
    candidates = [register(entry) for entry in book["calibrations"]]
    targets = {
        entry["name"]: Target.from_request(entry["tags"], entry["descriptors"], entry["name"])
        for entry in book["targets"]
    }
    answered, wrong = 0, []
    for result in book["results"]:
        target = targets[result["target"]]
        assert list(applicable(target)) == result["applicable"]
        for caltype in TYPES[target.instrument].split():
            answer = associate(target, caltype, candidates)
            expected = result["matches"].get(caltype, {"ordered": [], "default_count": 0})
            answered += caltype in result["matches"]
            found = [match.candidate.filename for match in answer.matches]
            if found != expected["ordered"] or min(answer.limit, len(found)) != expected["default_count"]:
                wrong.append((target.name, caltype, found, expected))
    assert not wrong
    assert answered == 387


def test_frames_are_registered_with_the_columns_of_the_reference(book: dict[str, Any]) -> None:
    for entry in book["calibrations"]:
        ours, theirs = as_registered(entry), as_stored(entry)
        arbitrary = {"phot_standard"} | ({"reduction"} if {"TELLURIC", "STANDARD"} <= theirs.tags else set())
        for name in set(theirs.columns) - arbitrary - {"ut_datetime_secs"}:
            assert ours.columns[name] == theirs.columns[name], (entry["name"], name)
        assert ours.seconds == theirs.columns["ut_datetime_secs"]
