"""Cleaning the store of what crashes left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.calmanager.database import records
from nightcrew.calmanager.records import Swept

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.calmanager.files import FileStore
    from nightcrew.shared.database import Database

SETTLED = 3600.0
"""Seconds after which a file in the store that no entry tells of was left by a crash."""


def sweep(database: Database, files: FileStore, now: float) -> Swept:
    """Remove files that no entry tells of, and tell which files are missing.

    Parameters
    ----------
    database, files
        What tells of them, and where they are.
    now
        Seconds since 1970.
    """
    with database.connect() as connection:
        known = records.stored_contents(connection)
    removed = {path: _discard(database, files, path) for path in list(files.orphans(known, now - SETTLED))}
    kept = {(sha256, name) for sha256, name, _ in files.kept()}
    missing = tuple(sorted(name for sha256, name in known if (sha256, name) not in kept))
    gone = {path: size for path, size in removed.items() if size is not None}
    return Swept(tuple(gone), sum(gone.values()), missing)


def _discard(database: Database, files: FileStore, path: Path) -> int | None:
    """Remove a file unless somebody has just entered it; nobody can while we look."""
    with database.begin() as connection:
        records.own_the_name(connection, path.name)
        if (path.parent.name, path.name) in records.stored_contents(connection, path.name):
            return None
        return files.discard(path) if path.exists() else None
