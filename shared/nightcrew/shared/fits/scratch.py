"""Pixels on disk for a while, when memory is short."""

from __future__ import annotations

import math
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits.containers import fill_from, reading
from nightcrew.shared.fits.output import write_at, writing

if TYPE_CHECKING:
    from types import TracebackType
    from typing import IO

    from numpy.typing import NDArray

    from nightcrew.shared.frames import Plane, PlaneName

    Array: TypeAlias = NDArray[Any]


class Scratch:
    """A place on disk for arrays that memory has no room for.

    It is one file without a name: whatever happens to the process, nothing stays behind.
    The room of an array that no plane refers to any more is used again.

    Parameters
    ----------
    directory
        Where; by default where temporary files go.

    Raises
    ------
    ServiceError
        If the directory cannot be written to.
    """

    def __init__(self, directory: Path | str | None = None) -> None:
        self.directory = Path(directory or tempfile.gettempdir())
        with writing(self.directory):
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=self.directory, buffering=0)  # noqa: SIM115
        self._end = 0
        self._taking = threading.Lock()
        self._free: dict[int, list[int]] = {}

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the room back; what was parked can no longer be read."""
        self._file.close()

    def park(self, plane: Plane, name: PlaneName) -> ScratchPixels | None:
        """Write an array of a plane to disk and let the plane forget it.

        Returns
        -------
        ScratchPixels or None
            Where the array now is; None if it was not in memory.

        Raises
        ------
        ServiceError
            If the disk is full; the plane keeps the array then.
        """
        array = plane.resident().get(name)
        if array is None:
            return None
        native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        offset = self._take(native.nbytes)
        try:
            with writing(self.directory):
                write_at(self._number(), native.reshape(-1).view(np.uint8).data, offset)
        except BaseException:
            self._give_back(native.nbytes, offset)
            raise
        source = ScratchPixels(self, offset, array.shape, native.dtype)
        weakref.finalize(source, self._give_back, native.nbytes, offset)
        plane.park(name, source)
        return source

    def _take(self, size: int) -> int:
        with self._taking:
            free = self._free.get(size)
            if free:
                return free.pop()
            self._end += size
            return self._end - size

    def _give_back(self, size: int, offset: int) -> None:
        self._free.setdefault(size, []).append(offset)

    def _number(self) -> int:
        if self._file.closed:
            raise ServiceError(f"{self.directory}: the scratch file was given back; keep it open while frames use it")
        return self._file.fileno()

    def fill(self, buffer: memoryview, offset: int) -> None:
        """Read as many bytes at `offset` as the buffer holds."""
        with reading(self.directory):
            fill_from(self._number(), buffer, offset, self.directory)


class ScratchPixels:
    """An array that was parked."""

    __slots__ = ("__weakref__", "_offset", "_scratch", "dtype", "shape")

    def __init__(self, scratch: Scratch, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._scratch = scratch
        self._offset = offset
        self.shape = shape
        self.dtype = dtype

    def read(self) -> Array:
        """Read the whole array."""
        return self._read(self._offset, self.shape)

    def rows(self, start: int, stop: int) -> Array:
        """Read rows `start` to `stop` (0-based, end exclusive) of the slowest axis."""
        first, end, _ = slice(start, stop).indices(self.shape[0])
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        return self._read(self._offset + first * row, (max(end - first, 0), *self.shape[1:]))

    def _read(self, offset: int, shape: tuple[int, ...]) -> Array:
        array = np.empty(shape, self.dtype)
        if array.size:
            self._scratch.fill(array.reshape(-1).view(np.uint8).data, offset)
        return array
