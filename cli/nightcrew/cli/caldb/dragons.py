"""Databases of DRAGONS: which files they list, so that they can be entered here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from nightcrew.shared.errors import CalibrationError

_NEEDED = frozenset({"filename", "path"})
_CURRENT = ("canonical", "present")
"""Flags that a row has as long as its file is the one of that name, and is there."""


def listed_files(path: Path) -> list[Path]:
    """Return the files that a database of DRAGONS lists, sorted.

    The file is only read.  Which table holds them is told by its columns.

    Raises
    ------
    CalibrationError
        If it cannot be read, or has no such table.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in sorted(names):
                columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
                if columns >= _NEEDED:
                    wanted = " AND ".join(flag for flag in _CURRENT if flag in columns) or "1"
                    query = f'SELECT DISTINCT path, filename FROM "{name}" WHERE {wanted}'  # noqa: S608 - its own names
                    return sorted(Path(folder or "") / file for folder, file in connection.execute(query) if file)
    except sqlite3.Error as error:
        raise CalibrationError(f"{path}: cannot be read as a database of DRAGONS ({error}); check the name") from error
    raise CalibrationError(f"{path}: lists no files; name the cal_manager.db of DRAGONS")
