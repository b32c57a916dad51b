"""What lies in the watched directories now; nothing is remembered, and nothing but listings is asked for.

`os.scandir` works on every file system.  Notifications (inotify) do not come from network file systems and get lost
under load, so nothing could rest on them.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.shared.fits.containers import Identity
from nightcrew.shared.reception import may_be_a_frame

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

GONE = frozenset({errno.ENOENT, errno.ESTALE, errno.ENOTDIR, errno.ELOOP})
"""What is said of an entry that was removed, or replaced, between listing and looking."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A directory that could not be listed, and why."""

    directory: str
    reason: str

    def holds(self, path: str) -> bool:
        """Whether a path is in the directory, or below it."""
        return path.startswith(f"{self.directory.rstrip('/')}/")


@dataclass(slots=True)
class Listing:
    """What was found.

    Parameters
    ----------
    files
        Files that go by the name of a frame, by path.
    unlisted
        Directories that could not be listed: of the files in them nothing is known, not that they are gone.
    """

    files: dict[str, Identity] = field(default_factory=dict)
    unlisted: list[Unlisted] = field(default_factory=list)

    def unknown(self, path: str) -> bool:
        """Whether a path may be there although it was not found."""
        return any(one.holds(path) for one in self.unlisted)


def scan(directories: Collection[Path], *, recursive: bool = False, without: Collection[Path] = ()) -> Listing:
    """List the files that may be frames.

    Parameters
    ----------
    directories
        Where to look.
    recursive
        Whether to look in the directories below too; hidden ones are left out, links to directories not followed.
    without
        Directories to leave out: archive and quarantine, if they are below the others.

    Notes
    -----
    Links to files are followed; one that leads nowhere is found as the link that it is, and will be told.
    """
    listing = Listing()
    left_out = {os.path.normpath(path) for path in without}
    waiting = [os.path.normpath(directory) for directory in reversed(list(directories))]
    while waiting:
        directory = waiting.pop()
        try:
            below = _list(directory, listing)
        except OSError as error:
            listing.unlisted.append(Unlisted(directory, error.strerror or str(error)))
            continue
        if recursive:
            waiting += [path for path in below if path not in left_out]
    return listing


def _list(directory: str, listing: Listing) -> list[str]:
    """Add the files of a directory to a listing; return the directories in it."""
    below = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            elif may_be_a_frame(entry.name):
                identity = _identity(entry)
                if identity is not None:
                    listing.files[entry.path] = identity
    return below


def _identity(entry: os.DirEntry[str]) -> Identity | None:
    """Return what the operating system says of an entry; None if that is a directory, or gone."""
    try:
        return None if entry.is_symlink() and entry.is_dir() else Identity.of(entry.stat())
    except OSError as error:
        if error.errno not in GONE:
            raise
    try:
        return Identity.of(entry.stat(follow_symlinks=False)) if entry.is_symlink() else None
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
