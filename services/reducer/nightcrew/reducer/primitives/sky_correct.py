"""skyCorrect, stackSkyFrames and subtractSky (primitives-sky-and-stack, 5 and 6.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import InstanceOf

from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.reducer.kernels import pixelwise
from nightcrew.reducer.kernels.background import background, sky_factor
from nightcrew.reducer.kernels.combine import Rejection
from nightcrew.reducer.primitives.associate_sky import SKYTABLE, sky_table
from nightcrew.reducer.primitives.object_masks import dilate_masks, with_objects_flagged
from nightcrew.reducer.primitives.stacking import (
    OPERATIONS,
    REJECTIONS,
    Combination,
    Operation,
    RejectMethod,
    StackFrames,
    parse_section,
)
from nightcrew.reducer.sky.stacking import Names, SkyStacker, sky_level
from nightcrew.shared.errors import FrameError, NightcrewError
from nightcrew.shared.frames import Frame

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Plane

SUBSKY = "SUBSKY"
ASSOCIATED, SEPARATED = "_skyAssociated", "_skySeparated"


class StackSkyFrames(Combination):
    """Parameters of stackSkyFrames."""

    suffix: str = parameter("_skyStacked", "Filename suffix")
    operation: Operation = parameter("median", "Averaging operation", choices=OPERATIONS)
    reject_method: RejectMethod = parameter("minmax", "Pixel rejection method", choices=REJECTIONS)
    nlow: int = parameter(1, "Number of low pixels to reject", ge=0)
    nhigh: int = parameter(1, "Number of high pixels to reject", ge=0)
    separate_ext: bool = parameter(True, "Handle extensions separately?")
    scale: bool = parameter(True, "Scale images to the same intensity?")
    zero: bool = parameter(False, "Apply additive offsets to images to match intensity?")
    mask_objects: bool = parameter(True, "Mask objects before stacking?")
    dilation: float = parameter(2.0, "Object dilation radius (pixels)", ge=0.0)


class SubtractSky(Parameters):
    """Parameters of subtractSky."""

    suffix: str = parameter("_skySubtracted", "Filename suffix")
    reset_sky: bool = parameter(False, "Reset sky level?")
    scale_sky: bool = parameter(True, "Scale sky frame to match science?")
    offset_sky: bool = parameter(False, "Apply offset to sky frame to match science?")
    sky: str | InstanceOf[Frame] | None = parameter(None, "Sky frame to subtract")
    save_sky: bool = parameter(False, "Save sky frame before subtraction?")
    debug_threshold: float = parameter(0.001, "Threshold for sky scaling convergence", gt=0.0)


class SkyCorrect(StackSkyFrames):
    """Parameters of skyCorrect: those of stackSkyFrames and subtractSky."""

    suffix: str = parameter("_skyCorrected", "Filename suffix")
    reset_sky: bool = parameter(False, "Reset sky level?")
    scale_sky: bool = parameter(True, "Scale sky frame to match science?")
    offset_sky: bool = parameter(False, "Apply offset to sky frame to match science?")
    sky: str | InstanceOf[Frame] | None = parameter(None, "Sky frame to subtract")
    save_sky: bool = parameter(False, "Save sky frame before subtraction?")
    debug_threshold: float = parameter(0.001, "Threshold for sky scaling convergence", gt=0.0)


@dataclass(slots=True)
class Subtraction:
    """How a sky is subtracted.

    Parameters
    ----------
    scale, offset
        Whether to bring the sky to the level of the frame by a factor or, if not, by an offset.
    reset
        Whether to add the level of the frame again.
    threshold
        Largest correction of the factor with which it counts as found.
    """

    scale: bool
    offset: bool
    reset: bool
    threshold: float

    @classmethod
    def asked(cls, p: SkyCorrect | SubtractSky) -> Subtraction:
        """Return what the parameters ask for."""
        return cls(p.scale_sky, p.offset_sky and not p.scale_sky, p.reset_sky, p.debug_threshold)


@all_frames("stackSkyFrames", StackSkyFrames)
def stack_sky_frames(frames: list[Frame], p: StackSkyFrames, run: Run) -> list[Frame]:
    """Combine skies into one; objects do not enter it."""
    if p.mask_objects:
        dilate_masks(frames, p.dilation, run)
        masked = [with_objects_flagged(frame, run) for frame in frames]
    else:
        masked = frames
    nlow, nhigh = _limits(p, len(frames), "stackSkyFrames", run)
    given = p.shared_with(StackFrames) | {"nlow": nlow, "nhigh": nhigh, "zero": p.zero and not p.scale}
    if p.reject_method == "minmax" and not nlow + nhigh:
        given["reject_method"] = "none"
    return run.call("stackFrames", masked, **given, suffix=p.suffix)


@all_frames("skyCorrect", SkyCorrect)
def sky_correct(frames: list[Frame], p: SkyCorrect, run: Run) -> list[Frame]:
    """Subtract from every frame the stack of its skies.

    Objects in the skies, where they have been found, do not enter the stacks.  All stacks are made of skies from
    which nothing has been subtracted, although they may be among the frames.
    """
    wanted = _sky_lists(frames, run)
    skies = _find_skies(frames, wanted, run)
    originals = list({id(frame): frame for frame in skies.values()}.values())
    if p.mask_objects:
        dilate_masks(originals, p.dilation, run)
    pending: dict[Names, list[Frame]] = {}
    for frame, names in wanted:
        found = tuple(name for name in names if name in skies)
        if found:
            pending.setdefault(found, []).append(frame)
        else:
            run.warn(f"{frame.filename}: none of its skies can be found, sky not subtracted")
    sources = {name: with_objects_flagged(sky, run) if p.mask_objects else sky.copy() for name, sky in skies.items()}
    stacker = _stacker(p, run)
    subtraction = Subtraction.asked(p)
    held = list(sources.values())
    with run.holding(held):
        while pending:
            listed, receivers = next(iter(pending.items()))
            del pending[listed]
            used = [sources[name] for name in listed]
            sky = _make_sky(listed, used, stacker, p, run)
            for frame in receivers:
                _subtract_and_record(frame, sky, [source.filename for source in used], subtraction, p, run)
            needed = {name for others in pending for name in others}
            held[:] = [sources[name] for name in sources if name in needed]
            sources = {name: source for name, source in sources.items() if name in needed}
    return frames


@all_frames("subtractSky", SubtractSky)
def subtract_sky(frames: list[Frame], p: SubtractSky, run: Run) -> list[Frame]:
    """Subtract one sky frame from all frames.

    Raises
    ------
    FrameError
        If no sky is given.
    """
    if p.sky is None:
        raise FrameError("subtractSky needs a sky frame; give one with subtractSky:sky=FILE or use skyCorrect")
    sky = run.auxiliary(Path(p.sky)) if isinstance(p.sky, str) else p.sky
    for frame in frames:
        if _already_subtracted(frame, run):
            continue
        _subtract_and_record(frame, sky.planes, [sky.filename], Subtraction.asked(p), p, run)
    return frames


def _already_subtracted(frame: Frame, run: Run) -> bool:
    if SUBSKY not in frame.phu:
        return False
    run.warn(f"No changes will be made to {frame.filename}, since it has already been processed by subtractSky")
    return True


def _sky_lists(frames: list[Frame], run: Run) -> list[tuple[Frame, list[str]]]:
    """Take SKYTABLE off the frames, and return the frames that have one with the names in it, in alphabetical order."""
    lists = []
    for frame in frames:
        if _already_subtracted(frame, run):
            continue
        table = frame.tables.pop(SKYTABLE, None)
        if table is None:
            run.warn(f"{frame.filename}: no skies have been associated with it, sky not subtracted")
            continue
        lists.append((frame, sorted(str(name) for name in table.rows["SKYNAME"])))
    return lists


def _find_skies(frames: list[Frame], wanted: list[tuple[Frame, list[str]]], run: Run) -> dict[str, Frame]:
    """Return the skies by the names under which the tables list them."""
    pool = {frame.filename: frame for frame in run.streams.get("sky", frames)}
    found: dict[str, Frame] = {}
    for name in sorted({name for _, names in wanted for name in names}):
        known = pool.get(name) or pool.get(name.replace(ASSOCIATED, SEPARATED)) or _from_disk(name, run)
        if known is None:
            run.warn(f"{name}: neither in the stream of skies nor a file here, not used as a sky")
        else:
            found[name] = known
    return found


def _from_disk(name: str, run: Run) -> Frame | None:
    if not Path(name).exists():
        return None
    try:
        return run.auxiliary(Path(name)).copy()
    except NightcrewError as error:
        run.warn(str(error))
        return None


def _stacker(p: SkyCorrect, run: Run) -> SkyStacker:
    rejection = Rejection(p.reject_method, p.lsigma, p.hsigma, p.mclip, p.max_iters, p.nlow, p.nhigh)
    section = parse_section(p.statsec) if p.statsec else (slice(None), slice(None))
    return SkyStacker(
        p.operation, rejection, p.scale, p.zero and not p.scale, section, p.apply_dq,
        run.around.memory.for_tiles, run.around.threads, run.settle,
    )  # fmt: skip


def _limits(p: StackSkyFrames, count: int, what: str, run: Run) -> tuple[int, int]:
    """Return how many extremes to leave out: none where there would be nothing left."""
    if p.reject_method != "minmax" or p.nlow + p.nhigh < count or count < 2:
        return p.nlow, p.nhigh
    run.warn(f"{what}: only {count} skies, so none of them is rejected (nlow={p.nlow}, nhigh={p.nhigh} are set to 0)")
    return 0, 0


def _make_sky(names: Names, sources: list[Frame], stacker: SkyStacker, p: SkyCorrect, run: Run) -> list[Plane]:
    """Return the planes of the sky: those of the only one, or a stack of all."""
    if len(sources) == 1:
        return sources[0].planes
    nlow, nhigh = _limits(p, len(sources), f"sky {sources[0].filename}", run)
    if (nlow, nhigh) != (p.nlow, p.nhigh):
        stacker = replace(stacker, rejection=replace(stacker.rejection, method="none"))
    stacked = []
    for index in range(len(sources[0].planes)):
        run.settle()
        plane, normal = stacker.stack(names, [source.planes[index] for source in sources], index)
        if not normal:
            run.warn(f"sky {sources[0].filename}: some scale factors are negative or infinite, no scaling is done")
        stacked.append(plane)
    return stacked


def _subtract_and_record(
    frame: Frame, sky: list[Plane], used: list[str], how: Subtraction, p: SkyCorrect | SubtractSky, run: Run
) -> None:
    if p.save_sky:
        _save(frame, sky, run)
    factors = []
    for plane, sky_plane in zip(frame.planes, sky, strict=True):
        factor = _subtract(frame, plane, sky_plane, how, run)
        level = sky_level(sky_plane)
        plane.header["NCSKYFAC"] = (factor, "Factor of the sky that was subtracted")
        if level is not None:
            plane.header["NCSKYLVL"] = (level * factor, "Level of the sky that was subtracted")
        factors.append(factor)
    frame.tables[SKYTABLE] = sky_table(used)
    run.info(f"{frame.filename}: {len(used)} skies subtracted, times {', '.join(f'{f:.5f}' for f in factors)}")
    run.stamp(frame, SUBSKY, "subtractSky")
    run.rename(frame, p.suffix)
    run.settle()


def _subtract(frame: Frame, plane: Plane, sky: Plane, how: Subtraction, run: Run) -> float:
    """Subtract a sky from a plane; return the factor by which it was multiplied."""
    before = background(plane.data, plane.dq, plane.objmask) if how.reset else None
    data, variance, factor = sky.data, sky.variance, 1.0
    if how.scale:
        factor = _factor(frame, plane, sky, how.threshold, run)
        data, variance = pixelwise.scale(data, variance, factor)
    plane.data, plane.variance, plane.dq = pixelwise.subtract(
        (plane.data, plane.variance, plane.dq), (data, variance, sky.dq)
    )
    if how.offset:
        left = background(plane.data, plane.dq, plane.objmask)
        plane.data = pixelwise.offset(plane.data, -left.level) if left else plane.data
    if before:
        plane.data = pixelwise.offset(plane.data, before.level)
    return factor


def _factor(frame: Frame, plane: Plane, sky: Plane, threshold: float, run: Run) -> float:
    """Return the factor that brings a sky to the level of a plane; where that cannot be found, the next best one."""
    found = sky_factor(
        (plane.data, plane.dq, plane.objmask), (sky.data, sky.dq, sky.objmask), threshold=threshold,
        threads=run.around.threads,
    )  # fmt: skip
    if found is not None and found.converged:
        if not found.fitted:
            run.warn(f"{frame.filename}: sky scaled by clipped medians, since its level cannot be fitted")
        return found.factor
    levels = [background(p.data, p.dq, p.objmask, fit=False) for p in (plane, sky)]
    factor = levels[0].level / levels[1].level if levels[0] and levels[1] and levels[1].level else math.nan
    if math.isfinite(factor) and factor > 0:
        run.warn(f"{frame.filename}: the factor of its sky does not converge; the ratio of the medians is used")
        return factor
    run.warn(f"{frame.filename}: no level to scale its sky by, it is subtracted as it is")
    return 1.0


def _save(frame: Frame, sky: list[Plane], run: Run) -> None:
    """Write a sky under the name of the frame it is meant for."""
    saved = frame.copy()
    saved.planes = [plane.copy() for plane in sky]
    saved.tables = {}
    run.rename(saved, "_sky")
    run.written.append(run.around.store.write(saved).name)


PRIMITIVES = (stack_sky_frames, sky_correct, subtract_sky)
