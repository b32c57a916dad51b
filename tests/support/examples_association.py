"""Worked examples of calibration association (`association.json`; calibrations, 12).

Every request is answered twice: from the columns that the reference stored (level a), and from columns that we derive
from tags and descriptors (level b).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from nightcrew.shared.association import Candidate, Target, applicable, associate
from support.examples_io import Report

Content: TypeAlias = dict[str, Any]
Ask: TypeAlias = Callable[[Target, str], tuple[list[str], int]]
"""Answers a request: names of all matches, best first, and how many are returned by default."""

TYPES = {
    "NIRI": "processed_dark dark processed_flat flat lampoff_flat processed_arc arc processed_bpm bpm "
    "photometric_standard telluric",
    "F2": "processed_dark dark processed_flat flat lampoff_flat processed_arc arc processed_bpm bpm "
    "photometric_standard telluric processed_telluric processed_standard standard",
}
"""Types that the reference was asked for, by instrument."""


def run(content: Content) -> Report:
    """Run all examples of a file."""
    report = Report()
    for register in (as_stored, as_registered):
        answer_requests(content, asking_in_memory(content, register), register.__name__.replace("_", " "), report)
    for entry in content["calibrations"]:
        report.record(f"columns of {entry['name']}", difference_of_columns(entry))
    return report


def asking_in_memory(content: Content, register: Callable[[Content], Candidate]) -> Ask:
    """Return how the pure rules answer, given how candidates are registered."""
    candidates = [register(entry) for entry in content["calibrations"]]

    def ask(target: Target, caltype: str) -> tuple[list[str], int]:
        answer = associate(target, caltype, candidates)
        names = [match.candidate.filename for match in answer.matches]
        return names, min(answer.limit, len(names))

    return ask


def answer_requests(content: Content, ask: Ask, how: str, report: Report) -> None:
    """Ask for every type of every target, and compare with what the reference answered."""
    targets = {entry["name"]: target_of(entry) for entry in content["targets"]}
    for result in content["results"]:
        target = targets[result["target"]]
        types = list(applicable(target))
        expected_types = result["applicable"]
        problem = None if types == expected_types else f"{types} instead of {expected_types}"
        report.record(f"{how}, {target.name}, applicable", problem)
        for caltype in TYPES[target.instrument].split():
            expected = result["matches"].get(caltype, {"ordered": [], "default_count": 0})
            wanted = (expected["ordered"], expected["default_count"])
            found = ask(target, caltype)
            problem = None if found == wanted else f"{found[1]} of {found[0]} instead of {wanted[1]} of {wanted[0]}"
            report.record(f"{how}, {target.name}, {caltype}", problem)


def target_of(entry: Content) -> Target:
    """Return a target of the examples."""
    return Target.from_request(entry["tags"], entry["descriptors"], entry["name"])


def as_stored(entry: Content) -> Candidate:
    """Make a candidate of the columns that the reference stored."""
    columns = dict(entry["columns"])
    columns["ut_datetime"] = datetime.fromisoformat(columns["ut_datetime"])
    if "data_section" in columns:
        columns["data_section"] = _as_numbers(columns["data_section"])
    tags = frozenset(entry["tags"])
    return Candidate(entry["name"], columns, tags, entry=entry["entry_order"], present=not entry["removed"])


def as_registered(entry: Content) -> Candidate:
    """Make a candidate the way we register a frame, but for what neither tags nor descriptors tell."""
    columns = entry["columns"]
    candidate = Candidate.from_target(
        target_of(entry), entry["name"], None, entry["entry_order"], columns["processing"]
    )  # fmt: skip
    by_hand = {"phot_standard": columns["phot_standard"]}
    return replace(candidate, columns={**candidate.columns, **by_hand}, present=not entry["removed"])


def difference_of_columns(entry: Content) -> str | None:
    """Say in which column we register a calibration otherwise than the reference did, but where it did by chance."""
    ours, theirs = as_registered(entry), as_stored(entry)
    arbitrary = {"phot_standard", "ut_datetime_secs"}
    arbitrary |= {"reduction"} if theirs.tags >= {"TELLURIC", "STANDARD"} else set()
    for name in sorted(set(theirs.columns) - arbitrary):
        if ours.value(name) != theirs.columns[name]:
            return f"{name} {ours.value(name)!r} instead of {theirs.columns[name]!r}"
    seconds = entry["columns"]["ut_datetime_secs"]
    return None if ours.seconds == seconds else f"second {ours.seconds} instead of {seconds}"


def _as_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part.partition("=")[2]) for part in text.removeprefix("Section(").removesuffix(")").split(","))
