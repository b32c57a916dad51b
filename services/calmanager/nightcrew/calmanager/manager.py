"""The calibration manager as command line, HTTP application and tests use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from nightcrew.calmanager import lifecycle
from nightcrew.calmanager.answering import Answering
from nightcrew.calmanager.core.states import Event
from nightcrew.calmanager.core.validity import validity_between
from nightcrew.calmanager.database import CALIBRATION, history, products, records
from nightcrew.calmanager.database.indexes import refresh
from nightcrew.calmanager.errors import NotAllowed
from nightcrew.calmanager.intake import Intake
from nightcrew.calmanager.keeping import utc_now
from nightcrew.calmanager.records import Affected, Happened, HistoryLine, Listing, ProductRecord, Record, Vetoed
from nightcrew.shared.database import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from nightcrew.calmanager.core.gates import Gates
    from nightcrew.calmanager.core.validity import Validity
    from nightcrew.calmanager.files import FileStore
    from nightcrew.shared.database import Database


class CalibrationManager(Answering, Intake):
    """Keeps calibrations in PostgreSQL and answers which of them belongs to a frame.

    Every method is a transaction of its own; what it says it did is committed when it returns.  One manager may be
    used by several threads.

    Parameters
    ----------
    database
        Holds the tables of the schema `calibration`.
    files
        Where received files are kept; without it none can be received.
    clock
        Tells the time, UTC with zone.
    gates
        Quality gates for what is received; those that come with the distribution if None.

    Raises
    ------
    ServiceError
        From every method: the database or the disk failed; trying again may help.
    """

    @classmethod
    def open(
        cls,
        database: Database,
        *,
        files: FileStore | None = None,
        clock: Callable[[], datetime] = utc_now,
        gates: Gates | None = None,
    ) -> Self:
        """Return a manager, after a look at the tables; indexes follow the rules if these have changed.

        Raises
        ------
        SchemaMismatch
            If the tables are not of this version.
        """
        require(database, CALIBRATION)
        refresh(database)
        return cls(database, files=files, clock=clock, gates=gates)

    def list(self, listing: Listing = Listing()) -> Sequence[Record]:  # noqa: B008 (immutable)
        """Return calibrations by name; those that were removed or replaced only if everything is wanted."""
        with self.database.connect() as connection:
            return [self._record(row) for row in records.listed(connection, listing)]

    def get(self, which: int | str) -> Record:
        """Return a calibration by number or name.

        Raises
        ------
        Unknown
            If there is none.
        """
        with self.database.connect() as connection:
            return self._record(lifecycle.wanted(connection, which))

    def certify(
        self, which: int | str, *, who: str, why: str, since: datetime | None = None, until: datetime | None = None
    ) -> Record:
        """Vouch for a calibration, for a certain time if one is given; this replaces the times of the rules.

        Parameters
        ----------
        which
            Number or name.
        who, why
            Neither may be empty.
        since, until
            UTC without zone; `until` does not belong to the time any more.

        Raises
        ------
        Unknown, NotAllowed, NoReason, BadValidity
        Overlap
            If another certified one of the kind is valid at the same time.
        """
        validity = validity_between(since, until)
        return self._happen(which, Event.CERTIFY, who, why, validity=validity)

    def veto(self, which: int | str, *, who: str, why: str) -> Vetoed:
        """Withdraw a calibration as bad; return what was made with it.

        Raises
        ------
        Unknown, NotAllowed, NoReason
        """
        with self.database.begin() as connection:
            row = lifecycle.happen(connection, which, Event.VETO, who=who, why=why, at=self._clock())
            return Vetoed(self._record(row), tuple(products.affected(connection, row["md5"])))

    def supersede(self, which: int | str, *, by: int | str, who: str, why: str) -> Record:
        """Withdraw a calibration in favour of a better one.

        Raises
        ------
        Unknown, NotAllowed, NoReason
        """
        with self.database.begin() as connection:
            successor = lifecycle.wanted(connection, by)
            details = {"by": successor["id"], "name": successor["name"]}
            at = self._clock()
            if lifecycle.wanted(connection, which)["id"] == successor["id"]:
                raise NotAllowed(f"{successor['name']}: cannot supersede itself; name the better one")
            row = lifecycle.happen(connection, which, Event.SUPERSEDE, who=who, why=why, at=at, details=details)
            return self._record(row)

    def restore(self, which: int | str, *, who: str, why: str) -> Record:
        """Take back a veto or a replacement; the calibration is a candidate again.

        Raises
        ------
        Unknown, NotAllowed, NoReason
        """
        return self._happen(which, Event.RESTORE, who, why)

    def remove(self, name: str, *, who: str, why: str = "") -> int:
        """Forget the file of a name: it is given out no more; file and history stay.

        Returns
        -------
        int
            How many entries there were: 0 for an unknown name.
        """
        with self.database.begin() as connection:
            return lifecycle.remove(connection, name, who=who, why=why, at=self._clock())

    def affected(self, which: int | str) -> Sequence[Affected]:
        """Return the products that a calibration went into, directly or through masters."""
        with self.database.connect() as connection:
            return products.affected(connection, lifecycle.wanted(connection, which)["md5"])

    def history(self, which: int | str) -> Sequence[HistoryLine]:
        """Return what happened to a calibration, oldest first."""
        with self.database.connect() as connection:
            return history.lines(connection, lifecycle.wanted(connection, which)["id"])

    def changes(self, after: int = 0, limit: int = 1000) -> Sequence[Happened]:
        """Return what has been certified or withdrawn since a line of the history, oldest first."""
        with self.database.begin() as connection:
            return history.since(connection, after, limit)

    def record_product(self, product: ProductRecord) -> None:
        """Record what a product was made of; a second time changes nothing."""
        with self.database.begin() as connection:
            products.record(connection, product)

    def _happen(
        self, which: int | str, event: Event, who: str, why: str, *, validity: Validity | None = None
    ) -> Record:
        with self.database.begin() as connection:
            at = self._clock()
            return self._record(lifecycle.happen(connection, which, event, who=who, why=why, at=at, validity=validity))
