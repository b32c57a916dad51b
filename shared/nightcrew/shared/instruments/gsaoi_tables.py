"""GSAOI: filters, arrays, zero points (instruments, 9)."""

from __future__ import annotations

from typing import NamedTuple

FILTER_WAVELENGTH = {
    "Z": 1.015, "HeI1083": 1.083, "PaG": 1.094, "Jcont": 1.207, "PaB": 1.282, "Hcont": 1.57, "CH4short": 1.58,
    "CH4long": 1.69, "H2O": 2.0, "HeI-2p2s": 2.058, "Kcntshrt": 2.093, "Kprime": 2.12, "H2(1-0)": 2.122,
    "Kshort": 2.15, "H2(2-1)": 2.248, "BrG": 2.166, "Kcntlong": 2.27, "CO2360": 2.36,
}  # fmt: skip
"""Effective wavelengths by pretty name, micrometres."""

READ_SPEED = {2: "Bright Objects", 8: "Faint Objects", 16: "Very Faint Objects"}
"""By number of reads."""

ARRAYS = ("H2RG-032-074", "H2RG-032-064", "H2RG-032-071", "H2RG-032-061")


class Readout(NamedTuple):
    """An array read at a certain speed."""

    read_noise: float
    """Electrons, of a single coadd."""
    gain: float
    """Electrons per ADU."""
    well: int
    """ADU."""
    linear_limit: float
    """Fraction of the saturation level to which the response can be made linear."""


_GAIN = (2.434, 2.01, 2.411, 2.644)
_WELL = (52400, 50250, 53700, 52300)
_LIMIT = (0.73, 0.64, 0.76, 0.75)
_READ_NOISE = {
    "Bright Objects": (26.53, 19.1, 27.24, 32.26),
    "Faint Objects": (13.63, 9.85, 14.22, 16.78),
    "Very Faint Objects": (10.22, 7.44, 10.61, 12.79),
}
READOUT = {
    (speed, array): Readout(noise, gain, well, limit)
    for speed, noises in _READ_NOISE.items()
    for array, noise, gain, well, limit in zip(ARRAYS, noises, _GAIN, _WELL, _LIMIT, strict=True)
}
"""By read speed and array."""

_ZEROPOINT = {
    "Z": (26.71, 26.71, 26.71, 26.71),
    "J": (26.857, 26.891, 26.774, 26.727),
    "H": (26.796, 26.931, 26.821, 26.796),
    "Kshort": (26.201, 26.287, 26.154, 26.192),
    "K": (26.199, 26.285, 26.152, 26.19),
    "Kprime": (26.419, 26.505, 26.372, 26.41),
}
ZEROPOINT = {
    (name, array): zeropoint
    for name, zeropoints in _ZEROPOINT.items()
    for array, zeropoint in zip(ARRAYS, zeropoints, strict=True)
}
"""Magnitude that gives one electron per second, by filter and array."""
