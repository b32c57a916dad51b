"""What a growing stack knows about every frame that it was shown: the table GROWTH of the product."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.alignment.looks import Looks
from nightcrew.shared.frames import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROWTH = "GROWTH"
NAN = math.nan


class Status(StrEnum):
    """What became of a frame."""

    ADDED = "added"
    """It is in the stack."""
    SKY = "sky"
    """It shows the sky beside the target, and serves as that."""
    UNSETTLED = "unsettled"
    """The first of a sequence, whose bias the detector does not hold."""
    MISSHAPEN = "misshapen"
    """Its stars are trailed, or much wider than those of the others."""
    EMPTY = "empty"
    """It shows too few sources to be aligned by, and the others do not."""
    MISPLACED = "misplaced"
    """Its sources cannot be brought onto those of the stack, or its WCS is far off."""
    CONTRARY = "contrary"
    """Too many of its pixels contradict the stack."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that was shown to a growing stack.

    Parameters
    ----------
    name
        Of the raw frame.
    file, md5
        The file that it came in, which may be compressed.
    status, reason
        What became of it and, where it was not added, why.
    begin
        Start of the exposure, UT, ISO 8601; empty if not known.
    seconds
        Exposure, its coadds together.
    sources, fwhm, ellipticity
        Number of well-detected sources, their median width (pixels) and ellipticity.
    p, q
        Telescope offsets along x and y of the detector, arcsec.
    east, north
        By how much its WCS disagrees with target and telescope offsets, arcsec.
    sky
        Level of the sky in the frame, in its unit.
    skies
        Frames that its sky was made of; 0 if its background was taken from itself.
    matched, dx, dy, rms
        Sources shared with the stack, by how many pixels these lay beside where the WCS put them, and the scatter of
        their distances along an axis thereafter, arcsec.
    transparency
        Light that it got of these sources, in units of what the stack had then.
    contradiction
        Part of its pixels that contradicted the stack.
    variance_factor
        Variance of a resampled pixel over VAR.
    airmass, gain, read_noise
        Electrons per unit of the pixels, and read noise in this unit; NaN if not known.
    kept
        Whether the frame, corrected, is at hand to serve as sky.
    """

    name: str
    file: str
    md5: str
    status: str = Status.ADDED
    reason: str = ""
    begin: str = ""
    seconds: float = NAN
    sources: int = 0
    fwhm: float = NAN
    ellipticity: float = NAN
    p: float = NAN
    q: float = NAN
    east: float = NAN
    north: float = NAN
    sky: float = NAN
    skies: int = 0
    matched: int = 0
    dx: float = NAN
    dy: float = NAN
    rms: float = NAN
    transparency: float = NAN
    contradiction: float = NAN
    variance_factor: float = NAN
    airmass: float = NAN
    gain: float = NAN
    read_noise: float = NAN
    kept: int = 0

    @property
    def looks(self) -> Looks:
        """Its sharpness, as frames are compared by."""
        return Looks(self.name, self.sources, self.fwhm, self.ellipticity)

    @property
    def added(self) -> bool:
        """Whether it is in the stack."""
        return self.status == Status.ADDED

    @property
    def of_target(self) -> bool:
        """Whether it shows the target as well as its detector can."""
        return self.status not in {Status.SKY, Status.UNSETTLED}


KINDS = {"str": "U", "float": "f8", "int": "i4"}
UNITS = {
    "SECONDS": "s", "FWHM": "pix", "P": "arcsec", "Q": "arcsec", "EAST": "arcsec", "NORTH": "arcsec",
    "DX": "pix", "DY": "pix", "RMS": "arcsec",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ledger:
    """The frames shown so far, in the order of their arrival."""

    rows: tuple[Seen, ...] = ()

    def __iter__(self) -> Iterator[Seen]:
        """Go through the frames."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Return how many frames were shown."""
        return len(self.rows)

    @property
    def added(self) -> tuple[Seen, ...]:
        """The frames in the stack."""
        return tuple(row for row in self.rows if row.added)

    @property
    def excluded(self) -> tuple[Seen, ...]:
        """The frames that show the target and are not in the stack."""
        return tuple(row for row in self.rows if not row.added and row.status != Status.SKY)

    @property
    def kept(self) -> tuple[Seen, ...]:
        """The frames at hand as skies, the oldest first."""
        return tuple(row for row in self.rows if row.kept)

    def find(self, name: str) -> Seen | None:
        """Return the frame of that raw file."""
        return next((row for row in self.rows if row.name == name), None)

    def with_row(self, row: Seen) -> Ledger:
        """Return the ledger with a frame put in, in the place of what was said of it before."""
        if self.find(row.name) is None:
            return Ledger((*self.rows, row))
        return Ledger(tuple(row if row.name == old.name else old for old in self.rows))

    def keeping(self, names: Iterable[str]) -> Ledger:
        """Return the ledger with those frames marked as at hand, and no others."""
        wanted = set(names)
        return Ledger(tuple(replace(row, kept=int(row.name in wanted)) for row in self.rows))

    def table(self) -> Table:
        """Return the ledger as a FITS table."""
        columns = [(field.name, str(field.type)) for field in fields(Seen)]
        values = [tuple(_stored(getattr(row, name)) for name, _ in columns) for row in self.rows]
        kinds = []
        for place, (name, kind) in enumerate(columns):
            code = KINDS[kind]
            if code == "U":
                code += str(max([1, *(len(row[place]) for row in values)]))
            kinds.append((name.upper(), code))
        return Table(np.array(values, np.dtype(kinds)), dict(UNITS))

    @classmethod
    def read(cls, table: Table) -> Ledger:
        """Return the ledger that a table holds.

        Raises
        ------
        KeyError
            If a column is missing.
        """
        names = [field.name for field in fields(Seen)]
        missing = [name.upper() for name in names if name.upper() not in (table.rows.dtype.names or ())]
        if missing:
            raise KeyError(", ".join(missing))
        columns = [table.rows[name.upper()].tolist() for name in names]
        return cls(tuple(Seen(*values) for values in zip(*columns, strict=True)))


def shown_files(table: Table) -> list[tuple[str, str]]:
    """Return name and MD5 of the files of all frames that a table GROWTH lists, in the order of their arrival."""
    return [(str(name), str(md5)) for name, md5 in zip(table.rows["FILE"], table.rows["MD5"], strict=True)]


def _stored(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value
