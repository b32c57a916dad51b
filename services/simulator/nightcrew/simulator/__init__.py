"""A telescope that does not exist: writes realistic nights with their truth.

>>> from nightcrew.simulator import niri_night
>>> night = niri_night(seed=3, size=256, variants=("trailed",))
>>> raw = night.hdus("N20160102S0270")
"""

from __future__ import annotations

from nightcrew.simulator.cameras import SimulationError
from nightcrew.simulator.exposures import Exposure, Kind
from nightcrew.simulator.frames import dark_frame, flat_frame, science_frame
from nightcrew.simulator.night import Night
from nightcrew.simulator.night_f2 import f2_night
from nightcrew.simulator.night_niri import niri_night
from nightcrew.simulator.truth import Truth
from nightcrew.simulator.variants import VARIANTS, Variant
from nightcrew.simulator.writing import Pace

__all__ = [
    "VARIANTS",
    "Exposure",
    "Kind",
    "Night",
    "Pace",
    "SimulationError",
    "Truth",
    "Variant",
    "dark_frame",
    "f2_night",
    "flat_frame",
    "niri_night",
    "science_frame",
]
