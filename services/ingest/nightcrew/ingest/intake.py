"""Frames that are handed in one by one instead of being found: the same questions, the same ends, at once."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nightcrew.ingest.archiving import Archive, Mode
from nightcrew.ingest.core.naming import UnsafeName, printable, safe_name, shown
from nightcrew.ingest.keeping import STAGE
from nightcrew.ingest.recording import Found, NotRecorded, Recorded, record, sighting_of
from nightcrew.ingest.verifying import Accepted, Quarantined, verify
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits.containers import Identity
from nightcrew.shared.ledger import ArrivalState, arrivals
from nightcrew.shared.reception import may_be_a_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nightcrew.shared.database import Database

_LEFT = 86400.0
"""Age in seconds of a directory of an upload that nobody finished."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A file that is cut short, or changes; it is looked into again where it is."""

    reason: str


Taken: TypeAlias = Recorded | NotRecorded | Unfinished


class OutOfBounds(FrameError):
    """A path that ingest does not watch."""

    code = "path"


def take_in(database: Database, archive: Archive, path: str, *, most: int | None = None, last: bool = False) -> Taken:
    """Look into a file now, and bring it to its end.

    Parameters
    ----------
    database
        Holds the ledger.
    archive
        What is done with the file.
    path
        Where it is.
    most
        Bytes that it may have.
    last
        Whether a file that is cut short will stay so.

    Raises
    ------
    ServiceError
        If the database failed; the file is where it was then.
    """
    try:
        seen = Identity.of(Path(path).stat())
    except OSError as error:
        return NotRecorded(path, f"{printable(path)}: cannot be read ({error.strerror}); check the name and the rights")
    with database.begin() as connection:
        arrivals.see(connection, [sighting_of(path, seen)])
    match verify(path, seen, most):
        case Accepted(unfinished=True) if not last:
            return Unfinished(f"{printable(path)}: it has fewer extensions than NEXTEND promises")
        case Quarantined(unfinished=True, reason=reason) if not last:
            return Unfinished(reason)
        case (Accepted() | Quarantined()) as verdict:
            (ended,) = record(database, archive, [Found(path, seen, verdict)], wait=True)
            if ended == NotRecorded(path):  # somebody has just recorded it: it is the same as his
                with database.begin() as connection:
                    arrivals.see(connection, [sighting_of(path, seen)])
                (ended,) = record(database, archive, [Found(path, seen, verdict)], wait=True)
            return ended
        case verdict:
            reason = getattr(verdict, "reason", f"{printable(path)}: it changes; hand it in when it is complete")
            return Unfinished(reason)


def within(path: str, roots: Iterable[Path]) -> Path:
    """Return a path from outside, if it leads to a file that is below one of the directories, whatever links say.

    Raises
    ------
    OutOfBounds
        If it does not.
    """
    try:
        real = Path(os.path.realpath(path, strict=True))
        below = any(real.is_relative_to(os.path.realpath(root)) for root in roots)
    except (OSError, ValueError):
        below = False
    if not below or not may_be_a_frame(Path(path).name):
        raise OutOfBounds(
            f"{shown(path[:200])}: no frame below a directory that ingest watches; see NIGHTCREW_INGEST_DIRECTORIES"
        )
    return Path(os.path.abspath(path))  # noqa: PTH100 - the name is that of the link


@dataclass(frozen=True, slots=True)
class Inbox:
    """Takes in frames whose bytes come from elsewhere.

    Parameters
    ----------
    database
        Holds the ledger.
    root
        Directory below which they are kept.
    quarantine
        Where those are set aside that cannot be used; None: they are not kept.
    most
        Bytes that a frame may have.
    """

    database: Database
    root: Path
    quarantine: Path | None = None
    most: int | None = None

    @property
    def archive(self) -> Archive:
        """What is done with uploaded files."""
        return Archive(Mode.MOVE, self.root, self.quarantine)

    def receive(self, name: str, parts: Iterable[bytes]) -> Recorded:
        """Write a frame down and bring it to its end.

        Parameters
        ----------
        name
            What the file is called.
        parts
            Its bytes as they arrive.

        Raises
        ------
        UnsafeName
            If the name is none for a frame.
        FrameError
            Whatever ends the parts early.
        ServiceError
            If the database or the disk failed.  Nothing is left in any of these cases.
        """
        directory = self.root / STAGE / f"upload-{secrets.token_hex(12)}"
        path = directory / safe_name(name)
        try:
            self._write(path, parts)
            return self._end(path)
        finally:
            _remove(directory)

    def recover(self) -> list[Recorded]:
        """Bring uploads to an end that were complete when a process died; remove the others."""
        stage = self.root / STAGE
        with self.database.begin() as connection:
            waiting = arrivals.settling(connection, str(stage))
        ended: list[Recorded] = []
        for arrival in waiting:
            path = Path(arrival.sighting.path)
            if path.exists():
                ended.append(self._end(path))
                _remove(path.parent)
            else:
                self._let_go(path)
        return ended

    def sweep(self, now: float) -> int:
        """Remove uploads that were never finished; return how many."""
        old = [path for path in self._directories() if now - path.stat().st_mtime > _LEFT]
        for path in old:
            _remove(path)
        return len(old)

    def _directories(self) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from (path for path in (self.root / STAGE).iterdir() if path.name.startswith("upload-"))

    def _write(self, path: Path, parts: Iterable[bytes]) -> None:
        try:
            path.parent.mkdir(parents=True)
            with path.open("xb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ServiceError(
                f"{self.root}: cannot be written ({error.strerror}); look for room and rights"
            ) from error

    def _end(self, path: Path) -> Recorded:
        taken = take_in(self.database, self.archive, str(path), most=self.most, last=True)
        if isinstance(taken, Recorded):
            return taken
        self._let_go(path)
        raise ServiceError(taken.reason or f"{path.name}: it was not recorded; send it again")

    def _let_go(self, path: Path) -> None:
        with self.database.begin() as connection:
            for one in arrivals.hold(connection, [str(path)]).values():
                arrivals.end(connection, one.id, ArrivalState.GONE, reason="the upload was not finished")


def _remove(directory: Path) -> None:
    """Remove the directory of an upload, and what is left in it."""
    with suppress(OSError):
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()


def name_of(taken: Sequence[str]) -> str:
    """Return the one name in a request.

    Raises
    ------
    UnsafeName
        If there is none, or more than one.
    """
    if len(taken) != 1:
        raise UnsafeName("say what the file is called, once: POST /frames?name=N20160102S0001.fits")
    return taken[0]
