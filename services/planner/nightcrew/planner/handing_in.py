"""New masters go to the calibration manager, whose gates decide whether they are given out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.ledger import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nightcrew.planner.night import Night
    from nightcrew.shared.calibration_desk import CalibrationDesk

_CALTYPES = {"bpm": "processed_bpm"}
"""Types under which masters are handed in, where a plan calls them otherwise."""

Verdict = tuple[int, str]
"""Number of a master at the manager, and why it is not certified; empty if it is."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A master that the manager does not know: the group that made it, and the file."""

    group_id: int
    group: str
    caltype: str
    path: Path


def finished(night: Night) -> list[Finished]:
    """Return the masters of a night that are made and not handed in."""
    found = []
    for group_id, group in night.groups.items():
        notes, job = night.notes[group_id], night.jobs.get(group_id)
        if notes.provides is None or notes.master is not None or not night.owns_group(group_id):
            continue
        if job is None or job.state is not JobState.SUCCEEDED or (made := night.product(group_id)) is None:
            continue
        caltype = _CALTYPES.get(notes.provides, notes.provides)
        found.append(Finished(group_id, group.name, caltype, Path(made.path)))
    return found


def hand_in(desk: CalibrationDesk, masters: Iterable[Finished]) -> dict[int, Verdict | CouldNotAsk]:
    """Hand masters in, and return what was said, by group; the same file again gets the same answer."""
    said: dict[int, Verdict | CouldNotAsk] = {}
    for master in masters:
        judged = desk.submit(master.path, master.caltype, f"made of {master.group}")
        if isinstance(judged, CouldNotAsk):
            said[master.group_id] = judged
        else:
            said[master.group_id] = (judged.id, "" if judged.certified else judged.reason or "it was not certified")
    return said


def note_verdicts(night: Night, said: Mapping[int, Verdict | CouldNotAsk]) -> None:
    """Note with the groups what became of their masters."""
    for group_id, verdict in said.items():
        if group_id in night.groups and not isinstance(verdict, CouldNotAsk):
            night.notes[group_id] = replace(night.notes[group_id], master=verdict)
