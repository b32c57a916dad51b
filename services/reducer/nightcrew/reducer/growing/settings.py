"""How a stack grows, and what it needs for that from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nightcrew.reducer.alignment.registration import Limits as ShapeLimits
from nightcrew.reducer.growing.accumulate import Clipping
from nightcrew.reducer.growing.placing import Limits
from nightcrew.reducer.growing.window import WindowSettings

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.products.request_record import Named
    from nightcrew.shared.frames import Frame


class Tools(Protocol):
    """What a growing stack needs from the run that feeds it."""

    def source(self, frame: Frame) -> Named:
        """Return the raw file of a frame."""

    def flatten(self, frame: Frame) -> Frame:
        """Subtract the background of a frame as the frame itself shows it."""

    def finish(self, stack: Frame, sky: float) -> Frame:
        """Find the sources of the stack and measure it; `sky` is the level that was subtracted."""

    def write(self, stack: Frame) -> Path:
        """Write the product."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a stack grows.

    Parameters
    ----------
    window
        Which frames serve as sky.
    placing
        What a frame must fulfil to be placed.
    shapes
        How much worse than the others its stars may look.
    ellipticity
        Median ellipticity of its sources from which a frame is trailed, whatever the others look like.
    clipping
        When a pixel contradicts the stack.
    contradiction
        Part of the pixels in which a frame may contradict the stack.
    drop_first
        Whether the first exposure of an observation is left out.
    sky_beyond
        Telescope offset from which a frame shows the sky only, in units of the field of view; None: never.
    """

    window: WindowSettings = field(default_factory=WindowSettings)
    placing: Limits = field(default_factory=Limits)
    shapes: ShapeLimits = field(default_factory=ShapeLimits)
    ellipticity: float = 0.5
    clipping: Clipping = field(default_factory=Clipping)
    contradiction: float = 0.2
    drop_first: bool = False
    sky_beyond: float | None = 1.0
