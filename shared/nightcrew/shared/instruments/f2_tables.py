"""Flamingos-2: filters, detector, zero points, nonlinearity, grisms (instruments, 7)."""

from __future__ import annotations

from typing import NamedTuple

FILTER_WAVELENGTH = {
    "Jlow": 1.122, "JH": 1.39, "H": 1.631, "HK": 1.871, "K-blue": 2.06, "Ks": 2.157, "K-red": 2.31,
    "Klong": 2.2, "K-long": 2.2,
}  # fmt: skip
"""Effective wavelengths by pretty name, micrometres."""

GAIN = 4.44
"""Electrons per ADU of one read; reads are added up."""
FULL_WELL = 155400
"""Electrons."""
LINEAR_LIMIT = 0.72
"""Fraction of the saturation level to which the response can be made linear."""
READ_NOISE = {"1": 11.7, "4": 6.0, "6": 5.3, "8": 5.0}
"""Electrons, by the number of reads."""
LINEARITY = (0.9999107, -4.2854848e-08, 1.0096585e-12)
"""Linear, quadratic and cubic coefficient for electrons, the same for every number of reads."""

SIZE = 2048
"""Rows and columns of the array."""

OFF_WHEEL_ID = {"f/16": "G5830", "f/32": "G9999"}
"""Identifier given to a camera that is not told by the Lyot wheel."""
WIDE_FIELD_SCALE = 0.1
"""Above this pixel scale, arcsec, the camera is f/16."""

ZEROPOINT = {("Y", "f/16"): 26.73, ("J", "f/16"): 26.51, ("H", "f/16"): 26.75, ("Ks", "f/16"): 26.12}
"""Magnitude that gives one electron per second, by filter and camera."""

FILTER_CENTRE = {"K-long_G0812": 2200.0, "JH_G0816": 1338.5, "HK_G0817": 1900.0}
"""Central wavelength, nanometres, where the header is known to be wrong."""
R3K_CENTRE = {"J": 1250.0, "H": 1650.0, "K": 2200.0}
"""Central wavelength of R3K, nanometres, by the first letter of the filter, where the header has none."""


class GrismSetup(NamedTuple):
    """What a grism gives with a filter."""

    dispersion: float
    """Nanometres per pixel."""
    centre_offset: float
    """Pixels from the centre to the central wavelength."""
    cut_on: float
    """Nanometres."""
    cut_off: float
    """Nanometres."""


GRISM = {
    ("JH", "JH_G0809"): GrismSetup(-0.651, -35, 888, 1774),
    ("JH", "JH_G0816"): GrismSetup(-0.651, 44, 857, 1782),
    ("HK", "HK_G0806"): GrismSetup(-0.757, 6, 1245, 2540),
    ("HK", "HK_G0817"): GrismSetup(-0.757, -30, 1273, 2534),
    ("HK", "JH_G0809"): GrismSetup(-0.76, 635, 888, 2700),
    ("HK", "JH_G0816"): GrismSetup(-0.76, 710, 857, 2700),
    ("R3K", "J-lo_G0801"): GrismSetup(-0.168, -173, 1027, 1204),
    ("R3K", "J_G0802"): GrismSetup(-0.202, 418, 1159, 1349),
    ("R3K", "H_G0803"): GrismSetup(-0.26, 22, 1467, 1804),
    ("R3K", "Ks_G0804"): GrismSetup(-0.349, 128, 1966, 2350),
    ("R3K", "K-long_G0812"): GrismSetup(-0.351, -14, 1865, 2520),
}
"""By grism and filter, the latter with its identifier."""
