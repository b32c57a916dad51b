"""Whether the file of a calibration is still the one that was entered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.calmanager.incoming import digests_of
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = "changed"
CHANGED_NOTE = "on disk since it was entered; add it again"


@dataclass(frozen=True, slots=True)
class Known:
    """What the database tells of a file: where it lies, None if out of reach, and what it was when it was entered."""

    path: Path | None
    stored: bool
    md5: str
    size: int
    modified: int


@dataclass(slots=True)
class Looker:
    """Looks at files before they are given out, and hashes none twice that has not changed meanwhile.

    A file in the store must be there in its size.  One that is registered where it lies must have the MD5 that was
    recorded; as long as size and time of modification are those that were recorded, that is taken for granted.
    """

    _seen: dict[Path, tuple[tuple[int, int, int], str]] = field(default_factory=dict)

    def fault(self, known: Known) -> str | None:
        """Return None if the file can be given out, `gone`, or `changed`."""
        if known.path is None:
            return "gone"
        try:
            status = known.path.stat()
        except OSError:
            return "gone"
        if known.stored or (status.st_size == known.size and status.st_mtime_ns == known.modified):
            return None if status.st_size == known.size else CHANGED
        stamp = (status.st_size, status.st_mtime_ns, status.st_ino)
        seen = self._seen.get(known.path)
        if seen is None or seen[0] != stamp:
            try:
                seen = stamp, digests_of(known.path).md5
            except FrameError:
                return "gone"
            self._seen[known.path] = seen
        return None if seen[1] == known.md5 else CHANGED
