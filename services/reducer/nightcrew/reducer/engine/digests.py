"""The md5 of files, each read once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import md5_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_State: TypeAlias = tuple[Path, int, int, int]
"""A file as it is: path, inode, bytes, time of change."""


@dataclass(slots=True)
class Digests:
    """Remembers the md5 of files as long as they do not change."""

    _known: dict[_State, str] = field(default_factory=dict)
    _coming: dict[_State, Future[str]] = field(default_factory=dict)

    def ahead(self, paths: Iterable[Path], threads: int) -> None:
        """Let the md5 of files be computed beside other work; what is wrong with one is told when it is asked for."""
        pool = ThreadPoolExecutor(threads, "md5")
        for path in paths:
            with suppress(OSError):
                state = _state(path)
                if state not in self._known and state not in self._coming:
                    self._coming[state] = pool.submit(md5_of, path)
        pool.shutdown(wait=False)

    def md5(self, path: Path) -> str:
        """Return the md5 of a file as it is now.

        Raises
        ------
        ServiceError
            If it cannot be read.
        """
        try:
            state = _state(path)
        except OSError as error:
            raise ServiceError(f"{path}: cannot be read ({error.strerror}); check that it is still there") from error
        if state not in self._known:
            coming = self._coming.pop(state, None)
            self._known[state] = md5_of(path) if coming is None else coming.result()
        return self._known[state]


def _state(path: Path) -> _State:
    status = path.stat()
    return path, status.st_ino, status.st_size, status.st_mtime_ns
