"""What a look of the planner costs: statements, nights loaded, questions to the calibration manager."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.association import Target
    from nightcrew.shared.calibration_desk import CalibrationDesk, Change, Judged, Offer
    from nightcrew.shared.calibrations import CouldNotAsk
    from nightcrew.shared.database import Database


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Take down the statements that a database is asked to execute, in their order."""
    told: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        told.append(" ".join(statement.split()))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def writing(told: list[str]) -> list[str]:
    """Return the statements that change something."""
    return [one for one in told if one.startswith(("INSERT", "UPDATE", "DELETE"))]


def loads(told: list[str]) -> int:
    """Return how often the frames of a night were read."""
    return sum("FROM ledger.frames" in one for one in told)


@dataclass
class CountingDesk:
    """A desk that takes down what it is asked."""

    desk: CalibrationDesk
    asked: list[tuple[str, str]] = field(default_factory=list)

    def find(self, target: Target, caltype: str, *, mode: str, relaxed: bool = False) -> Offer:
        self.asked.append((target.name, caltype))
        return self.desk.find(target, caltype, mode=mode, relaxed=relaxed)

    def submit(self, path: Path, caltype: str, why: str) -> Judged | CouldNotAsk:
        return self.desk.submit(path, caltype, why)

    def changes(self, after: int) -> tuple[Change, ...] | CouldNotAsk:
        return self.desk.changes(after)
