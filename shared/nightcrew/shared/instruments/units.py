"""Units in which wavelengths are asked for."""

from __future__ import annotations

import struct
from typing import Any

METRES_PER = {"micrometers": 1e-6, "nanometers": 1e-9, "angstroms": 1e-10}


def wavelength_unit(*, as_micrometers: bool, as_nanometers: bool, as_angstroms: bool) -> float:
    """Return the unit asked for, in metres; metres themselves if none or several are asked for."""
    asked = [
        METRES_PER[unit]
        for unit, wanted in zip(METRES_PER, (as_micrometers, as_nanometers, as_angstroms), strict=True)
        if wanted
    ]
    return asked[0] if len(asked) == 1 else 1.0


def convert(value: Any, native: float, unit: float) -> Any:
    """Express a wavelength in another unit, with the precision of a float32.

    Parameters
    ----------
    value
        Number, list of numbers, or None.
    native, unit
        Units of `value` and of the result, in metres.

    Returns
    -------
    float, list of float, or None
        The shortest decimal that is the same float32: 2200 nm is 2.2e-06 m.
    """
    if isinstance(value, list):
        return [convert(item, native, unit) for item in value]
    return None if value is None else shortest_float32(value * (native / unit))


def shortest_float32(value: float) -> float:
    """Return the number with the fewest decimals among those that a float32 does not tell from `value`."""
    single = struct.pack("f", value)
    (rounded,) = struct.unpack("f", single)
    decimals = (float(f"{rounded:.{digits}g}") for digits in range(1, 10))
    return next(short for short in decimals if struct.pack("f", short) == single)
