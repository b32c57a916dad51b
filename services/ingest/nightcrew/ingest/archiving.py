"""Where accepted files are kept, and where those are set aside that cannot be used.

A file gets its second name before the transaction that records it is committed, and loses its first one after that:
whenever the process dies, there is a file under the name that the ledger has, or under the one that it still waits at.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nightcrew.ingest import keeping
from nightcrew.ingest.core.naming import place, printable, versioned

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.ingest.keeping import Source
    from nightcrew.shared.ledger.records import NewFrame

REASON = ".reason.json"
"""What the name of a file that says why another one was set aside ends with."""


class Mode(StrEnum):
    """What is done with a file."""

    IN_PLACE = "in_place"
    """It stays where it is."""
    LINK = "link"
    """It stays, and gets a second name: a hard link, or a symbolic one to another file system."""
    MOVE = "move"
    """It goes from where it came to; to another file system by a copy."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a file is kept, and whether it has got that name just now."""

    path: str
    new: bool = False


@dataclass(frozen=True, slots=True)
class NotKept:
    """A file that could not be given its place, and why; it is where it was."""

    reason: str


Keeping: TypeAlias = Kept | NotKept


@dataclass(frozen=True, slots=True)
class Archive:
    """What is done with files.

    Parameters
    ----------
    mode
        Whether they stay, get a second name, or go.
    root
        Directory below which accepted ones are kept, as INSTRUMENT/NIGHT/NAME; not needed if they stay.
    quarantine
        Directory in which those are set aside that cannot be used, each with its reason beside it; None for nowhere.
        Files that stay are not there, but their reasons are.
    """

    mode: Mode = Mode.IN_PLACE
    root: Path | None = None
    quarantine: Path | None = None

    def keep(self, frame: NewFrame, source: Source) -> Keeping:
        """Give an accepted file its place."""
        if self.mode is Mode.IN_PLACE or self.root is None:
            return Kept(source.path)
        root = self.root

        def named(version: int) -> Path:
            return root / place(frame.instrument, frame.night, frame.name, version)

        return self._named(source, root, named)

    def set_aside(self, source: Source, code: str, reason: str) -> Keeping:
        """Put a file that cannot be used where somebody will look at it, and the reason beside it."""
        if self.quarantine is None:
            return Kept(source.path)
        directory, name = self.quarantine, Path(source.path).name
        found: Keeping = Kept(source.path)
        if self.mode is not Mode.IN_PLACE:
            with suppress(OSError):  # what cannot be read can still be linked
                source = replace(source, sha256=keeping.digest_of(Path(source.path)))
            found = self._named(source, directory, lambda version: directory / versioned(name, version))
        told = {
            "file": printable(name), "path": printable(source.path), "code": code, "reason": reason,
            "size": source.identity.size, "mtime_ns": source.identity.mtime_ns,
        }  # fmt: skip
        beside = directory / (Path(found.path).name if isinstance(found, Kept) else name)
        try:
            _write(beside.with_name(beside.name + REASON), told)
        except OSError as error:
            return NotKept(f"{printable(str(directory))}: cannot be written ({error.strerror}); give ingest its place")
        return found

    def release(self, source: Source, kept: Kept) -> str:
        """Take a file from where it came, now that the ledger knows where it is kept; return why not, if so."""
        if self.mode is not Mode.MOVE or kept.path == source.path:
            return ""
        shown = printable(source.path)
        if not keeping.holds(Path(kept.path), source):
            return f"{shown}: stays, for {printable(kept.path)} does not hold it any more; look for who changed that"
        try:
            gone = keeping.take_away(source.path, source.identity)
        except OSError as error:
            return f"{shown}: is archived but cannot be removed ({error.strerror}); let ingest write its directory"
        return "" if gone else f"{shown}: stays, for it is another file now"

    def sweep(self, now: float) -> int:
        """Remove copies that were never finished; return how many."""
        return sum(keeping.sweep(root, now) for root in (self.root, self.quarantine) if root is not None)

    def _named(self, source: Source, root: Path, named: Callable[[int], Path]) -> Keeping:
        """Give a file the first of its names that nobody else has."""
        staged = None
        try:
            staged = self._staged(source, root)
            for version in count(1):
                target = named(version)
                try:
                    self._publish(staged, source, target)
                except FileExistsError:
                    if keeping.holds(target, source):
                        return Kept(str(target))
                else:
                    return Kept(str(target), new=True)
        except OSError as error:
            shown = printable(source.path)
            return NotKept(
                f"{shown}: cannot be kept below {root} ({error.strerror or error}); look for room and rights"
            )
        finally:
            if staged is not None:
                with suppress(OSError):
                    staged.unlink(missing_ok=True)
        raise AssertionError("there is always a further version")

    def _staged(self, source: Source, root: Path) -> Path | None:
        """Return the file under a name of ours; None if a symbolic link is to point to it."""
        if self.mode is Mode.LINK:
            root.mkdir(parents=True, exist_ok=True)
            if not Path(source.path).exists() or Path(source.path).stat().st_dev != root.stat().st_dev:
                return None
        return keeping.stage(source, root)

    def _publish(self, staged: Path | None, source: Source, target: Path) -> None:
        if staged is not None:
            keeping.publish(staged, target)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.path.realpath(source.path))


def undo(kept: Kept) -> None:
    """Take back a name that was given just now, for the ledger has not taken it."""
    if kept.new:
        with suppress(OSError):
            Path(kept.path).unlink()


def _write(path: Path, told: dict[str, Any]) -> None:
    """Write what is told of a file; it appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    growing = path.with_name(f".{path.name[:200]}.{os.getpid()}")
    try:
        growing.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)
