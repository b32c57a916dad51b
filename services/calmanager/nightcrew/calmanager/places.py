"""Where the files of calibrations lie: registered ones where they were, received ones in the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightcrew.calmanager.incoming import digests_of
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from sqlalchemy import Row, RowMapping

    from nightcrew.calmanager.files import FileStore


@dataclass(frozen=True, slots=True)
class Places:
    """Finds files; those in the store are out of reach without it."""

    files: FileStore | None

    def of(self, entry: RowMapping) -> Path | None:
        """Return where the file of an entry lies."""
        return self._place(entry["stored"], entry["directory"], entry["sha256"], entry["name"])

    def of_row(self, row: Row[Any]) -> Path | None:
        """Return where the file of a selected row lies."""
        return self._place(row.stored, row.directory, row.sha256, row.name)

    def holds(self, entry: RowMapping) -> bool:
        """Whether the file of an entry is there with its content."""
        path = self.of(entry)
        try:
            return path is not None and digests_of(path).sha256 == str(entry["sha256"])
        except FrameError:
            return False

    def _place(self, stored: bool, directory: str, sha256: str, name: str) -> Path | None:
        if not stored:
            return Path(directory) / name
        return None if self.files is None else self.files.path_of(sha256, name)
