"""Data-quality bits of a DQ plane (uint16; 0 is a good pixel, values are OR-ed)."""

from __future__ import annotations

from enum import IntFlag


class DQ(IntFlag):
    """Why a pixel must not, or not fully, be trusted (spec/primitives-calibration.md, 1.1)."""

    GOOD = 0
    BAD_PIXEL = 1
    """In the bad-pixel mask, or covered by an object where objects are masked."""
    NON_LINEAR = 2
    """Above the limit to which the detector is linear."""
    SATURATED = 4
    COSMIC_RAY = 8
    """Also persistence of an earlier exposure."""
    NO_DATA = 16
    """Padding, outside the footprint, not a finite number."""
    OVERLAP = 32
    UNILLUMINATED = 64
