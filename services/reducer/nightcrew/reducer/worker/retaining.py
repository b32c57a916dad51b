"""Products go some days after later ones have superseded them; what attempts of long ago have left goes as well."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from nightcrew.reducer.worker.committing import Fate, fate
from nightcrew.shared.ledger import products, retention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.reducer.worker.keeping import Keeping
    from nightcrew.reducer.worker.places import Workspace
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.retention import Superseded

EVERY = timedelta(days=1)
"""How often one of all reducers looks."""
ABANDONED = timedelta(days=1)
"""Age of files of an attempt that did not come to count, after which they are removed."""
TURN = "reducer: old products"
"""Name of the mark that says when somebody has looked last."""
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed.

    Parameters
    ----------
    superseded, size
        Products that later ones have superseded, and their bytes.
    abandoned
        Attempts that did not count.
    """

    superseded: int = 0
    size: int = 0
    abandoned: int = 0


@dataclass(frozen=True, slots=True)
class Retaining:
    """Removes what is kept for no good any more.

    Parameters
    ----------
    keeping
        Where products are.
    database
        Holds the ledger.
    kept
        How long superseded products are kept; None: for ever.
    beat
        Is called again and again meanwhile.
    """

    keeping: Keeping
    database: Database
    kept: timedelta | None
    beat: Callable[[], object]

    def look(self) -> Cleaned | None:
        """Clean if nobody else has done so for a day; None if somebody has.

        Raises
        ------
        ServiceError
            If database or disk fail: the rest is for the next day.
        """
        with self.database.begin() as connection:
            if not retention.in_turn(connection, TURN, EVERY):
                return None
        return self.clean()

    def clean(self) -> Cleaned:
        """Remove what nobody needs; see `look`."""
        gone = [one.size for one in self._old() if self._remove(one)]
        return Cleaned(len(gone), sum(gone), sum(self._discard(some) for some in self._attempts()))

    def _old(self) -> Iterator[Superseded]:
        if self.kept is None:
            return
        with self.database.begin() as connection:
            found = retention.superseded(connection, self.kept)
        for one in found:
            self.beat()
            yield one

    def _remove(self, old: Superseded) -> bool:
        """Remove a product, and its public name if that stands for no other; False if it is kept by somebody else."""
        with self.database.begin() as connection:
            current = products.currents_in_turn(connection, [old.name])
            gone = self.keeping.forget(old.path, old.night, old.name, named=bool(current))
            return gone and retention.note_removed(connection, old.id)

    def _attempts(self) -> Iterator[list[Workspace]]:
        """Yield the attempts of which something has been kept on disk for long, some at a time.

        What they have left in a store is removed with the next attempt at the same job.
        """
        at_work = {one.name for one in self.keeping.places.workspaces()}
        before = time.time() - ABANDONED.total_seconds()
        found = (one for one in self.keeping.places.attempts(before) if one.name not in at_work)
        while some := list(islice(found, _AT_ONCE)):
            self.beat()
            yield some

    def _discard(self, attempts: list[Workspace]) -> int:
        """Remove what is kept of attempts that do not count; return how many these were."""
        ids = {one.job for one in attempts}
        with self.database.begin() as connection:
            known = retention.jobs_of(connection, ids)
            committed = products.of_jobs(connection, ids)
        lost = [
            one
            for one in attempts
            if fate(known.get(one.job), one, [product for product in committed if product.job_id == one.job])
            is Fate.DISCARD
        ]
        for one in lost:
            self.keeping.discard(one)
        return len(lost)
