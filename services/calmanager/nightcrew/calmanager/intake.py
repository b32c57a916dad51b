"""The part of the calibration manager that takes files in, and sweeps what became of them on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.calmanager.database import records
from nightcrew.calmanager.entering import Entrance, enter
from nightcrew.calmanager.incoming import checked_name, digests_of, examine
from nightcrew.calmanager.keeping import Keeping
from nightcrew.calmanager.records import Added, Swept
from nightcrew.calmanager.sweeping import sweep
from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nightcrew.calmanager.core.gates import Verdict
    from nightcrew.calmanager.files import FileStore
    from nightcrew.calmanager.incoming import Incoming


class Intake(Keeping):
    """Takes files in."""

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

    def sweep(self) -> Swept:
        """Remove what crashes left in the store more than an hour ago, and tell which files are missing there."""
        return sweep(self.database, self._store(), self._clock().timestamp())

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
