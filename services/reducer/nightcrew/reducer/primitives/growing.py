"""addToGrowingStack: frames go into the stack of their sequence one by one, as they arrive."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightcrew.reducer.alignment.registration import Limits as ShapeLimits
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.growing.accumulate import Clipping
from nightcrew.reducer.growing.placing import Limits
from nightcrew.reducer.growing.report import Growth
from nightcrew.reducer.growing.settings import Settings
from nightcrew.reducer.growing.stack import GrowingStack
from nightcrew.reducer.growing.step import original_name
from nightcrew.reducer.growing.window import WindowSettings
from nightcrew.reducer.products.request_record import Named
from nightcrew.shared.frames import HistoryRow

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame

NAME = "addToGrowingStack"


class AddToGrowingStack(Parameters):
    """Parameters of addToGrowingStack."""

    max_skies: int = parameter(9, "Number of frames before it that a frame's sky is made of, at most", ge=1)
    min_skies: int = parameter(3, "With fewer, a frame's background is taken from itself", ge=1)
    dilation: float = parameter(4.0, "Pixels around objects that do not show the sky", ge=0.0)
    sky_offset: float | None = parameter(
        1.0, "Telescope offset from which a frame shows the sky only, in fields of view (None: never)", gt=0.0
    )
    remove_first: bool = parameter(False, "Leave out the first exposure of an observation?")
    ellipticity: float = parameter(0.25, "Largest ellipticity beyond that of the typical frame", gt=0.0, le=1.0)
    max_ellipticity: float = parameter(0.5, "Largest ellipticity of any frame", gt=0.0, le=1.0)
    width: float = parameter(1.6, "Largest width of sources, in units of that of the typical frame", ge=1.0)
    min_sources: int = parameter(3, "Sources in common that a frame is aligned by, at least", ge=1)
    match_radius: float = parameter(0.5, "Distance at which two sources are the same (arcsec)", gt=0.0)
    share: float = parameter(0.5, "Fraction of the bright sources that must coincide", ge=0.0, le=1.0)
    search: float = parameter(6.0, "Search radius for sources (arcsec)", gt=0.0)
    max_wcs_error: float = parameter(3.0, "Largest disagreement of WCS and telescope offsets (arcsec)", gt=0.0)
    sigma: float = parameter(5.0, "Rejection threshold of a pixel (sigma)", gt=0.0)
    contradiction: float = parameter(0.2, "Fraction of pixels that may contradict the stack", gt=0.0, le=1.0)

    def settings(self) -> Settings:
        """Return what they mean for a growing stack."""
        return Settings(
            WindowSettings(self.max_skies, min(self.min_skies, self.max_skies), self.dilation, self.sigma),
            Limits(self.min_sources, self.share, self.match_radius, self.search, self.max_wcs_error),
            ShapeLimits(self.ellipticity, self.width, least=self.min_sources),
            self.max_ellipticity,
            Clipping(self.sigma),
            self.contradiction,
            self.remove_first,
            self.sky_offset,
        )


@all_frames(NAME, AddToGrowingStack)
def add_to_growing_stack(frames: list[Frame], p: AddToGrowingStack, run: Run) -> list[Frame]:
    """Add corrected frames to the stack of their sequence in this directory, in the order given; return the stacks.

    The frames must have been searched for sources, and have their sky.  Those that do not fit are left out and named.
    Adding a frame costs the same however many there are: its sky is made of the frames just before it, and only it is
    aligned and resampled.
    """
    stacks: dict[str, GrowingStack] = {}
    for frame in frames:
        stack = GrowingStack.of(frame, run.around.store.root, RunTools(run, original_name(frame)), p.settings())
        growth = Growth.of(stack.add(frame))
        run.measurements.append(growth)
        if growth.added:
            run.info(str(growth))
        else:
            run.warn(str(growth))
        for name, reason in growth.dismissed:
            run.warn(f"{name}: taken out of the stack again: {reason}")
        if growth.product:
            stacks[growth.product] = stack
        run.settle()
    products = []
    for name, stack in stacks.items():
        _, product = stack.load()
        if product is not None:
            products.append(product)
        if name not in run.written:
            run.written.append(name)
    return products


@dataclass(slots=True)
class RunTools:
    """Lends a growing stack what a run has.

    Parameters
    ----------
    run
        The run.
    frame
        Name of the frame to be added.
    """

    run: Run
    frame: str
    _start: str = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.run.now()

    def source(self, frame: Frame) -> Named:
        """Return the raw file: the one that `prepare` noted, or that the frame was read from."""
        for row in frame.provenance:
            if row.added_by == "prepare":
                return Named(row.filename, row.md5)
        return Named(frame.filename, "") if frame.path is None else Named(frame.path.name, self.run.md5(frame.path))

    def flatten(self, frame: Frame) -> Frame:
        """Subtract the background of a frame as the frame itself shows it."""
        return self.run.call("removeBackground", [frame])[0]

    def finish(self, stack: Frame, sky: float) -> Frame:
        """Find the sources of the stack, measure their shape, and the sky that was subtracted from its frames."""
        run, name = self.run, stack.filename
        (stack,) = run.call("detectSources", [stack])
        stack.filename = name
        (stack,) = run.call("measureIQ", [stack])
        bright = stack.copy()
        bright.filename = stack.filename = name
        bright.planes[0].data = stack.planes[0].data + stack.planes[0].data.dtype.type(sky)
        (bright,) = run.call("measureBG", [bright])
        for header, measured in ((stack.phu, bright.phu), (stack.planes[0].header, bright.planes[0].header)):
            for keyword in ("SKYLEVEL", "MEASREBG"):
                if keyword in measured:
                    header[keyword] = (measured[keyword], measured.comments[keyword])
        return stack

    def write(self, stack: Frame) -> Path:
        """Write the product."""
        run = self.run
        run.stamp(stack, "PROCSCI", NAME)
        stack.phu["PROCMODE"] = run.mode
        stack.history.append(HistoryRow(NAME, json.dumps({"frame": self.frame}), self._start, run.now()))
        return run.around.store.write(stack)


PRIMITIVES = (add_to_growing_stack,)
