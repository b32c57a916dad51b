"""Where a peripheral guide probe shades the field: from its guide star to the pixels of its arm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from numpy.typing import NDArray

GUIDING = "guiding"


@dataclass(frozen=True, slots=True)
class Probe:
    """The keywords of a probe: its state, and the position of its guide star in degrees."""

    name: str
    state: str
    ra: str
    dec: str


PROBES: dict[str, Probe] = {
    "PWFS1": Probe("PWFS1", "PWFS1_ST", "P1ARA", "P1ADEC"),
    "PWFS2": Probe("PWFS2", "PWFS2_ST", "P2ARA", "P2ADEC"),
}
"""The probes on arms that reach into the field from its edge."""


@dataclass(frozen=True, slots=True)
class Arm:
    """The shadow of an arm that reaches into a field.

    Parameters
    ----------
    tip
        Where the probe's mirror is, the place of the guide star: 0-based pixel (x, y).
    outward
        Direction (x, y) in which the arm leaves the field, a unit vector.
    radius
        Of the shadow of the mirror, pixels.
    half_width
        Of the shadow of the arm at its tip, pixels.
    flare
        By how much that grows along the arm.
    """

    tip: tuple[float, float]
    outward: tuple[float, float]
    radius: float
    half_width: float
    flare: float = 0.0


def guide_star(phu: Header, probe: Probe) -> tuple[float, float] | None:
    """Return RA and Dec, degrees, of the star that a probe guides on; None if it does not guide or nobody says."""
    if str(phu.get(probe.state, "")).strip() != GUIDING:
        return None
    ra, dec = phu.get(probe.ra), phu.get(probe.dec)
    known = all(isinstance(value, int | float) and math.isfinite(value) for value in (ra, dec))
    return (float(ra), float(dec)) if known else None


def arm_in_field(
    tip: tuple[float, float],
    centre: tuple[float, float],
    field_radius: float,
    *,
    radius: float,
    half_width: float,
    flare: float = 0.0,
) -> Arm | None:
    """Return the shadow of an arm that comes from outside straight to a guide star; None if it misses the field.

    Parameters
    ----------
    tip
        Pixel of the guide star.
    centre, field_radius
        Middle of the field, pixel (x, y), and its radius, pixels.
    radius, half_width, flare
        As in `Arm`.

    Notes
    -----
    The arm is taken to lie along the line from the middle of the field through the star: a probe enters from the side
    on which its star is.  If the star is at the very middle, the arm is taken to come from the right.
    """
    dx, dy = tip[0] - centre[0], tip[1] - centre[1]
    distance = math.hypot(dx, dy)
    if not math.isfinite(distance) or distance - max(radius, half_width) > field_radius:
        return None
    outward = (dx / distance, dy / distance) if distance > 1.0 else (1.0, 0.0)
    return Arm(tip, outward, radius, half_width, flare)


def shadow(shape: tuple[int, int], arm: Arm) -> NDArray[np.bool_]:
    """Return the pixels that an arm shades: shape (ny, nx)."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    dx, dy = x - arm.tip[0], y - arm.tip[1]
    along = dx * arm.outward[0] + dy * arm.outward[1]
    across = dy * arm.outward[0] - dx * arm.outward[1]
    shaded: NDArray[np.bool_] = dx * dx + dy * dy <= arm.radius**2
    shaded |= (along >= 0) & (np.abs(across) <= arm.half_width + arm.flare * along)
    return shaded
