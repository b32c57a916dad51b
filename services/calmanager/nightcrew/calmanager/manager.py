"""The calibration manager as command line, HTTP application and tests use it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from nightcrew.calmanager.core.validity import kind_key
from nightcrew.calmanager.database import CALIBRATION, history, products, records
from nightcrew.calmanager.entering import Entrance, enter
from nightcrew.calmanager.errors import Unknown
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.incoming import checked_name, digests_of, examine
from nightcrew.calmanager.records import Added, Affected, HistoryLine, Listing, ProductRecord, Record, Swept, Vetoed
from nightcrew.shared.association import rules_for
from nightcrew.shared.database import require
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, RowMapping

    from nightcrew.calmanager.core.gates import Gates
    from nightcrew.calmanager.incoming import Incoming
    from nightcrew.shared.association import Answer, Level, Target
    from nightcrew.shared.database import Database


def utc_now() -> datetime:
    """Return the time, UTC with zone."""
    return datetime.now(UTC)


class CalibrationManager:
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

    def __init__(
        self,
        database: Database,
        *,
        files: FileStore | None = None,
        clock: Callable[[], datetime] = utc_now,
        gates: Gates | None = None,
    ) -> None:
        self.database = database
        self.files = files
        self._clock = clock
        self._gates = gates

    @classmethod
    def open(
        cls,
        database: Database,
        *,
        files: FileStore | None = None,
        clock: Callable[[], datetime] = utc_now,
        gates: Gates | None = None,
    ) -> Self:
        """Return a manager, after a look at the tables.

        Raises
        ------
        SchemaMismatch
            If the tables are not of this version.
        """
        require(database, CALIBRATION)
        return cls(database, files=files, clock=clock, gates=gates)

    def associate(
        self,
        target: Target,
        caltype: str,
        *,
        mode: str | None = None,
        max_level: Level | None = None,
        howmany: int | None = None,
    ) -> Answer:
        """Find the calibrations that belong to a frame.

        Parameters
        ----------
        target
            The frame.
        caltype
            `dark`, `flat`, ... for raw ones, `processed_dark`, ... for masters.
        mode
            Mode of the reduction: `sq` takes nothing that was made for a quick look; None takes everything.
        max_level
            How much may be given up for want of anything better; nothing if None.
        howmany
            How many to return; as many as the rule says if None.
        """
        raise NotImplementedError

    def explain(
        self, target: Target, caltype: str, *, mode: str | None = None, max_level: Level | None = None
    ) -> Answer:
        """Find the calibrations that belong to a frame, and those that nearly do and why not."""
        raise NotImplementedError

    def add(self, path: Path, *, who: str, why: str = "", certified: bool = True) -> Added:
        """Register a file where it lies.

        Parameters
        ----------
        path
            The file.
        who, why
            Who vouches for it, and why.
        certified
            Whether it may be given out at once.

        Raises
        ------
        NotACalibration
            If no rule would ever give such a frame to another.
        FrameError
            If it is not whole FITS, of no instrument that we know, or has a name that no calibration may have.
        """
        path = Path(path).absolute()
        name = checked_name(path.name)
        incoming = examine(path, name, digests_of(path))
        return self._enter(Entrance(incoming, _kind(incoming), path.parent, who, why, self._clock(), certified))

    def receive(
        self,
        name: str,
        chunks: Iterable[bytes],
        *,
        who: str,
        md5: str | None = None,
        sha256: str | None = None,
        limit: int,
    ) -> Added:
        """Take a file into the store: certified if it passes the gates, else a candidate.

        When it returns, file and entry are on disk.

        Parameters
        ----------
        name
            Base name.
        chunks
            The file, in pieces.
        who
            Who sends it.
        md5, sha256
            What the sender says; None if he does not.
        limit
            Bytes that it may have.

        Raises
        ------
        BadName, DigestMismatch, TooLarge
            If something is wrong with what was sent.
        NotACalibration, FrameError
            As for `add`.
        """
        raise NotImplementedError

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
            return self._record(_wanted(connection, which))

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
        raise NotImplementedError

    def veto(self, which: int | str, *, who: str, why: str) -> Vetoed:
        """Withdraw a calibration as bad; return what was made with it.

        Raises
        ------
        Unknown, NotAllowed, NoReason
        """
        raise NotImplementedError

    def supersede(self, which: int | str, *, by: int | str, who: str, why: str) -> Record:
        """Withdraw a calibration in favour of a better one.

        Raises
        ------
        Unknown, NotAllowed, NoReason
        """
        raise NotImplementedError

    def restore(self, which: int | str, *, who: str, why: str) -> Record:
        """Take back a veto or a replacement; the calibration is a candidate again.

        Raises
        ------
        Unknown, NotAllowed, NoReason
        """
        raise NotImplementedError

    def remove(self, name: str, *, who: str, why: str = "") -> int:
        """Forget the file of a name: it is given out no more; file and history stay.

        Returns
        -------
        int
            How many entries there were: 0 for an unknown name.
        """
        raise NotImplementedError

    def affected(self, which: int | str) -> Sequence[Affected]:
        """Return the products that a calibration went into, directly or through masters."""
        with self.database.connect() as connection:
            return products.affected(connection, _wanted(connection, which)["md5"])

    def history(self, which: int | str) -> Sequence[HistoryLine]:
        """Return what happened to a calibration, oldest first."""
        with self.database.connect() as connection:
            return history.lines(connection, _wanted(connection, which)["id"])

    def record_product(self, product: ProductRecord) -> None:
        """Record what a product was made of; a second time changes nothing."""
        with self.database.begin() as connection:
            products.record(connection, product)

    def sweep(self) -> Swept:
        """Remove what crashes left in the store, and tell which files are missing there."""
        raise NotImplementedError

    def _enter(self, entrance: Entrance) -> Added:
        with self.database.begin() as connection:
            row, new = enter(connection, entrance, self._still_there)
        return Added(self._record(row), new, entrance.verdict)

    def _still_there(self, row: RowMapping) -> bool:
        path = self._path(row)
        try:
            return digests_of(path).sha256 == str(row["sha256"])
        except FrameError:
            return False

    def _path(self, row: RowMapping) -> Path:
        name, sha256 = str(row["name"]), str(row["sha256"])
        if not row["stored"]:
            return Path(str(row["directory"])) / name
        return (self.files or FileStore(Path())).path_of(sha256, name)

    def _record(self, row: RowMapping) -> Record:
        return records.as_record(row, self._path(row))


def _kind(incoming: Incoming) -> str:
    columns = incoming.candidate.columns
    instrument = str(columns.get("instrument"))
    rule = rules_for(instrument).get(incoming.caltype.removeprefix("processed_"))
    return kind_key(instrument, incoming.caltype, columns, rule)


def _wanted(connection: Connection, which: int | str, *, lock: bool = False) -> RowMapping:
    if isinstance(which, str):
        row = records.canonical_of(connection, which, lock=lock)
    else:
        row = records.by_id(connection, which, lock=lock)
    if row is None:
        what = f"number {which}" if isinstance(which, int) else which
        raise Unknown(f"no calibration is called {what}; `nightcrew caldb list` shows what there is")
    return row
