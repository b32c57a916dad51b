"""The calibration manager as the planner asks it, in the same process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.calmanager.core.states import State
from nightcrew.shared.association import Level, reasons_of, why_not
from nightcrew.shared.calibration_desk import Change, Judged, Master, Turn
from nightcrew.shared.calibrations import CouldNotAsk, NotFound
from nightcrew.shared.errors import NightcrewError, ServiceError
from nightcrew.shared.frame_facts import FrameFacts

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.calmanager.manager import CalibrationManager
    from nightcrew.calmanager.records import Added
    from nightcrew.shared.association import Candidate, Target
    from nightcrew.shared.calibration_desk import Offer


@dataclass(frozen=True, slots=True)
class ManagerDesk:
    """A `CalibrationDesk` over a manager.

    Parameters
    ----------
    manager
        Whom to ask.
    who
        In whose name masters are handed in.
    copies
        Whether what is handed in is a copy that may go, so that the manager must keep one of its own.
    """

    manager: CalibrationManager
    who: str = "planner"
    copies: bool = False

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:
        """Return the best master for a frame; with `relaxed`, one that breaks a rule rather than none."""
        level = Level.RELAXED if relaxed else Level.RULE
        try:
            answer = self.manager.associate(target, caltype, mode=mode, max_level=level)
            best = answer.best
            if best is None or best.candidate.path is None:
                return NotFound(why_not(answer))
            md5 = self.manager.get(best.candidate.entry).md5
        except NightcrewError as error:
            return CouldNotAsk(str(error))
        candidate, path = best.candidate, best.candidate.path
        why = tuple(best.relaxed) or tuple(reasons_of(best))
        return Master(candidate.entry, path.name, path, md5, caltype, facts_of(candidate), int(best.level), why)

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:  # noqa: ARG002 (the file tells it)
        """Hand in a new master where it lies, unless that is a copy; the gates decide whether it is given out."""
        try:
            if not self.copies:
                return _judged(self.manager.admit(path, who=self.who, why=why))
            with path.open("rb") as file:
                chunks = iter(lambda: file.read(1 << 20), b"")
                return _judged(self.manager.receive(path.name, chunks, who=self.who, limit=path.stat().st_size))
        except OSError as error:
            return CouldNotAsk(f"{path}: cannot be read ({error.strerror or error})")
        except ServiceError as error:
            return CouldNotAsk(str(error))
        except NightcrewError as error:
            return Judged(0, certified=False, reason=str(error))

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:
        """Return what has happened since a change, oldest first."""
        try:
            happened = self.manager.changes(after)
        except ServiceError as error:
            return CouldNotAsk(str(error))
        return tuple(
            Change(
                one.number, Turn.WITHDRAWN if one.withdrawn else Turn.CERTIFIED, one.id, one.name, one.caltype,
                one.instrument, one.md5, one.reason,
            )
            for one in happened
        )  # fmt: skip


def facts_of(candidate: Candidate) -> FrameFacts:
    """Return what planning needs to know of a calibration."""
    columns = candidate.columns
    return FrameFacts(
        candidate.filename, str(columns.get("instrument")), candidate.tags, columns, candidate.ut_datetime,
        str(columns.get("processing")), candidate.valid,
    )  # fmt: skip


def _judged(added: Added) -> Judged:
    record = added.record
    if record.state is State.CERTIFIED:
        return Judged(record.id, certified=True)
    reasons = added.verdict.reasons if added.verdict is not None else ()
    return Judged(record.id, certified=False, reason="; ".join(reasons) or f"it is {record.state}")
