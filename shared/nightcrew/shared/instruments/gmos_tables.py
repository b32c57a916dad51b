"""GMOS: filters, detectors, amplifiers, zero points (instruments, 10 and appendix A)."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import date

FILTER_WAVELENGTH = {
    "HeII": 0.468, "HeIIC": 0.478, "OIII": 0.499, "OIIIC": 0.514, "Ha": 0.656, "HaC": 0.662, "SII": 0.672,
    "OVIC": 0.679, "OVI": 0.6838, "ri": 0.7054, "CaT": 0.86, "Z": 0.876, "DS920": 0.92, "Y": 1.01,
}  # fmt: skip
"""Effective wavelengths by pretty name, micrometres."""

DETECTOR = {
    "SDSU II CCD": "EEV",
    "SDSU II e2v DD CCD42-90": "e2vDD",
    "S10892": "Hamamatsu-S",
    "S10892-N": "Hamamatsu-N",
}
"""Kind of detector by DETTYPE."""

PIXEL_SCALE = {
    ("GMOS-N", "EEV"): 0.0727,
    ("GMOS-N", "e2vDD"): 0.07288,
    ("GMOS-N", "Hamamatsu-N"): 0.0807,
    ("GMOS-S", "EEV"): 0.073,
    ("GMOS-S", "Hamamatsu-S"): 0.0800,
}
"""Arcsec per unbinned pixel, by instrument and kind of detector."""

READ_MODE = {
    ("low", "slow"): "Normal",
    ("high", "fast"): "Bright",
    ("low", "fast"): "Acquisition",
    ("high", "slow"): "Engineering",
}
"""By gain and read speed."""

SLOW_INTEGRATION = {"Hamamatsu": 8000, "other": 2000}
"""AMPINTEG above which a detector is read slowly."""
LOW_GAIN = 3.0
"""Below this, electrons per ADU, the gain is called low."""

ADU_MAX = 65535.0
"""What the converter can count to."""

REGIONS = {
    "Full Frame": ((0, 4608, 0, 6144), (0, 4224, 0, 6144)),
    "CCD2": ((0, 4608, 2048, 4096), (0, 4224, 2048, 4096)),
    "Central Spectrum": ((1792, 2816, 0, 6144), (1791, 2815, 0, 6144), (1624, 2648, 0, 6144)),
    "Central Stamp": ((2154, 2454, 2922, 3222), (1986, 2286, 2922, 3222), (1986, 2294, 2922, 3222)),
}
"""Named regions of interest: y1, y2, x1, x2 of the whole detector."""

CAMERA_ANGLE = 50.0
"""Degrees between collimator and camera."""
COLLIMATED_BEAM = 81.0
"""Millimetres of the beam that one radian on the sky, times the dispersion in nm/mm, comes to."""

_SETTINGS = (("slow", "low"), ("slow", "high"), ("fast", "high"), ("fast", "low"))
_STRICT_EPOCHS = 2
"""The newest epochs, which for the read noise begin one day later."""


class Amplifier(NamedTuple):
    """What an amplifier does in each of `_SETTINGS`."""

    gain: tuple[float | None, ...]
    """Electrons per ADU."""
    read_noise: tuple[float | None, ...]
    """Electrons."""
    bias: tuple[float | None, ...]
    """ADU."""


@cache
def _packaged() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("gmos_amplifiers.json").read_text()
    tables: dict[str, Any] = json.loads(text)
    return tables


def amplifier(
    quantity: str, name: str | None, speed: str | None, setting: str | None, day: date | None
) -> float | None:
    """Return gain, read noise or bias of an amplifier.

    Parameters
    ----------
    quantity
        Field of `Amplifier`.
    name
        Name of the amplifier.
    speed, setting
        ``slow`` or ``fast``; ``low`` or ``high`` gain.
    day
        Day of the exposure, UTC.

    Returns
    -------
    float or None
        None if it was not measured.
    """
    if day is None or (speed, setting) not in _SETTINGS:
        return None
    told = day.isoformat()
    for age, epoch in enumerate(_packaged()["epochs"]):
        strict = quantity == "read_noise" and age < _STRICT_EPOCHS
        if told > epoch["from"] or (told == epoch["from"] and not strict):
            row = epoch["amplifiers"].get(name)
            return None if row is None else getattr(Amplifier(*row), quantity)[_SETTINGS.index((speed, setting))]
    return None


def full_well(detector: str | None, name: str | None) -> float | None:
    """Return the full well of an unbinned pixel, electrons, by DETECTOR and amplifier."""
    well: float | None = _packaged()["wells"].get(detector, {}).get(name)
    return well


def zeropoint(ccd: str | None, filter_name: str | None) -> float | None:
    """Return the magnitude that gives one electron per second, by CCD and filter."""
    magnitude: float | None = _packaged()["zeropoints"].get(ccd, {}).get(filter_name)
    return magnitude
