"""A growing stack: one frame more, or the reason why not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from nightcrew.reducer.alignment.looks import look_at
from nightcrew.reducer.alignment.registration import Limits as ShapeLimits
from nightcrew.reducer.alignment.registration import misshapen
from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.geometry import tangent_plane
from nightcrew.reducer.growing.accumulate import Aligned, Clipping, Pixels, add
from nightcrew.reducer.growing.header import describe_growth, new_product
from nightcrew.reducer.growing.ledger import Ledger, Seen, Status
from nightcrew.reducer.growing.placing import Field, Limits, Misplaced, Placed, place
from nightcrew.reducer.growing.sequence import Sequence, is_first_exposure, shows_sky_only, telescope_offset
from nightcrew.reducer.growing.shelf import Shelf
from nightcrew.reducer.growing.sky import Window, as_sky, skies_for, subtract_sky, to_keep, without_objects
from nightcrew.reducer.kernels.affine import Affine, Grid, bounds
from nightcrew.reducer.kernels.background import background
from nightcrew.reducer.kernels.resample import resample
from nightcrew.reducer.products.covariance import pixel_factor
from nightcrew.reducer.products.stack_facts import describe_input
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.shared.frames import Frame, Plane

INTERPOLANT = "poly3"
WHOLE_PIXELS = 1e-4
"""Pixels by which a shift may miss a whole number and still be a plain copy."""


class Tools(Protocol):
    """What a growing stack needs from the run that feeds it."""

    @property
    def budget(self) -> int:
        """Bytes that a combination may take; changes no result."""

    @property
    def threads(self) -> int:
        """Threads of a combination; changes no result."""

    def md5(self, frame: Frame) -> str:
        """Return the MD5 of the raw file of a frame."""

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

    window: Window = field(default_factory=Window)
    placing: Limits = field(default_factory=Limits)
    shapes: ShapeLimits = field(default_factory=ShapeLimits)
    ellipticity: float = 0.5
    clipping: Clipping = field(default_factory=Clipping)
    contradiction: float = 0.2
    drop_first: bool = False
    sky_beyond: float | None = 1.0


@dataclass(frozen=True, slots=True)
class Added:
    """The frame is in the stack.

    Parameters
    ----------
    frame
        What is known about it.
    product
        Name of the stack.
    frames
        How many frames are in it now.
    dismissed
        Frames that were in it before and, by what this one shows, do not belong there.
    """

    frame: Seen
    product: str
    frames: int
    dismissed: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Excluded:
    """The frame is not in the stack, or was there before.

    Parameters
    ----------
    frame
        What is known about it.
    reason
        Why.
    product
        Name of the stack; empty if there is none yet.
    frames
        How many frames are in it.
    duplicate
        Whether the frame was shown before: nothing has changed.
    """

    frame: Seen
    reason: str
    product: str
    frames: int
    duplicate: bool = False


Verdict: TypeAlias = Added | Excluded


class GrowingStack:
    """The stack of a sequence that is still being taken.

    All its state lies on disk, beside the product and in it: a new process goes on where another one stopped, and
    makes the same bits.

    Parameters
    ----------
    shelf
        Where it lies.
    tools
        What it needs from outside.
    settings
        How it grows.

    Examples
    --------
    ::

        verdict = GrowingStack.of(frame, directory, tools).add(frame)
        match verdict:
            case Added(frames=n):
                print(f"{n} frames")
            case Excluded(reason=reason):
                print(reason)
    """

    def __init__(self, shelf: Shelf, tools: Tools, settings: Settings | None = None) -> None:
        self.shelf = shelf
        self._tools = tools
        self._settings = settings or Settings()

    @classmethod
    def of(cls, frame: Frame, directory: Path, tools: Tools, settings: Settings | None = None) -> GrowingStack:
        """Return the stack in a directory that a frame belongs to; it begins with this frame if there is none."""
        sequence = Sequence.of(describe_frame(frame))
        return cls(Shelf.of(sequence, original_name(frame), directory), tools, settings)

    def load(self) -> tuple[Ledger, Frame | None]:
        """Return what is known about the frames, and the stack if there is one."""
        return self.shelf.load()

    def add(self, frame: Frame) -> Verdict:
        """Add a frame, or say why it is left out.

        Parameters
        ----------
        frame
            Corrected as far as calibrations go, the sky still in it, its sources found; it is left as it is.

        Raises
        ------
        FrameError
            If the frame has no usable WCS or more than one science extension, or the state on disk is damaged.
        ServiceError
            If the disk fails; the state is then that before the frame.
        """
        if len(frame.planes) != 1:
            raise FrameError(f"{frame.filename}: {len(frame.planes)} science extensions; only frames of one can grow")
        with self.shelf.locked():
            ledger, stack = self.shelf.load()
            name, md5 = original_name(frame), self._tools.md5(frame)
            known = ledger.find(name)
            if known is not None:
                reason = (
                    "was shown to the stack before" + (f" and left out: {known.reason}" if known.reason else "")
                    if known.md5 == md5
                    else f"is another file than the one of this name in the stack (MD5 {md5}, there {known.md5})"
                )
                product = "" if stack is None else self.shelf.product
                return Excluded(known, reason, product, len(ledger.added), duplicate=True)
            return _Growth(self, ledger, stack).show(frame, self._look(frame, name, md5))

    def _look(self, frame: Frame, name: str, md5: str) -> Seen:
        """Note what a frame is like, before it is compared with others."""
        about, plane = describe_frame(frame), frame.planes[0]
        looks = look_at(name, plane.objcat)
        begin, offset = about.get("ut_datetime"), telescope_offset(about)
        level = background(plane.data, plane.dq, plane.objmask, decimate_twice=False)
        given = describe_input(frame, about)
        seen = Seen(
            name, md5,
            begin="" if begin is None else begin.isoformat(),
            seconds=_or_nan(about.get("exposure_time")),
            sources=looks.sources, fwhm=looks.fwhm, ellipticity=looks.ellipticity,
            p=math.nan if offset is None else offset[0], q=math.nan if offset is None else offset[1],
            sky=math.nan if level is None else level.level,
            airmass=_or_nan(about.get("airmass")), gain=_or_nan(given.gain), read_noise=_or_nan(given.read_noise),
        )  # fmt: skip
        settings = self._settings
        if settings.drop_first and is_first_exposure(str(frame.phu.get("DATALAB", ""))):
            return replace(
                seen, status=Status.UNSETTLED, reason="the first exposure of its observation: the bias has not settled"
            )
        field_of_view = max(plane.shape[-2:]) * tangent_plane(frame).pixel_scale
        if shows_sky_only(offset, field_of_view, settings.sky_beyond):
            assert offset is not None
            reason = f"shows the sky {math.hypot(*offset):.0f} arcsec beside the target, and serves as that"
            return replace(seen, status=Status.SKY, reason=reason)
        return seen


@dataclass(slots=True)
class _Growth:
    """One frame on its way into a stack."""

    home: GrowingStack
    ledger: Ledger
    stack: Frame | None
    dismissed: list[Seen] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.home._settings

    @property
    def tools(self) -> Tools:
        return self.home._tools

    @property
    def shelf(self) -> Shelf:
        return self.home.shelf

    def show(self, frame: Frame, seen: Seen) -> Verdict:
        """Judge a frame, add it if it is good, and write down what became of it."""
        if seen.status != Status.UNSETTLED:
            kept = frame.copy()
            kept.planes = [as_sky(plane) for plane in frame.planes]
            self.shelf.keep(kept, seen.name)
            names = to_keep(self.ledger, seen, self.settings.window)
        else:
            names = tuple(row.name for row in self.ledger.kept)
        if seen.added:
            seen = self._judged(frame, seen)
        grown = seen.added
        self.ledger = self.ledger.with_row(seen).keeping(names)
        self._commit(grown=grown)
        self.shelf.tidy(names, product=self.stack is not None)
        count = len(self.ledger.added)
        product = "" if self.stack is None else self.shelf.product
        if grown:
            return Added(seen, product, count, tuple(self.dismissed))
        return Excluded(seen, seen.reason, product, count)

    def _judged(self, frame: Frame, seen: Seen) -> Seen:
        """Add a frame of the target to the stack, or return why it does not belong there."""
        shown = [row for row in self.ledger if row.of_target]
        verdicts = {v.index: v.reason for v in misshapen([*(r.looks for r in shown), seen.looks], self.settings.shapes)}
        if len(shown) in verdicts:
            return replace(seen, status=Status.MISSHAPEN, reason=verdicts[len(shown)])
        if seen.sources and seen.ellipticity > self.settings.ellipticity:
            reason = f"stars are trailed, ellipticity {seen.ellipticity:.2f} (limit {self.settings.ellipticity:.2f})"
            return replace(seen, status=Status.MISSHAPEN, reason=reason)
        sole = self._sole()
        if self.stack is None:
            return self._begin(frame, seen)
        if sole is not None and shown.index(sole) in verdicts:
            return self._begin_anew(frame, seen, Status.MISSHAPEN, verdicts[shown.index(sole)])
        few = self.settings.placing.sources
        here, there = _field(frame), _field(self.stack)
        lit, star_lit = len(here.sources(few)) >= few, len(there.sources(few)) >= few
        if not star_lit and not lit:
            return self._accumulate(frame, seen, Placed(here.plane))
        if not star_lit and sole is not None:
            return self._begin_anew(frame, seen, Status.EMPTY, self._too_few(sole))
        if not lit:
            return replace(seen, status=Status.EMPTY, reason=self._too_few(seen))
        placed = place(here, there, self.settings.placing, self._usual_shift())
        if isinstance(placed, Placed):
            return self._accumulate(frame, seen, placed)
        if sole is not None:
            ally = self._ally(here)
            if ally is not None:
                return self._side_with(ally, frame, seen)
        return replace(seen, status=Status.MISPLACED, reason=placed.reason)

    def _too_few(self, seen: Seen) -> str:
        return f"only {seen.sources} well-detected sources, {self.settings.placing.sources} are needed to align it"

    def _sole(self) -> Seen | None:
        """Return the only frame in the stack; None if there are more or none."""
        added = self.ledger.added
        return added[0] if len(added) == 1 else None

    def _usual_shift(self) -> tuple[float, float]:
        shifts = np.array([(row.dx, row.dy) for row in self.ledger.added])
        x, y = np.median(shifts, axis=0).tolist()
        return x, y

    def _ally(self, here: Field) -> Frame | None:
        """Return a frame that was left out for its place, kept since, and agrees with a new one about it."""
        for row in self.ledger.kept:
            other = self.shelf.kept(row.name) if row.status == Status.MISPLACED else None
            if other is not None and isinstance(place(here, _field(other), self.settings.placing), Placed):
                return other
        return None

    def _side_with(self, ally: Frame, frame: Frame, seen: Seen) -> Seen:
        """Two frames agree with each other and not with the only one in the stack: let it consist of them."""
        before = self.ledger.find(original_name(ally))
        assert before is not None
        begun = self._begin_anew(
            ally, replace(before, status=Status.ADDED, reason=""), Status.MISPLACED,
            f"{before.name} and {seen.name} agree about where their sources lie, and not with it",
        )  # fmt: skip
        self.ledger = self.ledger.with_row(begun)
        assert self.stack is not None
        self.stack = self.tools.finish(self.stack, begun.sky)
        placed = place(_field(frame), _field(self.stack), self.settings.placing)
        if isinstance(placed, Misplaced):
            return replace(seen, status=Status.MISPLACED, reason=placed.reason)
        return self._accumulate(frame, seen, placed)

    def _begin_anew(self, frame: Frame, seen: Seen, status: Status, reason: str) -> Seen:
        """Begin with a frame instead of the only one that is in the stack."""
        sole = self._sole()
        assert sole is not None
        out = replace(sole, status=status, reason=reason)
        self.dismissed.append(out)
        self.ledger = self.ledger.with_row(out)
        return self._begin(frame, seen)

    def _begin(self, frame: Frame, seen: Seen) -> Seen:
        """Begin the stack with a frame, whose pixels are those of the canvas."""
        flat, skies = self._sky_subtracted(frame, seen)
        plane = flat.planes[0]
        seen = replace(seen, skies=skies, dx=0.0, dy=0.0, transparency=1.0, variance_factor=1.0, contradiction=0.0)
        aligned = Aligned(plane.data, _variance(plane), _flags(plane), (0, 0), _seconds(seen))
        made = add(Pixels.empty(_shape(plane)), aligned, self.settings.clipping)
        self.stack = new_product(flat)
        _put(made.pixels, self.stack.planes[0], 1)
        return seen

    def _accumulate(self, frame: Frame, seen: Seen, placed: Placed) -> Seen:
        """Resample a frame onto the canvas and add it, unless too much of it contradicts what is there."""
        assert self.stack is not None
        flat, skies = self._sky_subtracted(frame, seen)
        plane, canvas = flat.planes[0], tangent_plane(self.stack)
        to_canvas = placed.plane.affine_onto(canvas, plane.shape)
        x0, y0, x1, y1 = bounds(to_canvas, plane.shape)
        box = Grid((x0, y0), (y1 - y0 + 1, x1 - x0 + 1))
        made = resample(
            plane.data, _variance(plane), plane.dq, None, to_canvas, box, interpolant=INTERPOLANT, snap=WHOLE_PIXELS
        )
        assert made.variance is not None
        before = _pixels(self.stack.planes[0], len(self.ledger.added))
        grid = _holding(before.shape, box)
        origin = x0 - grid.origin[0], y0 - grid.origin[1]
        aligned = Aligned(made.data, made.variance, made.dq, origin, _seconds(seen), placed.transparency)
        addition = add(before.on(grid), aligned, self.settings.clipping)
        seen = replace(
            seen, skies=skies, matched=placed.matched, dx=placed.shift[0], dy=placed.shift[1], rms=placed.rms,
            transparency=placed.transparency, contradiction=addition.contradiction,
            variance_factor=pixel_factor(to_canvas, plane.shape, INTERPOLANT, snap=WHOLE_PIXELS),
        )  # fmt: skip
        if addition.contradiction > self.settings.contradiction:
            reason = (
                f"{100 * addition.contradiction:.0f} % of its pixels contradict the stack "
                f"(limit {100 * self.settings.contradiction:.0f} %)"
            )
            return replace(seen, status=Status.CONTRARY, reason=reason)
        stack = self.stack.copy()
        _put(addition.pixels, stack.planes[0], len(self.ledger.added) + 1)
        canvas.after(Affine.shift(*grid.origin)).write(stack.planes[0].header)
        stack.provenance = list(dict.fromkeys([*stack.provenance, *frame.provenance]))
        self.stack = stack
        return seen

    def _sky_subtracted(self, frame: Frame, seen: Seen) -> tuple[Frame, int]:
        """Return a frame without its sky, and the number of frames that this was made of."""
        chosen = [(row, self.shelf.kept(row.name)) for row in skies_for(seen, self.ledger.kept, self.settings.window)]
        skies = [(without_objects(sky.planes[0]), row.sky) for row, sky in chosen if sky is not None]
        flat = frame.copy()
        if len(skies) < self.settings.window.least or not seen.sky > 0:
            return self.tools.flatten(flat), 0
        planes, levels = zip(*skies, strict=True)
        subtract_sky(flat.planes[0], seen.sky, planes, levels, budget=self.tools.budget, threads=self.tools.threads)
        return flat, len(skies)

    def _commit(self, *, grown: bool) -> None:
        """Write the product, or what is known so far if there is none."""
        if self.stack is None:
            self.shelf.note(self.ledger)
            return
        describe_growth(self.stack, self.ledger)
        self.shelf.label(self.stack, self.ledger)
        if grown or self.dismissed:
            levels = [row.sky for row in self.ledger.added if math.isfinite(row.sky)]
            self.stack = self.tools.finish(self.stack, float(np.mean(levels)) if levels else 0.0)
        self.tools.write(self.stack)


def original_name(frame: Frame) -> str:
    """Return the name of the raw frame."""
    return str(frame.phu.get("ORIGNAME", frame.filename))


def _field(frame: Frame) -> Field:
    return Field(frame.planes[0].objcat, tangent_plane(frame), _shape(frame.planes[0]))


def _shape(plane: Plane) -> tuple[int, int]:
    ny, nx = plane.shape[-2:]
    return ny, nx


def _variance(plane: Plane) -> np.ndarray:  # type: ignore[type-arg]
    return np.zeros(plane.shape, np.float32) if plane.variance is None else plane.variance


def _flags(plane: Plane) -> np.ndarray:  # type: ignore[type-arg]
    return np.zeros(plane.shape, np.uint16) if plane.dq is None else plane.dq


def _seconds(seen: Seen) -> float:
    return seen.seconds if seen.seconds > 0 else 1.0


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _holding(shape: tuple[int, int], box: Grid) -> Grid:
    """Return the smallest grid that holds a canvas and a box on its pixels."""
    (x, y), (height, width) = box.origin, box.shape
    x0, y0 = min(0, x), min(0, y)
    return Grid((x0, y0), (max(shape[0], y + height) - y0, max(shape[1], x + width) - x0))


def _pixels(plane: Plane, frames: int) -> Pixels:
    """Return the pixels of a product."""
    assert plane.variance is not None
    assert plane.dq is not None
    assert plane.rejmap is not None
    assert plane.expmap is not None
    return Pixels(plane.data, plane.variance, plane.dq, (frames - plane.rejmap).astype(np.int16), plane.expmap)


def _put(pixels: Pixels, plane: Plane, frames: int) -> None:
    """Give a product its pixels; REJMAP counts the frames that a pixel is without."""
    plane.data, plane.variance, plane.dq = pixels.data, pixels.variance, pixels.dq
    plane.rejmap = (frames - pixels.frames).astype(np.int16)
    plane.expmap = pixels.seconds
    plane.objmask = plane.objcat = None
