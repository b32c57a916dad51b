"""The calibration manager as command line, HTTP application and tests use it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from nightcrew.calmanager import lifecycle
from nightcrew.calmanager.associating import Asking
from nightcrew.calmanager.core.states import Event
from nightcrew.calmanager.core.validity import validity_between
from nightcrew.calmanager.database import CALIBRATION, history, products, records
from nightcrew.calmanager.database.asking import asking
from nightcrew.calmanager.database.indexes import refresh
from nightcrew.calmanager.entering import Entrance, enter
from nightcrew.calmanager.errors import NotAllowed
from nightcrew.calmanager.incoming import checked_name, digests_of, examine
from nightcrew.calmanager.judging import Judge
from nightcrew.calmanager.looking import Looker
from nightcrew.calmanager.places import Places
from nightcrew.calmanager.records import (
    Added,
    Affected,
    Happened,
    HistoryLine,
    Listing,
    ProductRecord,
    Record,
    Swept,
    Vetoed,
)
from nightcrew.calmanager.sweeping import sweep
from nightcrew.shared.association import Answer, Level
from nightcrew.shared.database import require
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import RowMapping

    from nightcrew.calmanager.core.gates import Gates, Verdict
    from nightcrew.calmanager.core.validity import Validity
    from nightcrew.calmanager.files import FileStore
    from nightcrew.calmanager.incoming import Incoming
    from nightcrew.calmanager.records import FileFacts
    from nightcrew.shared.association import Target
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
        self._judge = Judge(gates)
        self._looker = Looker()
        self._places = Places(files)

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

    def associate(
        self,
        target: Target,
        caltype: str,
        *,
        mode: str | None = None,
        max_level: Level = Level.RULE,
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
            The worst level that is still a match.
        howmany
            How many to return; as many as the rule says if None or 0.

        Returns
        -------
        Answer
            Its candidates have paths to files that are there.  A file that is gone or has changed is skipped: a near
            miss, and a caveat of the first match.  Without any match it carries the ten nearest misses, and counts
            those of the kind up to a thousand.

        Raises
        ------
        CalibrationError
            If the target does not tell something that the rule compares.
        """
        question = self._question(target, caltype, mode, max_level)
        with asking(self.database) as connection:
            return question.answer(connection, howmany)

    def offer(
        self,
        target: Target,
        caltype: str,
        *,
        mode: str | None = None,
        max_level: Level = Level.RULE,
        howmany: int | None = None,
        near: bool = True,
    ) -> tuple[Answer, Mapping[int, FileFacts]]:
        """Find the calibrations that belong to a frame, and tell of their files, by number of the entry.

        It takes one visit to the database for both.  For the other parameters see `associate`.

        Parameters
        ----------
        near
            Whether to look for near misses if nothing matches, which takes longer than to find that out.
        """
        question = self._question(target, caltype, mode, max_level)
        with asking(self.database) as connection:
            return question.answer(connection, howmany, near=near), question.files

    def explain(
        self,
        target: Target,
        caltype: str,
        *,
        mode: str | None = None,
        max_level: Level = Level.RELAXED,
        howmany: int | None = None,
    ) -> Answer:
        """Find the calibrations that belong to a frame, and those that nearly do and why not.

        The near misses are the nearest 200; `ingested` counts all of the kind.  For the parameters see `associate`.
        """
        question = self._question(target, caltype, mode, max_level)
        with asking(self.database) as connection:
            return question.explanation(connection, howmany)

    def survivors(
        self, target: Target, caltype: str, *, mode: str | None = None, max_level: Level = Level.RULE
    ) -> Sequence[tuple[str, int]]:
        """Return each condition with how many entries fulfil it and all before it; the first line counts all."""
        question = self._question(target, caltype, mode, max_level)
        with asking(self.database) as connection:
            return question.survivors(connection)

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
        return self._enter(Entrance(incoming, path.parent, who, why, self._clock(), certified))

    def admit(self, path: Path, *, who: str, why: str = "") -> Added:
        """Register a new master where it lies: certified if it passes the gates, else a candidate.

        Parameters
        ----------
        path
            The file.
        who, why
            Who hands it in, and what it is made of.

        Raises
        ------
        NotACalibration, FrameError
            As for `add`.
        """
        path = Path(path).absolute()
        name = checked_name(path.name)
        incoming = examine(path, name, digests_of(path))
        verdict = self._verdict(incoming)
        return self._enter(Entrance(incoming, path.parent, who, why, self._clock(), verdict.passed, verdict))

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
        checked_name(name)
        files = self._store()
        with files.receive(name, chunks, limit=limit, md5=md5, sha256=sha256) as received:
            incoming = examine(received.path, name, received.digests)
            verdict = self._verdict(incoming)
            with self.database.begin() as connection:
                records.own_the_name(connection, name)  # from here on no sweep takes the file for an orphan
                # The file is in its place before the database tells of it.
                incoming = incoming.at(files.keep(received, name))
                entrance = Entrance(incoming, None, who, "", self._clock(), verdict.passed, verdict)
                row, new = enter(connection, entrance, self._places.holds)
        return Added(self._record(row), new, verdict)

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

    def sweep(self) -> Swept:
        """Remove what crashes left in the store more than an hour ago, and tell which files are missing there."""
        return sweep(self.database, self._store(), self._clock().timestamp())

    def _question(self, target: Target, caltype: str, mode: str | None, max_level: Level) -> Asking:
        return Asking(target, caltype, mode, max_level, self._places.of_row, self._looker)

    def _happen(
        self, which: int | str, event: Event, who: str, why: str, *, validity: Validity | None = None
    ) -> Record:
        with self.database.begin() as connection:
            at = self._clock()
            return self._record(lifecycle.happen(connection, which, event, who=who, why=why, at=at, validity=validity))

    def _enter(self, entrance: Entrance) -> Added:
        with self.database.begin() as connection:
            row, new = enter(connection, entrance, self._places.holds)
        return Added(self._record(row), new, entrance.verdict)

    def _verdict(self, incoming: Incoming) -> Verdict:
        """Judge a master by the gates, beside the one of its kind that is nearest in time."""
        with self.database.connect() as connection:
            previous = records.previous_master(connection, incoming.kind, incoming.candidate.ut_datetime)
        return self._judge(incoming, None if previous is None else self._places.of(previous))

    def _store(self) -> FileStore:
        if self.files is None:
            raise ServiceError("no directory is set for received calibrations; set NIGHTCREW_CALMANAGER_STORE")
        return self.files

    def _record(self, row: RowMapping) -> Record:
        return records.as_record(row, self._places.of(row))
