"""Where a frame lies on the canvas of a growing stack, by the sources that both show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.alignment.looks import trusted
from nightcrew.reducer.alignment.reference import WCS_AGREES
from nightcrew.reducer.catalogue.flux_scale import flux_factor, matched_fluxes
from nightcrew.reducer.kernels.matching import match_catalogues

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nightcrew.reducer.geometry import TangentPlane
    from nightcrew.shared.frames import Table

BRIGHTEST = 100
"""Sources of a frame, and twice as many of the stack, that are compared."""
FAINTEST_LIGHT, BRIGHTEST_LIGHT = 0.05, 3.0
"""Relative transparencies beyond which the matched sources are not believed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a frame must fulfil to be placed.

    Parameters
    ----------
    sources
        Well-detected sources that frame and stack must have in common.
    share
        Part of those in the common field, of the image that shows fewer, that must be found in both.
    radius
        Distance within which two sources are the same, arcsec.
    search
        Distance along each axis within which sources are looked for, arcsec.
    wcs_error
        By how much the WCS of a frame may disagree with its target and telescope offsets, relative to the frames in
        the stack, arcsec.
    """

    sources: int = 3
    share: float = 0.5
    radius: float = 0.5
    search: float = 6.0
    wcs_error: float = WCS_AGREES


@dataclass(frozen=True, slots=True)
class Field:
    """What an image shows, and where.

    Parameters
    ----------
    catalogue
        Its sources; None if there are none.
    plane
        Its WCS.
    shape
        (ny, nx).
    """

    catalogue: Table | None
    plane: TangentPlane
    shape: tuple[int, int]

    def sources(self, most: int) -> NDArray[np.intp]:
        """Return the rows of the brightest sources that are well measured."""
        return trusted(self.catalogue)[:most]

    def positions(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the 0-based pixels of sources, shape (n, 2)."""
        if self.catalogue is None or not len(rows):
            return np.empty((0, 2))
        chosen = self.catalogue.rows[rows]
        return np.column_stack([np.asarray(chosen[name], float) - 1.0 for name in ("X_IMAGE", "Y_IMAGE")])

    def holds(self, positions: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which positions lie on the image."""
        ny, nx = self.shape
        x, y = positions.T
        held: NDArray[np.bool_] = (x >= -0.5) & (x < nx - 0.5) & (y >= -0.5) & (y < ny - 0.5)
        return held


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame whose place is known.

    Parameters
    ----------
    plane
        Its WCS, brought into agreement with that of the stack.
    matched
        Sources that it shares with the stack; 0 if it was placed by the WCS that it came with.
    shift
        By how much that was off, pixels (x, y) of the frame.
    rms
        Of the distances of matched sources along an axis, arcsec; NaN if there are none.
    transparency
        Light of these sources in units of what they have in the stack; 1 if it cannot be told.
    """

    plane: TangentPlane
    matched: int = 0
    shift: tuple[float, float] = (0.0, 0.0)
    rms: float = math.nan
    transparency: float = 1.0


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Why a frame has no place on the canvas."""

    reason: str


def place(frame: Field, stack: Field, limits: Limits) -> Placed | Misplaced:
    """Find the place of a frame by its sources.

    Parameters
    ----------
    frame, stack
        What they show.
    limits
        What the frame must fulfil.
    """
    scale = frame.plane.pixel_scale
    ours, theirs = frame.sources(BRIGHTEST), stack.sources(2 * BRIGHTEST)
    positions = frame.positions(ours)
    expected = stack.plane.onto(frame.plane, stack.positions(theirs))
    near = _within(frame, expected, limits.search / scale)
    theirs, expected = theirs[near], expected[near]
    if min(len(positions), len(expected)) < limits.sources:
        return Misplaced(
            f"it shows {len(positions)} well-detected sources and the stack {len(expected)} where its WCS puts it, "
            f"{limits.sources} are needed to align it"
        )
    match = match_catalogues(positions, expected, search=limits.search / scale, radius=limits.radius / scale)
    plane = frame.plane.after(match.transform)
    common = min(
        int(np.count_nonzero(stack.holds(plane.onto(stack.plane, positions)))),
        int(np.count_nonzero(frame.holds(expected - np.array(match.shift)))),
    )
    found = len(match.pairs)
    if found < limits.sources or found < limits.share * common:
        return Misplaced(
            f"only {found} of {common} sources fall on those of the stack, wherever it is moved within "
            f"{limits.search:g} arcsec"
        )
    left = match.transform(positions[match.pairs[:, 0]]) - expected[match.pairs[:, 1]]
    return Placed(
        plane,
        found,
        match.shift,
        float(np.sqrt(np.mean(left**2))) * scale,
        _transparency(frame, stack, ours[match.pairs[:, 0]], theirs[match.pairs[:, 1]]),
    )


def _within(frame: Field, expected: NDArray[np.float64], margin: float) -> NDArray[np.bool_]:
    """Tell which positions are on a frame, or so near that a shift would bring them onto it."""
    ny, nx = frame.shape
    x, y = expected.T
    near: NDArray[np.bool_] = (x >= -margin) & (x < nx + margin) & (y >= -margin) & (y < ny + margin)
    return near


def _transparency(frame: Field, stack: Field, ours: NDArray[np.intp], theirs: NDArray[np.intp]) -> float:
    if frame.catalogue is None or stack.catalogue is None:
        return 1.0
    pairs = np.full(len(stack.catalogue.rows), -1, np.intp)
    pairs[theirs] = ours
    factor = flux_factor(matched_fluxes(stack.catalogue, frame.catalogue, pairs))
    if factor is None or not 1.0 / BRIGHTEST_LIGHT < factor < 1.0 / FAINTEST_LIGHT:
        return 1.0
    return 1.0 / factor
