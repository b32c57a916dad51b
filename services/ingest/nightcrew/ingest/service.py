"""Ingest at work: looks at its directories again and again, and brings every file in them to an end, once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nightcrew.ingest.archiving import Archive, Kept
from nightcrew.ingest.core.naming import printable
from nightcrew.ingest.core.settling import Policy, Ready, Track, judge, looked, observe
from nightcrew.ingest.keeping import Source, digest_of
from nightcrew.ingest.recording import Found, NotRecorded, Recorded, record, sighting_of
from nightcrew.ingest.scanning import Listing, scan
from nightcrew.ingest.verifying import Accepted, Changed, NotNow, Quarantined, verify
from nightcrew.ingest.watching import Polled, Unwatched, Watcher
from nightcrew.shared.bus import Backoff
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import ArrivalState, arrivals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Event

    from nightcrew.ingest.verifying import Verdict
    from nightcrew.shared.database import Database
    from nightcrew.shared.fits.containers import Identity
    from nightcrew.shared.ledger.records import Arrival

_T = TypeVar("_T")

COMPRESSED = (".bz2", ".gz", ".fz")
"""Ends of names of files whose length no header tells before they are read."""
_LONGEST = 1.0
"""Seconds that a file which was read waits for others to be recorded with: large ones take that long to be unpacked."""
_ASKED = 1000
"""Paths that the ledger is asked for at once."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched, and how.

    Parameters
    ----------
    directories
        Where files arrive; absolute, and text.
    recursive
        Whether directories below belong to it.
    policy
        When a file is looked into.
    archive
        What is done with files.
    interval
        Seconds between two looks.
    batch
        Files that are recorded in one transaction.
    readers
        Files that are read at once.
    most
        Bytes that a frame may have, compressed or not.
    """

    directories: tuple[Path, ...]
    recursive: bool = False
    policy: Policy = field(default_factory=Policy)
    archive: Archive = field(default_factory=Archive)
    interval: float = 1.0
    batch: int = 50
    readers: int = 2
    most: int | None = None

    def scan(self) -> Listing:
        """List what is there."""
        aside = [path for path in (self.archive.root, self.archive.quarantine) if path is not None]
        return scan(self.directories, recursive=self.recursive, without=aside)


@dataclass(slots=True)
class Ingest:
    """Brings files to an end until it is told to stop.

    The ledger is the memory: what is kept here saves asking it again, and is made anew after a restart.  Several may
    watch the same directory; each file comes to its end once.

    Parameters
    ----------
    database
        Holds the ledger.
    watch
        What is watched.
    watcher
        Is told what is done.
    clock
        Seconds that only go forward.
    backoff
        How long to wait for a database that is gone.
    """

    database: Database
    watch: Watch
    watcher: Watcher = field(default_factory=Unwatched)
    clock: Callable[[], float] = time.monotonic
    backoff: Backoff = field(default_factory=Backoff)
    _ended: dict[str, Identity] = field(default_factory=dict)
    _tracks: dict[str, Track] = field(default_factory=dict)
    _noted: dict[str, Identity] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _began: bool = False

    def run(self, stop: Event) -> None:
        """Poll until `stop` is set; a database that is gone is waited for."""
        pauses = self.backoff.delays()
        while not stop.is_set():
            began = self.clock()
            try:
                self.poll(stop)
                pauses = self.backoff.delays()
                wait = max(0.0, self.watch.interval - (self.clock() - began))
            except ServiceError as error:
                wait = next(pauses, self.backoff.ceiling)
                self.watcher.trouble("database", str(error))
            stop.wait(wait)

    def poll(self, stop: Event | None = None) -> Polled:
        """Look at the directories once, and bring to an end what is ready.

        Raises
        ------
        ServiceError
            If the database failed: what was not recorded is where it was, and will be seen again.
        """
        listing = self.watch.scan()
        trouble = [f"{one.directory}: cannot be listed ({one.reason})" for one in listing.unlisted]
        self._remember(listing)
        self._note(listing)
        gone = self._let_go(listing)
        recorded: list[Recorded] = []
        for ended in self._bring_to_an_end(self._ready(), stop):
            match ended:
                case Recorded():
                    recorded.append(ended)
                    if ended.trouble:
                        trouble.append(ended.trouble)
                case NotRecorded() if ended.reason:
                    trouble.append(ended.reason)
        polled = Polled(len(listing.files), len(self._tracks), tuple(recorded), tuple(gone), tuple(trouble))
        for line in trouble:
            self.watcher.trouble("files", line)
        self.watcher.polled(polled)
        return polled

    # What is there.

    def _remember(self, listing: Listing) -> None:
        """Ask the ledger about files that are new to us: it may know them from before."""
        new = [
            path for path, seen in listing.files.items() if self._ended.get(path) != seen and path not in self._tracks
        ]
        for some in _in_parts(new, _ASKED):
            with self.database.begin() as connection:
                last = arrivals.latest(connection, [printable(path) for path in some])
            for path in some:
                arrival = last.get(printable(path))
                seen = listing.files[path]
                if arrival is None or arrival.sighting != sighting_of(path, seen):
                    self._ended.pop(path, None)
                elif arrival.state is ArrivalState.SETTLING:
                    self._noted[path] = seen
                elif arrival.state is not ArrivalState.GONE:
                    self._end(path, seen)
                    self._finish(path, seen, arrival)
        for path in self._ended.keys() - listing.files.keys():
            if not listing.unknown(path):
                del self._ended[path]

    def _finish(self, path: str, seen: Identity, arrival: Arrival) -> None:
        """Take away a file that was recorded as kept elsewhere when somebody died, or could not remove it."""
        if arrival.moved_to is not None:
            digest = ""
            with suppress(OSError):  # what cannot be read may be the same file still
                digest = digest_of(Path(path))
            trouble = self.watch.archive.release(Source(path, seen, digest), Kept(arrival.moved_to))
            if trouble:
                self.watcher.trouble("files", trouble)

    def _note(self, listing: Listing) -> None:
        """Take down how files are now, in memory and in the ledger."""
        now = self.clock()
        for path, seen in listing.files.items():
            if self._ended.get(path) != seen:
                self._tracks[path] = observe(self._tracks.get(path), seen, now)
        changed = [path for path, track in self._tracks.items() if self._noted.get(path) != track.seen]
        for some in _in_parts(changed, _ASKED):
            with self.database.begin() as connection:
                known = arrivals.see_new(connection, [sighting_of(path, self._tracks[path].seen) for path in some])
            for path in some:
                if printable(path) in known:  # another ingest was quicker: the next look asks what it came to
                    self._forget(path)
                else:
                    self._noted[path] = self._tracks[path].seen

    def _let_go(self, listing: Listing) -> list[str]:
        """End the arrivals of files that are not there any more."""
        gone = [path for path in self._tracks if path not in listing.files and not listing.unknown(path)]
        wanted = {printable(path): path for path in gone}
        if not self._began:
            wanted.update(self._lost(listing))
        for some in _in_parts(list(wanted), _ASKED):
            with self.database.begin() as connection:
                for arrival in arrivals.hold(connection, some).values():
                    arrivals.end(connection, arrival.id, ArrivalState.GONE, reason="it vanished before it was whole")
        for path in gone:
            self._forget(path)
        self._began = True
        return gone

    def _lost(self, listing: Listing) -> dict[str, str]:
        """Return what was settling in our directories when the last ingest ended, and has vanished since."""
        here = {printable(path) for path in listing.files}
        found: dict[str, str] = {}
        with self.database.begin() as connection:
            for directory in self.watch.directories:
                below = printable(str(directory))
                for arrival in arrivals.settling(connection, below):
                    path = arrival.sighting.path
                    ours = self.watch.recursive or "/" not in path[len(below.rstrip("/")) + 1 :]
                    if ours and path not in here and not listing.unknown(path):
                        found[path] = path
        return found

    # What is ready.

    def _ready(self) -> list[tuple[str, Track, bool]]:
        """Return the files that are to be looked into, and whether for the last time; the oldest first."""
        now = self.clock()
        ready = []
        for path, track in self._tracks.items():
            if self._not_before.get(path, now) > now:
                continue
            plain = not path.lower().endswith(COMPRESSED)
            match judge(track, track.seen, now, self.watch.policy, plain=plain):
                case Ready(last=last):
                    ready.append((path, track, last))
        return sorted(ready, key=lambda one: (one[1].seen.mtime_ns, one[0]))

    def _bring_to_an_end(
        self, ready: Sequence[tuple[str, Track, bool]], stop: Event | None
    ) -> Iterator[Recorded | NotRecorded]:
        """Read files, several at once, and meanwhile record those that were read, many at once."""
        if not ready:
            return
        readers = ThreadPoolExecutor(self.watch.readers, "ingest-reader")
        try:
            verdicts = readers.map(lambda one: verify(one[0], one[1].seen, self.watch.most), ready)
            found: list[Found] = []
            began, read = self.clock(), 0
            for number, (file, verdict) in enumerate(zip(ready, verdicts, strict=True), 1):
                found += self._found(*file, verdict)
                read += 1
                if number < len(ready) and read < self.watch.batch and self.clock() - began < _LONGEST:
                    continue
                yield from self._record(found)
                found, read, began = [], 0, self.clock()
                if stop is not None and stop.is_set():
                    return
        finally:
            readers.shutdown(cancel_futures=True)

    def _record(self, found: Sequence[Found]) -> Iterator[Recorded | NotRecorded]:
        if found:
            for ended in record(self.database, self.watch.archive, found):
                self._take_note(ended)
                yield ended

    def _found(self, path: str, track: Track, last: bool, verdict: Verdict) -> Iterator[Found]:
        """Give a file that can be recorded; take down what keeps another one waiting."""
        match verdict:
            case Accepted() | Quarantined() if last or not verdict.unfinished:
                yield Found(path, track.seen, verdict)
            case Accepted():
                self._wait(path, track, "it has fewer extensions than NEXTEND promises")
            case Quarantined(reason=reason):
                self._wait(path, track, reason)
            case NotNow(reason=reason):
                self._put_off(path)
                self.watcher.trouble("files", reason)
            case Changed():
                self._put_off(path)

    def _wait(self, path: str, track: Track, reason: str) -> None:
        self._tracks[path] = looked(track)
        self.watcher.unfinished(path, reason)

    def _take_note(self, ended: Recorded | NotRecorded) -> None:
        if isinstance(ended, NotRecorded):
            if ended.reason:
                self._put_off(ended.path)
            else:  # another ingest has it, or had it: the ledger knows
                self._forget(ended.path)
            return
        track = self._tracks[ended.path]
        self.watcher.recorded(ended, self.clock() - track.first)
        self._end(ended.path, ended.identity)

    def _put_off(self, path: str) -> None:
        """Let a file wait that the machine, or another ingest, stands in the way of."""
        self._not_before[path] = self.clock() + max(self.watch.policy.settle, self.watch.interval)

    def _end(self, path: str, seen: Identity) -> None:
        self._forget(path)
        self._ended[path] = seen

    def _forget(self, path: str) -> None:
        for memory in (self._tracks, self._noted, self._not_before):
            memory.pop(path, None)


def _in_parts(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Give the items in parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
