"""Bookkeeping: streams, lists of frames, files between the steps (commands, 12.3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames
from nightcrew.shared.errors import FrameError, RecipeError

if TYPE_CHECKING:
    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame


class Tags(Parameters):
    """Parameters of selectFromInputs and removeFromInputs."""

    tags: str | None = parameter(None, "Tags, separated by commas; a frame that has any of them counts")


class Nothing(Parameters):
    """No parameters."""


class Flush(Parameters):
    """Parameters of flushPixels."""

    force: bool = parameter(False, "Force write-to-disk?")


class RemoveFirstFrame(Parameters):
    """Parameters of removeFirstFrame."""

    remove_first: bool = parameter(True, "Remove first frame of sequence?")
    remove_files: list[str] | None = parameter(None, "List of frames to remove")


class RejectInputs(Parameters):
    """Parameters of rejectInputs."""

    at_start: int = parameter(0, "Number of inputs to remove from start of list", ge=0)
    at_end: int = parameter(0, "Number of inputs to remove from end of list", ge=0)


class WriteOutputs(Parameters):
    """Parameters of writeOutputs."""

    overwrite: bool = parameter(True, "Overwrite existing files?")
    outfilename: str | None = parameter(None, "Name of output file, where there is one frame")
    prefix: str | None = parameter(None, "Prefix for output files")
    suffix: str | None = parameter(None, "Filename suffix")


def _wanted(tags: str | None) -> set[str]:
    return {tag.strip() for tag in (tags or "").split(",")} - {""}


@all_frames("selectFromInputs", Tags)
def select_from_inputs(frames: list[Frame], p: Tags, run: Run) -> list[Frame]:  # noqa: ARG001
    """Keep the frames that have any of the tags."""
    wanted = _wanted(p.tags)
    return [frame for frame in frames if not wanted or wanted & describe_frame(frame).tags]


@all_frames("removeFromInputs", Tags)
def remove_from_inputs(frames: list[Frame], p: Tags, run: Run) -> list[Frame]:  # noqa: ARG001
    """Drop the frames that have any of the tags."""
    wanted = _wanted(p.tags)
    return [frame for frame in frames if not wanted & describe_frame(frame).tags]


@all_frames("removeFirstFrame", RemoveFirstFrame)
def remove_first_frame(frames: list[Frame], p: RemoveFirstFrame, run: Run) -> list[Frame]:
    """Drop the frame that was taken first, whose bias level NIRI does not hold, and any that are named.

    Raises
    ------
    FrameError
        If no frame would be left.
    """
    kept = list(frames)
    if not p.remove_first and not p.remove_files:
        run.warn("removeFirstFrame has nothing to remove: neither remove_first nor remove_files is set")
    if p.remove_first and kept:
        first = min(kept, key=lambda frame: describe_frame(frame).value("ut_datetime"))
        run.info(f"Removing {first.filename}, the first frame")
        kept = [frame for frame in kept if frame is not first]
        if not kept:
            raise FrameError(
                f"{first.filename}: the only frame would be removed as the first of its sequence; "
                "set removeFirstFrame:remove_first=False to reduce it"
            )
    for name in p.remove_files or []:
        wanted = name.removesuffix(".fits")
        if not any(wanted in frame.filename for frame in kept):
            run.warn(f"{name}: not among the inputs, nothing removed")
        kept = [frame for frame in kept if wanted not in frame.filename]
    return kept


@all_frames("rejectInputs", RejectInputs)
def reject_inputs(frames: list[Frame], p: RejectInputs, run: Run) -> list[Frame]:  # noqa: ARG001
    """Drop frames from the start and the end of the list."""
    return frames[p.at_start : len(frames) - p.at_end]


@all_frames("copyInputs", Nothing)
def copy_inputs(frames: list[Frame], p: Nothing, run: Run) -> list[Frame]:  # noqa: ARG001
    """Copy the frames from one stream to another."""
    return frames


@all_frames("clearStream", Nothing)
def clear_stream(frames: list[Frame], p: Nothing, run: Run) -> list[Frame]:  # noqa: ARG001
    """Empty a stream."""
    return []


@all_frames("clearAllStreams", Nothing)
def clear_all_streams(frames: list[Frame], p: Nothing, run: Run) -> list[Frame]:  # noqa: ARG001
    """Empty all streams but the main one."""
    for name in [name for name in run.streams if name != "main"]:
        run.streams[name] = []
    return frames


@all_frames("flushPixels", Flush)
def flush_pixels(frames: list[Frame], p: Flush, run: Run) -> list[Frame]:  # noqa: ARG001
    """Give back memory; the engine does so by itself, so nothing is written."""
    return frames


@all_frames("writeOutputs", WriteOutputs)
def write_outputs(frames: list[Frame], p: WriteOutputs, run: Run) -> list[Frame]:
    """Write the frames under their current names, or with another prefix, suffix or name.

    Raises
    ------
    RecipeError
        If several frames would get one name, or a file exists that must not be overwritten.
    """
    if p.outfilename is not None and len(frames) > 1:
        raise RecipeError(
            f"writeOutputs:outfilename={p.outfilename} is one name for {len(frames)} frames; use prefix or suffix"
        )
    for frame in frames:
        if p.suffix is not None:
            run.rename(frame, p.suffix)
        if p.prefix is not None:
            frame.filename = p.prefix + frame.filename
        if p.outfilename is not None:
            frame.filename = p.outfilename
        path = run.around.store.root / Path(frame.filename).name
        if path.exists() and not p.overwrite:
            raise RecipeError(
                f"{path}: exists, and writeOutputs:overwrite is False; choose another suffix or set overwrite=True"
            )
        run.written.append(run.around.store.write(frame).name)
    return frames


PRIMITIVES = (
    select_from_inputs,
    remove_from_inputs,
    remove_first_frame,
    reject_inputs,
    copy_inputs,
    clear_stream,
    clear_all_streams,
    flush_pixels,
    write_outputs,
)
