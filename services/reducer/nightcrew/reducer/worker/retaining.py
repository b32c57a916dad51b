"""Products go some days after later ones have superseded them; what attempts of long ago have left goes as well."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.reducer.worker.committing import Fate, fate
from nightcrew.shared.fits.output import writing
from nightcrew.shared.ledger import products, retention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.reducer.worker.places import Places, Workspace
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
    places
        Where products are.
    database
        Holds the ledger.
    kept
        How long superseded products are kept; None: for ever.
    beat
        Is called again and again meanwhile.
    """

    places: Places
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
            if Path(one.path).is_relative_to(self.places.products):
                yield one

    def _remove(self, old: Superseded) -> bool:
        """Remove a product, and its public name if that stands for no other; False if somebody else has done so."""
        path, public = Path(old.path), self.places.public(old.night, old.name)
        with self.database.begin() as connection:
            current = products.current_in_turn(connection, old.name)
            if not retention.note_removed(connection, old.id):
                return False
            with writing(path):
                if current is None and _same(public, path):
                    public.unlink()
                path.unlink(missing_ok=True)
        _tidy(path.parent)
        return True

    def _attempts(self) -> Iterator[list[Workspace]]:
        """Yield the attempts of which something has been kept for long, some at a time."""
        at_work = {one.name for one in self.places.workspaces()}
        before = time.time() - ABANDONED.total_seconds()
        found = (one for one in self.places.attempts(before) if one.name not in at_work)
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
            self.places.discard(one)
        return len(lost)


def _same(public: Path, kept: Path) -> bool:
    """Whether a public name stands for a product, as a link of whatever kind."""
    with suppress(FileNotFoundError):
        return public.samefile(kept)
    return public.is_symlink() and not public.exists()


def _tidy(attempt: Path) -> None:
    """Remove the directories of an attempt, and of its job, if nothing is left in them."""
    with suppress(OSError):
        attempt.rmdir()
        attempt.parent.rmdir()
