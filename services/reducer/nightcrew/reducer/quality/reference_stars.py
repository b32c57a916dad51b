"""Stars of known place and magnitude: read from a user's table, and put into the filter of a frame.

(primitives-sky-and-stack, 15)
"""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nightcrew.shared.errors import FrameError
from nightcrew.shared.frames import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Column = NDArray[Any]

RA_NAMES = ("raj2000", "ra", "x_world", "alpha_j2000")
DEC_NAMES = ("dej2000", "dec", "y_world", "delta_j2000")
ID_NAMES = ("cat_id", "2mass", "designation", "name", "source_id", "id")
BANDS = ("j", "h", "k")
MAGNITUDE_NAMES = ("{}mag", "{}_m", "{}", "mag_{}")
ERROR_NAMES = ("{}mag_err", "e_{}mag", "{}_err", "{}_msigcom", "{}_cmsig", "{}magerr")
SYNONYMS = {"ks": "k", "ksmag": "kmag", "ksmag_err": "kmag_err", "e_ksmag": "e_kmag"}
"""2MASS's K is Ks."""
FITS_ENDINGS = (".fits", ".fit", ".fits.gz")
MISSING_TEXT = frozenset({"", "null", "nan", "none", "--", "---"})
IDENTIFIER_WIDTH = 32


class Colour(NamedTuple):
    """A transformation ``band + zero + slope * (first - second)`` of 2MASS magnitudes, with the errors of its terms."""

    band: str
    zero: float = 0.0
    zero_error: float = 0.0
    slope: float = 0.0
    slope_error: float = 0.0
    first: str = ""
    second: str = ""


_K_PRIME = (Colour("k", -0.006, 0.007, 0.149, 0.023, "h", "k"),)
_KS = (Colour("k"),)
TO_FILTER: Mapping[str, tuple[Colour, ...]] = {
    "J": (Colour("j"),),
    "H": (Colour("h"),),
    "Ks": _KS,
    "K(short)": _KS,
    "Kshort": _KS,
    "K": (Colour("k", -0.003, 0.007, -0.026, 0.011, "j", "k"), Colour("k", -0.006, 0.004, -0.071, 0.020, "h", "k")),
    "K(prime)": _K_PRIME,
    "Kprime": _K_PRIME,
}
"""How 2MASS magnitudes become those of a filter; of several ways, the one with the smaller error counts."""


class ReferenceStars(NamedTuple):
    """A catalogue of stars.

    Parameters
    ----------
    names
        Of the stars, text.
    ra, dec
        Degrees, J2000.
    magnitudes, errors
        By band: j, h, k of 2MASS, and `filter` where the table gives that of the frame itself.  NaN where unknown.
    """

    names: Column
    ra: Column
    dec: Column
    magnitudes: Mapping[str, Column]
    errors: Mapping[str, Column]

    def within(self, ra: float, dec: float, radius: float) -> ReferenceStars:
        """Return the stars within `radius` degrees of a position."""
        d, d0, turn = np.radians(self.dec), math.radians(dec), np.radians(self.ra - ra)
        half = np.sin((d - d0) / 2) ** 2 + np.cos(d) * math.cos(d0) * np.sin(turn / 2) ** 2
        near = np.sqrt(half) <= math.sin(math.radians(radius) / 2)
        return ReferenceStars(
            self.names[near],
            self.ra[near],
            self.dec[near],
            {band: values[near] for band, values in self.magnitudes.items()},
            {band: values[near] for band, values in self.errors.items()},
        )


def read_reference_stars(path: Path) -> ReferenceStars:
    """Read a table of stars: FITS, or text with a line of names, its columns separated by commas or blanks.

    Columns are known by the names that 2MASS, VizieR, SExtractor and the reference give them, whatever their case.

    Raises
    ------
    FrameError
        If the file cannot be read, or has no positions.
    """
    try:
        columns = _from_fits(path) if path.name.lower().endswith(FITS_ENDINGS) else _from_text(path)
        return reference_stars(columns, str(path))
    except (OSError, ValueError, UnicodeDecodeError, IndexError) as error:
        raise FrameError(
            f"{path}: no table of reference stars can be read ({error}); "
            "give a FITS table, or text with a line of names"
        ) from error


def reference_stars(columns: Mapping[str, Column], source: str) -> ReferenceStars:
    """Find positions and magnitudes among the columns of a table.

    Raises
    ------
    FrameError
        If there are no positions.
    ValueError
        If a column does not hold numbers.
    """
    known = {}
    for name, column in columns.items():
        lower = name.strip().lower()
        known[SYNONYMS.get(lower, lower)] = column
    ra, dec = (_first(known, names) for names in (RA_NAMES, DEC_NAMES))
    if ra is None or dec is None:
        raise FrameError(
            f"{source}: no columns of positions among {', '.join(columns) or 'none'}; "
            "name them RAJ2000 and DEJ2000, RA and DEC, or X_WORLD and Y_WORLD, in degrees"
        )
    ra, dec = _numbers(ra), _numbers(dec)
    unknown = np.full(len(ra), np.nan)
    magnitudes, errors = {}, {}
    for band in (*BANDS, "filter"):
        values = _first(known, [pattern.format(band) for pattern in MAGNITUDE_NAMES])
        if values is None:
            continue
        magnitudes[band] = _numbers(values)
        spread = _first(known, [pattern.format(band) for pattern in ERROR_NAMES])
        errors[band] = unknown if spread is None else _numbers(spread)
    names = _first(known, ID_NAMES)
    identifiers = np.arange(1, len(ra) + 1) if names is None else names
    return ReferenceStars(identifiers.astype(str), ra % 360.0, dec, magnitudes, errors)


def in_filter(stars: ReferenceStars, filter_name: str | None) -> tuple[Column, Column] | None:
    """Return magnitudes and errors in a filter, NaN where unknown; None if the catalogue does not tell them.

    The terms of a transformation count as independent.
    """
    if "filter" in stars.magnitudes:
        return stars.magnitudes["filter"], stars.errors["filter"]
    ways = [
        _transformed(stars, way)
        for way in TO_FILTER.get(filter_name or "", ())
        if {way.band, way.first or way.band, way.second or way.band} <= stars.magnitudes.keys()
    ]
    if not ways:
        return None
    value, error = ways[0]
    for other, its_error in ways[1:]:
        better = (its_error < error) | (np.isnan(value) & ~np.isnan(other))
        value, error = np.where(better, other, value), np.where(better, its_error, error)
    return value, error


def _transformed(stars: ReferenceStars, way: Colour) -> tuple[Column, Column]:
    value, variance = stars.magnitudes[way.band] + way.zero, stars.errors[way.band] ** 2 + way.zero_error**2
    if way.slope:
        colour = stars.magnitudes[way.first] - stars.magnitudes[way.second]
        spread = stars.errors[way.first] ** 2 + stars.errors[way.second] ** 2
        value = value + way.slope * colour
        variance = variance + (way.slope_error * colour) ** 2 + way.slope**2 * spread
    return value, np.sqrt(variance)


def refcat(stars: ReferenceStars, filter_name: str | None) -> Table:
    """Return REFCAT: identifiers, positions, magnitudes by band, and those in the filter of the frame if known."""
    columns: dict[str, Column] = {
        "Id": np.arange(1, len(stars.ra) + 1, dtype=np.int32),
        "Cat_Id": stars.names.astype(f"S{IDENTIFIER_WIDTH}"),
        "RAJ2000": stars.ra,
        "DEJ2000": stars.dec,
    }
    for band in BANDS:
        if band in stars.magnitudes:
            columns[f"{band}mag"], columns[f"{band}mag_err"] = stars.magnitudes[band], stars.errors[band]
    found = in_filter(stars, filter_name)
    if found is not None:
        columns["filtermag"], columns["filtermag_err"] = found
    types = [(name, c.dtype if c.dtype.kind in "Si" else np.dtype("f8")) for name, c in columns.items()]
    rows = np.zeros(len(stars.ra), dtype=types)
    for name, column in columns.items():
        rows[name] = column
    degrees = {"RAJ2000": "deg", "DEJ2000": "deg"}
    return Table(rows, degrees | {name: "mag" for name, _ in types if name.endswith(("mag", "mag_err"))})


def _first(columns: Mapping[str, Column], names: Sequence[str]) -> Column | None:
    return next((columns[name] for name in names if name in columns), None)


def _numbers(column: Column) -> Column:
    if column.dtype.kind in "iuf":
        return column.astype(np.float64)
    missing = [str(value).strip().lower() in MISSING_TEXT for value in column]
    try:
        return np.array(
            [math.nan if gap else float(value) for value, gap in zip(column, missing, strict=True)], np.float64
        )
    except ValueError as error:
        raise ValueError(f"{error}; numbers are wanted, positions in degrees") from error


def _from_fits(path: Path) -> dict[str, Column]:
    from astropy.io import fits  # noqa: PLC0415

    with fits.open(path, memmap=False) as hdus:
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
        if not tables:
            raise ValueError("no table extension")
        table = next((hdu for hdu in tables if hdu.name == "REFCAT"), tables[0])
        return {name: np.array(table.data[name]) for name in table.columns.names}


def _from_text(path: Path) -> dict[str, Column]:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    head = [line for line in lines if line]
    if head and head[0].startswith("#") and not any(not line.startswith("#") and _names(line) for line in head):
        # The names may stand in a comment above the numbers.
        comments = [line for line in head if line.startswith("#")]
        head = [comments[-1].lstrip("# "), *(line for line in head if not line.startswith("#"))]
    content = [line for line in head if not line.startswith("#")]
    comma = bool(content) and "," in content[0]
    rows = list(csv.reader(content)) if comma else [line.split() for line in content]
    if len(rows) < 2:
        raise ValueError("no rows below a line of names")
    names = [name.strip() for name in rows[0]]
    if any(len(row) != len(names) for row in rows[1:]):
        raise ValueError(f"a row has another number of columns than the {len(names)} names")
    return {name: np.array([row[i].strip() for row in rows[1:]]) for i, name in enumerate(names)}


def _names(line: str) -> bool:
    """Tell a line of names from one of numbers."""
    return any(word.strip().lower() in (*RA_NAMES, *DEC_NAMES) for word in line.replace(",", " ").split())
