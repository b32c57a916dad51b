"""Masters of jobs that people have submitted go to the calibration manager as those of planned groups do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.ledger import jobs, products

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from nightcrew.shared.calibration_desk import CalibrationDesk, Judged
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import JobRow, ProductRow

NONE_MADE = "no product of the job is a calibration"


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What became of a master that a person had made.

    Parameters
    ----------
    name
        The file, or the job if it has made none.
    reason
        Why it is not certified; empty if it is.
    """

    name: str
    reason: str = ""


def master_of(job: JobRow, made: Sequence[ProductRow]) -> ProductRow | None:
    """Return the product of a job that is its master: the one that it calls its product, if there are several."""
    masters = [one for one in made if one.kind == job.request.get("provides") and one.name.endswith(".fits")]
    named = (job.outcome or {}).get("products", ())
    return next((one for one in masters if one.name in named), masters[0] if masters else None)


def hand_in_by_hand(database: Database, desk: CalibrationDesk) -> list[HandedIn] | CouldNotAsk:
    """Hand in the masters that people had made and nobody has judged yet.

    Each is noted with its job once it is judged: whoever dies in between hands it in once more, and gets the same
    answer.

    Raises
    ------
    ServiceError
        If the database failed.
    """
    with database.begin() as connection:
        waiting = jobs.masters_by_hand(connection)
        made: dict[UUID, list[ProductRow]] = {}
        for product in products.of_jobs(connection, [job.id for job in waiting]):
            made.setdefault(product.job_id, []).append(product)
    told: list[HandedIn] = []
    for job in waiting:
        master = master_of(job, made.get(job.id, []))
        name = str(job.request.get("name")) if master is None else master.name
        verdict = None
        if master is not None:
            verdict = desk.submit(Path(master.path), master.kind, f"made by hand: {job.request.get('name')}")
        if isinstance(verdict, CouldNotAsk):
            return verdict
        number, reason = _said(verdict)
        with database.begin() as connection:
            jobs.note_master(connection, job.id, number, reason)
        told.append(HandedIn(name, reason))
    return told


def _said(verdict: Judged | None) -> tuple[int | None, str]:
    """Return the number of a master, and why it is not certified."""
    if verdict is None:
        return None, NONE_MADE
    return verdict.id or None, "" if verdict.certified else verdict.reason or "it was not certified"
