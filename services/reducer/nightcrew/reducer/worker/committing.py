"""What becomes of the files of an attempt once the ledger has decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.ledger import JobState, jobs, products
from nightcrew.shared.ledger.records import NewProduct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nightcrew.reducer.worker.keeping import Keeping
    from nightcrew.reducer.worker.places import Workspace
    from nightcrew.reducer.worker.wire import Made
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import JobRow, ProductRow


class Fate(Enum):
    """What is to be done with the files of an attempt."""

    KEEP = auto()
    """Nothing: it is at work, or it is not of this ledger."""
    FINISH = auto()
    """It is the one that counts: its products get their public names."""
    DISCARD = auto()
    """Another one counts, or none: they are removed."""


def fate(job: JobRow | None, workspace: Workspace, committed: Sequence[ProductRow]) -> Fate:
    """Decide about the files of an attempt.

    Parameters
    ----------
    job
        Its job, read before the products: while it is running, none of them can be committed unseen.
    workspace
        The attempt.
    committed
        The products that the ledger has of the job.
    """
    if job is None or (job.state is JobState.RUNNING and job.attempt == workspace.attempt):
        return Fate.KEEP
    ours = any(Path(product.path).parent.name == workspace.kept_name for product in committed)
    return Fate.FINISH if ours else Fate.DISCARD


def rows_of(keeping: Keeping, workspace: Workspace, made: Iterable[Made]) -> tuple[NewProduct, ...]:
    """Return the products of an attempt as the ledger takes them."""
    return tuple(
        NewProduct(one.name, one.kind, keeping.path(workspace, one.name), one.sha256, one.md5, one.size) for one in made
    )


@dataclass(frozen=True, slots=True)
class Committing:
    """Carries out what the ledger says about attempts.

    Parameters
    ----------
    keeping
        Where their files are.
    database
        Holds the ledger.
    """

    keeping: Keeping
    database: Database

    def settle(self, workspace: Workspace) -> Fate:
        """Ask what is to become of an attempt's files, and do it.

        Raises
        ------
        ServiceError
            If database or disk fail; to be done again then.
        """
        # Before the ledger is read: whatever comes later is of an attempt that has begun later.
        left = self.keeping.attempts(workspace.job)
        with self.database.begin() as connection:
            job = jobs.get(connection, workspace.job)
            committed = products.of_jobs(connection, [workspace.job])
            decided = fate(job, workspace, committed)
            if decided is Fate.FINISH and job is not None:
                # Names stand for the latest products that have them, whoever is at it besides.
                latest = products.currents_in_turn(connection, [product.name for product in committed])
                self.keeping.show(workspace, job.night, {name: one.path for name, one in latest.items()})
        if decided is Fate.FINISH:
            self.keeping.close(workspace)
        elif decided is Fate.DISCARD:
            self.keeping.discard(workspace)
        if job is not None and job.state is not JobState.RUNNING:
            for attempt in left - {Path(product.path).parent.name for product in committed}:
                self.keeping.remove(job.id, attempt)
        return decided

    def sweep(self) -> dict[Fate, int]:
        """See to everything that attempts have left behind; return how many came to which fate.

        Raises
        ------
        ServiceError
            If database or disk fail.
        """
        counts = dict.fromkeys(Fate, 0)
        for workspace in list(self.keeping.places.workspaces()):
            counts[self.settle(workspace)] += 1
        return counts
