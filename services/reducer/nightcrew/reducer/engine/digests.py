"""The md5 of files, each read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import md5_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class Digests:
    """Remembers the md5 of files as long as they do not change."""

    _known: dict[tuple[Path, int, int, int], str] = field(default_factory=dict)

    def md5(self, path: Path) -> str:
        """Return the md5 of a file as it is now.

        Raises
        ------
        ServiceError
            If it cannot be read.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise ServiceError(f"{path}: cannot be read ({error.strerror}); check that it is still there") from error
        key = (path, status.st_ino, status.st_size, status.st_mtime_ns)
        if key not in self._known:
            self._known[key] = md5_of(path)
        return self._known[key]
