"""What files have come to, written in one transaction: end of the arrival, frame, and the message that tells of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, IntegrityError

from nightcrew.ingest.archiving import Kept, NotKept, undo
from nightcrew.ingest.core.naming import printable
from nightcrew.ingest.keeping import Source, sync_directory
from nightcrew.ingest.verifying import Accepted, Quarantined
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import ArrivalState, arrivals, frames, outbox
from nightcrew.shared.ledger.records import End, Sighting
from nightcrew.shared.messages import FrameArrived

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from nightcrew.ingest.archiving import Archive
    from nightcrew.shared.database import Database
    from nightcrew.shared.fits.containers import Identity
    from nightcrew.shared.ledger.records import NewFrame

RECORD = "record"
"""Code of a frame that the database refuses."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file and what it was found to be.

    Parameters
    ----------
    path
        Where it is.
    identity
        How it was seen.
    verdict
        What it was found to be.
    """

    path: str
    identity: Identity
    verdict: Accepted | Quarantined


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a file has come to.

    Parameters
    ----------
    path
        Where it was.
    identity
        How it was seen.
    state
        How its arrival ended.
    frame_id
        The frame; None if it is none.
    frame
        What was recorded, or is known already; None if it is none.
    code, reason
        Why it cannot be used.
    trouble
        What could not be done although the file has come to its end, in one line.
    """

    path: str
    identity: Identity
    state: ArrivalState
    frame_id: int | None = None
    frame: NewFrame | None = None
    code: str = ""
    reason: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """A file that has not come to its end.

    Parameters
    ----------
    path
        Where it is.
    reason
        What failed; empty if another ingest sees to it, or it has changed.
    """

    path: str
    reason: str = ""


def sighting_of(path: str, identity: Identity) -> Sighting:
    """Return a file as the ledger keeps it."""
    return Sighting(printable(path), identity.size, identity.mtime_ns, identity.inode)


def record(
    database: Database, archive: Archive, found: Sequence[Found], *, wait: bool = False
) -> list[Recorded | NotRecorded]:
    """Record files in one transaction, and take them from where they came.

    A file that the database refuses is set aside by itself.

    Parameters
    ----------
    database
        Holds the ledger.
    archive
        What is done with the files.
    found
        What they were found to be.
    wait
        Whether to wait for files that somebody else records at this moment, or to leave them to him.

    Raises
    ------
    ServiceError
        If the database failed; nothing is recorded then, and all files are where they were.
    """
    try:
        return _record(database, archive, found, wait)
    except (DataError, IntegrityError) as error:
        if len(found) > 1:
            return [ended for one in found for ended in record(database, archive, [one], wait=wait)]
        (one,) = found
        why = str(error.orig).strip().splitlines()[0]
        name = printable(Path(one.path).name)
        refused = Quarantined(RECORD, f"{name}: the database refuses it ({why}); look at its headers")
        return _record(database, archive, [replace(one, verdict=refused)], wait)


def _record(database: Database, archive: Archive, found: Sequence[Found], wait: bool) -> list[Recorded | NotRecorded]:
    # In one order everywhere, so that two who record at once wait for one another instead of each for the other.
    ordered = sorted(found, key=lambda one: (Path(one.path).name, one.path))
    step = _Step(archive, wait)
    try:
        with database.begin() as connection:
            ended = step.take(connection, ordered)
    except (DataError, IntegrityError):
        # Only here it is certain that nothing was committed: after a lost connection the names may be in the ledger.
        step.undo()
        raise
    return [step.release(one) if isinstance(one, Recorded) else one for one in ended]


@dataclass(frozen=True, slots=True)
class _New:
    """A file that holds a frame, and its arrival."""

    file: Found
    frame: NewFrame
    arrival_id: int


def _distinct(waiting: Sequence[_New]) -> tuple[list[_New], list[_New]]:
    """Return the first of each name and content, and the others."""
    names: set[str] = set()
    contents: set[str] = set()
    chosen: list[_New] = []
    others: list[_New] = []
    for one in waiting:
        again = one.frame.name in names or one.frame.sha256 in contents
        (others if again else chosen).append(one)
        names.add(one.frame.name)
        contents.add(one.frame.sha256)
    return chosen, others


class _Step:
    """One transaction, and what is done with files before and after it."""

    def __init__(self, archive: Archive, wait: bool) -> None:
        self.archive = archive
        self.wait = wait
        self.kept: dict[str, tuple[Source, Kept]] = {}
        self.ends: list[End] = []
        self.messages: list[FrameArrived] = []
        self.ended: list[Recorded | NotRecorded] = []
        self.connection: Connection

    def take(self, connection: Connection, found: Iterable[Found]) -> list[Recorded | NotRecorded]:
        """Record files that nobody else has recorded, or is about to."""
        self.connection = connection
        files = list(found)
        held = arrivals.hold(connection, [printable(one.path) for one in files], wait=self.wait)
        waiting: list[_New] = []
        for one in files:
            arrival = held.get(printable(one.path))
            if arrival is None or arrival.sighting != sighting_of(one.path, one.identity):
                self.ended.append(NotRecorded(one.path))
            elif isinstance(one.verdict, Quarantined):
                self._set_aside(one, one.verdict, arrival.id)
            else:
                waiting.append(_New(one, one.verdict.frame, arrival.id))
        while waiting:
            known = frames.known(connection, {one.frame.sha256 for one in waiting})
            for new in waiting:
                if new.frame.sha256 in known:
                    self._repeat(new, *known[new.frame.sha256])
            chosen, waiting = _distinct([new for new in waiting if new.frame.sha256 not in known])
            self._accept(chosen)
        self._synchronise()
        arrivals.end_all(connection, self.ends)
        outbox.add_all(connection, self.messages)
        return self.ended

    def _synchronise(self) -> None:
        """Make the names that were given outlast a power cut before the ledger relies on them."""
        for directory in {Path(kept.path).parent for _, kept in self.kept.values() if kept.new}:
            try:
                sync_directory(directory)
            except OSError as error:
                raise ServiceError(f"{directory}: cannot be synchronised ({error.strerror}); check the disk") from error

    def _accept(self, chosen: Sequence[_New]) -> None:
        """Record frames that are not known, no two of which have the same name or content."""
        fresh: list[_New] = []
        for one in chosen:
            source = Source(one.file.path, one.file.identity, one.frame.sha256)
            kept = self.archive.keep(one.frame, source)
            if isinstance(kept, NotKept):
                self.ended.append(NotRecorded(one.file.path, kept.reason))
                continue
            self.kept[one.file.path] = source, kept
            fresh.append(replace(one, frame=replace(one.frame, path=kept.path)))
        if not fresh:
            return
        recorded = frames.record_all(self.connection, [one.frame for one in fresh])
        late = [one.frame.sha256 for one, it in zip(fresh, recorded, strict=True) if not it.new]
        known = frames.known(self.connection, late) if late else {}
        for one, it in zip(fresh, recorded, strict=True):
            if it.new:
                self._announce(one, it.frame_id)
            else:  # somebody has recorded the same content at the same time
                frame_id, kept_at = known[one.frame.sha256]
                _, kept = self.kept.pop(one.file.path)
                if kept.path != kept_at:  # else he has found the name that we had given, and relies on it
                    undo(kept)
                self._repeat(one, frame_id, kept_at)

    def _announce(self, one: _New, frame_id: int) -> None:
        frame, path = one.frame, one.file.path
        moved_to = None if frame.path == path else frame.path
        self.ends.append(End(one.arrival_id, ArrivalState.ACCEPTED, frame_id=frame_id, moved_to=moved_to))
        self.messages.append(
            FrameArrived(
                producer="ingest",
                frame_id=frame_id,
                content_hash=frame.sha256,
                instrument=frame.instrument,
                kind=frame.kind,
                night=frame.night,
            )
        )
        self.ended.append(Recorded(path, one.file.identity, ArrivalState.ACCEPTED, frame_id, frame))

    def _repeat(self, one: _New, frame_id: int, kept_at: str) -> None:
        """End the arrival of a content that is known; the file stays where it is."""
        path, moved_to = one.file.path, None
        if kept_at != path and _is_missing(kept_at):
            source = Source(path, one.file.identity, one.frame.sha256)
            kept = self.archive.keep(one.frame, source)
            if isinstance(kept, NotKept):
                self.ended.append(NotRecorded(path, kept.reason))
                return
            self.kept[path] = source, kept
            kept_at = kept.path
            moved_to = None if kept_at == path else kept_at
            frames.relocate(self.connection, frame_id, kept_at)
        reason = "" if kept_at == path or moved_to else f"the same as {kept_at}"
        self.ends.append(End(one.arrival_id, ArrivalState.DUPLICATE, "", reason, frame_id, moved_to))
        frame = replace(one.frame, path=kept_at)
        self.ended.append(Recorded(path, one.file.identity, ArrivalState.DUPLICATE, frame_id, frame, reason=reason))

    def _set_aside(self, file: Found, verdict: Quarantined, arrival_id: int) -> None:
        source = Source(file.path, file.identity)
        kept = self.archive.set_aside(source, verdict.code, verdict.reason)
        moved_to, trouble = None, ""
        if isinstance(kept, NotKept):
            trouble = kept.reason
        elif kept.path != file.path:
            moved_to = printable(kept.path)
            self.kept[file.path] = source, kept
        state, code, reason = ArrivalState.QUARANTINED, verdict.code, verdict.reason
        self.ends.append(End(arrival_id, state, code, reason, moved_to=moved_to))
        self.ended.append(Recorded(file.path, file.identity, state, code=code, reason=reason, trouble=trouble))

    def undo(self) -> None:
        """Take names back that were given in a transaction that was not committed."""
        for _, kept in self.kept.values():
            undo(kept)

    def release(self, ended: Recorded) -> Recorded:
        """Take a recorded file from where it came."""
        if ended.path not in self.kept:
            return ended
        trouble = self.archive.release(*self.kept[ended.path])
        return replace(ended, trouble=ended.trouble or trouble)


def _is_missing(path: str) -> bool:
    """Whether there is certainly no file at a path: a disk that fails says nothing."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
