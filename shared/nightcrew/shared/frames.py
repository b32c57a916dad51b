"""A frame in memory: primary header, science planes with VAR and DQ, tables.

Arrays are replaced, never written into: two frames may share one.  So a copy of a
frame costs its headers only, and a plane whose arrays came from a file can forget
them and read them again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

PlaneName: TypeAlias = Literal["data", "variance", "dq", "objmask", "rejmap", "expmap"]


class PixelSource(Protocol):
    """Pixels that lie in a file and can be read whole or by rows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array, numpy order."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array as read: native byte order, scaled."""

    def read(self) -> Array:
        """Read the whole array: C-contiguous, native byte order, scaled."""

    def rows(self, start: int, stop: int) -> Array:
        """Read rows `start` to `stop` (0-based, end exclusive) of the slowest axis."""


class ProvenanceRow(NamedTuple):
    """A file that went into a product (spec/commands.md, 14)."""

    timestamp: str
    filename: str
    md5: str
    added_by: str


class HistoryRow(NamedTuple):
    """A primitive that was run (spec/commands.md, 14); `arguments` is a JSON object."""

    primitive: str
    arguments: str
    start: str
    stop: str


@dataclass(frozen=True, slots=True)
class Table:
    """A FITS binary table: a structured array and the units of its columns."""

    rows: Array
    units: dict[str, str] = field(default_factory=dict)


class Plane:
    """One science extension.

    Parameters
    ----------
    header
        Header of the SCI extension.
    data
        Science pixels, shape (ny, nx), float32 once prepared; raw F2 is int32, (1, ny, nx).
    variance
        Variance of `data`, same shape, float32, units of `data` squared.
    dq
        Data quality, same shape, uint16 (`nightcrew.shared.dq.DQ`).
    objmask
        1 where a source was detected, same shape, uint8.
    objcat
        Catalogue of the detected sources.
    rejmap
        Of a stack: number of frames that were not used, same shape, int16.
    expmap
        Of a stack: exposure of each pixel, seconds, same shape, float32.

    Each array may also be given as a `PixelSource`: it is then read when first asked for.
    """

    __slots__ = ("_arrays", "_sources", "header", "objcat")

    def __init__(
        self,
        header: Header,
        data: Array | PixelSource,
        variance: Array | PixelSource | None = None,
        dq: Array | PixelSource | None = None,
        objmask: Array | PixelSource | None = None,
        objcat: Table | None = None,
        rejmap: Array | PixelSource | None = None,
        expmap: Array | PixelSource | None = None,
    ) -> None:
        self.header = header
        self.objcat = objcat
        self._arrays: dict[PlaneName, Array] = {}
        self._sources: dict[PlaneName, PixelSource] = {}
        given: dict[PlaneName, Array | PixelSource | None] = {
            "data": data,
            "variance": variance,
            "dq": dq,
            "objmask": objmask,
            "rejmap": rejmap,
            "expmap": expmap,
        }
        for name, pixels in given.items():
            if isinstance(pixels, np.ndarray):
                self._arrays[name] = pixels
            elif pixels is not None:
                self._sources[name] = pixels

    def _get(self, name: PlaneName) -> Array | None:
        if name not in self._arrays and name in self._sources:
            self._arrays[name] = self._sources[name].read()
        return self._arrays.get(name)

    def _set(self, name: PlaneName, pixels: Array | None) -> None:
        self._sources.pop(name, None)
        if pixels is None:
            self._arrays.pop(name, None)
        else:
            self._arrays[name] = pixels

    @property
    def data(self) -> Array:
        """Science pixels."""
        pixels = self._get("data")
        assert pixels is not None
        return pixels

    @data.setter
    def data(self, pixels: Array) -> None:
        self._set("data", pixels)

    @property
    def variance(self) -> Array | None:
        """Variance of the science pixels; negative values are set to 0 by whoever makes them."""
        return self._get("variance")

    @variance.setter
    def variance(self, pixels: Array | None) -> None:
        self._set("variance", pixels)

    @property
    def dq(self) -> Array | None:
        """Data quality."""
        return self._get("dq")

    @dq.setter
    def dq(self, pixels: Array | None) -> None:
        self._set("dq", pixels)

    @property
    def objmask(self) -> Array | None:
        """Mask of detected sources."""
        return self._get("objmask")

    @objmask.setter
    def objmask(self, pixels: Array | None) -> None:
        self._set("objmask", pixels)

    @property
    def rejmap(self) -> Array | None:
        """Number of frames that a stack did not use."""
        return self._get("rejmap")

    @rejmap.setter
    def rejmap(self, pixels: Array | None) -> None:
        self._set("rejmap", pixels)

    @property
    def expmap(self) -> Array | None:
        """Exposure of each pixel of a stack, seconds."""
        return self._get("expmap")

    @expmap.setter
    def expmap(self, pixels: Array | None) -> None:
        self._set("expmap", pixels)

    def has(self, name: PlaneName) -> bool:
        """Whether the plane has that array, without reading it."""
        return name in self._arrays or name in self._sources

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the science pixels, without reading them."""
        return self._arrays["data"].shape if "data" in self._arrays else self._sources["data"].shape

    def rows(self, name: PlaneName, start: int, stop: int) -> Array | None:
        """Return rows `start` to `stop` of an array; one that is not in memory stays out of it."""
        if name in self._arrays:
            return self._arrays[name][start:stop]
        if name in self._sources:
            return self._sources[name].rows(start, stop)
        return None

    def source(self, name: PlaneName) -> PixelSource | None:
        """Return where an array can be read (again), whether or not it is in memory; None if nowhere."""
        return self._sources.get(name)

    def supply(self, name: PlaneName, source: PixelSource) -> None:
        """Replace an array by one that is read when first asked for."""
        self._arrays.pop(name, None)
        self._sources[name] = source

    def resident(self) -> dict[PlaneName, Array]:
        """Return the arrays that are in memory now."""
        return dict(self._arrays)

    def park(self, name: PlaneName, source: PixelSource) -> None:
        """Forget an array in memory in favour of `source`, which holds the same pixels."""
        self._sources[name] = source
        self._arrays.pop(name, None)

    def release(self, *names: PlaneName) -> None:
        """Forget the arrays that can be read again: all of them, or those named."""
        for name in names or tuple(self._sources):
            if name in self._sources:
                self._arrays.pop(name, None)

    def copy(self) -> Plane:
        """Return a plane with a header of its own that shares the arrays."""
        other = Plane.__new__(Plane)
        other.header = self.header.copy()
        other.objcat = self.objcat
        other._arrays = dict(self._arrays)
        other._sources = dict(self._sources)
        return other


@dataclass(slots=True)
class Frame:
    """One exposure, or a product made of several.

    Parameters
    ----------
    phu
        Primary header.
    planes
        The science extensions in order; NIRI and F2 have one.
    filename
        Current name, with the suffix of the last primitive, `.fits` always.
    path
        Where it was read from; None if made in memory.
    tables
        Top-level tables by extension name (REFCAT, SKYTABLE, ...), PROVENANCE and HISTORY excepted.
    provenance, history
        What went in, and what was done.
    """

    phu: Header
    planes: list[Plane]
    filename: str
    path: Path | None = None
    tables: dict[str, Table] = field(default_factory=dict)
    provenance: list[ProvenanceRow] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)

    def copy(self) -> Frame:
        """Return a frame with headers and lists of its own that shares the arrays."""
        return Frame(
            self.phu.copy(),
            [plane.copy() for plane in self.planes],
            self.filename,
            self.path,
            dict(self.tables),
            list(self.provenance),
            list(self.history),
        )
