"""GNIRS: filters, detectors, cameras (instruments, 8)."""

from __future__ import annotations

from typing import NamedTuple

FILTER_WAVELENGTH = {
    "YPHOT": 1.03, "X": 1.1, "X_(order_6)": 1.1, "JPHOT": 1.25, "J_(order_5)": 1.27, "H": 1.63,
    "H_(order_4)": 1.63, "H2": 2.125, "K_(order_3)": 2.195, "KPHOT": 2.22, "PAH": 3.295, "L": 3.5,
    "L_(order_2)": 3.5, "M": 5.1, "M_(order_1)": 5.1,
}  # fmt: skip
"""Effective wavelengths by pretty name, micrometres."""

PIXEL_SCALE = {"ShortBlue": 0.15170, "ShortRed": 0.15, "LongBlue": 0.05071, "LongRed": 0.05095}
"""Arcsec per pixel, by camera."""

DISPERSION = {
    ("32", "Short", "J"): -0.386,
    ("32", "Short", "H"): -0.482,
    ("111", "Short", "J"): -0.111,
    ("111", "Short", "H"): -0.134,
    ("111", "Short", "K"): -0.183,
    ("111", "Long", "K"): -0.0618,
}
"""Nanometres per pixel, by lines per mm, length of the camera, and band, as far as we know them."""

MODES = ("Very Bright Objects", "Bright Objects", "Faint Objects", "Very Faint Objects")
READ_MODE = {(1, 1): MODES[0], (1, 16): MODES[1], (16, 16): MODES[2], (32, 16): MODES[3]}
"""By numbers of non-destructive reads and of digital averages."""

WELL_BIAS = {"Shallow": 0.3, "Deep": 0.6}
"""Bias voltage that makes a well shallow or deep, volts."""
WELL_BIAS_TOLERANCE = 0.1


class Readout(NamedTuple):
    """An array read in a certain way."""

    read_noise: float
    """Electrons."""
    gain: float
    """Electrons per ADU."""
    well: int
    """Electrons."""
    linear_limit: float
    """Fraction of the saturation level to which the response can be made linear."""


_GAIN = 13.5
_Wells = tuple[tuple[int, float], ...]
_UNIFORM: dict[float, dict[str, _Wells]] = {
    limit: {"Shallow": ((90000, limit),) * 4, "Deep": ((180000, limit),) * 4} for limit in (0.714286, 0.72)
}
_MEASURED: dict[str, _Wells] = {
    "Shallow": ((92000, 0.96), (91000, 0.96), (78000, 0.95), (67000, 0.98)),
    "Deep": ((209000, 0.93), (207000, 0.91), (190000, 0.95), (180000, 0.72)),
}
_ARRAYS: dict[str, tuple[tuple[float, ...], dict[str, _Wells]]] = {
    "UNKNOWN": ((145.0, 38.0, 12.0, 7.0), _UNIFORM[0.714286]),
    "SN7638228.1": ((155.0, 30.0, 10.0, 7.0), _UNIFORM[0.714286]),
    "SN7638228.1.2": ((155.0, 30.0, 10.0, 7.0), _MEASURED),
    "SN7638228.1.3": ((155.0, 30.0, 10.0, 7.0), _MEASURED),
    "SN7638228.1.3+ARC-III": ((155.0, 30.0, 10.0, 7.0), _UNIFORM[0.72]),
}
READOUT = {
    array: {
        (mode, depth): Readout(noise, _GAIN, well, limit)
        for depth, limits in wells.items()
        for mode, noise, (well, limit) in zip(MODES, noises, limits, strict=True)
    }
    for array, (noises, wells) in _ARRAYS.items()
}
"""By array, and by read mode and well depth."""
