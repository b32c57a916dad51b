"""The few facts of a linear celestial WCS that descriptors need: where it points, and its scale.

Reading these from CTYPE, CRVAL and CD costs microseconds; a WCS object costs milliseconds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nightcrew.shared.instruments.view import Keywords

Matrix: TypeAlias = list[list[float]]

_LONGITUDE = re.compile("RA--|[A-Z]LON|[A-Z]{2}LN")
_LATITUDE = re.compile("DEC-|[A-Z]LAT|[A-Z]{2}LT")


@dataclass(frozen=True, slots=True)
class LinearWcs:
    """A WCS, reduced to its reference coordinates and its scale.

    Parameters
    ----------
    longitude, latitude
        Coordinates of the reference pixel in degrees; None without a pair of sky axes.
    scale
        Square root of the area of a pixel in arcsec; None if the sky does not depend on two
        pixel axes.
    """

    longitude: float | None
    latitude: float | None
    scale: float | None


def read_wcs(header: Keywords) -> LinearWcs | None:
    """Read the WCS of a header (FITS paper II, as far as instruments, 1.5 needs it).

    Returns
    -------
    LinearWcs or None
        None if the keywords describe no WCS that separates: a sky axis without its partner,
        for one, is an axis like any other, and those may depend on one pixel axis only.
    """
    try:
        return _read(header)
    except (TypeError, ValueError, OverflowError):
        return None


def _read(header: Keywords) -> LinearWcs | None:
    pixel_axes = _pixel_axes(header)
    world_axes = _world_axes(header, pixel_axes)
    if not pixel_axes or not _mentions_wcs(header, world_axes):
        return None
    matrix = _matrix(header, world_axes, pixel_axes)
    _attach_idle_axes(matrix)
    sky = _sky_pair([str(header.get(f"CTYPE{axis}", "LINEAR")) for axis in range(1, world_axes + 1)])
    used = [{j for j, term in enumerate(row) if term} for row in matrix]
    if any(len(used[i]) > 1 for i in range(world_axes) if i not in sky):
        return None
    if not sky:
        return LinearWcs(None, None, None)
    columns = sorted(used[sky[0]] | used[sky[1]])
    if len(columns) > 2:
        return None
    longitude, latitude = (float(header.get(f"CRVAL{axis + 1}", 0.0)) for axis in sky)
    return LinearWcs(longitude, latitude, _scale(matrix, sky, columns))


def _scale(matrix: Matrix, sky: tuple[int, ...], columns: list[int]) -> float | None:
    if len(columns) != 2:
        return None
    (a, b), (c, d) = ([matrix[row][column] for column in columns] for row in sky)
    return 3600.0 * math.sqrt(abs(a * d - b * c))


def _pixel_axes(header: Keywords) -> int:
    """NAXIS; in a primary header without data, as many as there are CRPIXn."""
    axes = int(header.get("NAXIS", 0) or 0)
    return axes or max((axis for axis in range(1, 10) if f"CRPIX{axis}" in header), default=0)


def _world_axes(header: Keywords, pixel_axes: int) -> int:
    if "WCSAXES" in header:
        return int(header["WCSAXES"])
    highest = max(pixel_axes, 3)
    named = [i for i in range(1, highest + 1) if f"CTYPE{i}" in header]
    coupled = [i for i in range(1, highest + 1) for j in range(1, highest + 1) if f"CD{i}_{j}" in header]
    return max([pixel_axes, *named, *coupled])


def _mentions_wcs(header: Keywords, world_axes: int) -> bool:
    axes = range(1, world_axes + 1)
    names = (f"{keyword}{axis}" for axis in axes for keyword in ("CTYPE", "CRPIX", "CRVAL", "CDELT"))
    return header.has_any(names) or header.has_any(f"CD{i}_{j}" for i in axes for j in axes)


def _matrix(header: Keywords, world_axes: int, pixel_axes: int) -> Matrix:
    rows, columns = range(1, world_axes + 1), range(1, pixel_axes + 1)
    cd = [[header.get(f"CD{i}_{j}") for j in columns] for i in rows]
    if any(term is not None for row in cd for term in row):
        return [[float(term or 0.0) for term in row] for row in cd]
    return [
        [float(header.get(f"CDELT{i}", 1.0)) * float(header.get(f"PC{i}_{j}", float(i == j))) for j in columns]
        for i in rows
    ]


def _attach_idle_axes(matrix: Matrix) -> None:
    """Give each pixel axis without effect a world axis without cause, or else the last one."""
    for column in range(len(matrix[0])):
        if not any(row[column] for row in matrix):
            idle = (i for i, row in enumerate(matrix) if not any(row))
            matrix[next(idle, len(matrix) - 1)][column] = 1.0


def _sky_pair(ctypes: list[str]) -> tuple[int, ...]:
    longitude = [i for i, ctype in enumerate(ctypes) if _LONGITUDE.match(ctype)]
    latitude = [i for i, ctype in enumerate(ctypes) if _LATITUDE.match(ctype)]
    return (longitude[0], latitude[0]) if longitude and latitude else ()
