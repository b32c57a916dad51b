"""Storing: masters and final images get their name, their label and their place (primitives-calibration, 15)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import Primitive, all_frames
from nightcrew.reducer.generic_headers import make_generic
from nightcrew.shared.dq import DQ
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightcrew.reducer.engine.run import Run
    from nightcrew.shared.frames import Frame


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of master: how it is stamped and labelled.

    Parameters
    ----------
    word
        Name of the primitive after `storeProcessed`, and the tag that the frame must carry.
    keyword
        Keyword of the time stamp, which makes the frame PROCESSED.
    """

    word: str
    keyword: str

    @property
    def tag(self) -> str:
        """Tag that a frame of this kind carries."""
        return self.word.upper()

    @property
    def caltype(self) -> str:
        """Type by which it is asked for."""
        return f"processed_{self.word.lower()}"


DARK = Kind("Dark", "PROCDARK")
FLAT = Kind("Flat", "PROCFLAT")
BPM = Kind("BPM", "PROCBPM")
BAD = ~np.uint16(DQ.NON_LINEAR)
"""Bits of pixels that are of no use: a product may be non-linear throughout, and say so."""


class StoreCalibration(Parameters):
    """Parameters of storeProcessedDark and storeProcessedFlat."""

    suffix: str | None = parameter(None, "Filename suffix")
    force: bool = parameter(False, "Make the headers those of a calibration?")


class StoreProcessedDark(StoreCalibration):
    """Parameters of storeProcessedDark."""

    suffix: str | None = parameter("_dark", "Filename suffix")


class StoreProcessedFlat(StoreCalibration):
    """Parameters of storeProcessedFlat."""

    suffix: str | None = parameter("_flat", "Filename suffix")


class StoreProcessedScience(Parameters):
    """Parameters of storeProcessedScience."""

    suffix: str | None = parameter(None, "Filename suffix")


def relabel(label: str, mode: str, suffix: str) -> str:
    """Return a data label with the product's kind at its end.

    Examples
    --------
    >>> relabel("GN-2012A-Q-1-7-001-STACK", "sq", "_flat")
    'GN-2012A-Q-1-7-001-SQ-FLAT'
    """
    bare = re.sub(r"(?<=\d)(-[A-Z]+)+$", "", label)
    return f"{bare}-{mode}{suffix.replace('_', '-')}".upper()


def _storing(kind: Kind) -> Callable[[list[Frame], StoreCalibration, Run], list[Frame]]:
    def store(frames: list[Frame], p: StoreCalibration, run: Run) -> list[Frame]:
        for frame in frames:
            if kind is not BPM:
                _check_worth(frame)
            if p.force:
                make_generic(frame, kind.tag)
            _label(frame, kind, p.suffix, run)
            run.stamp(frame, kind.keyword, f"storeProcessed{kind.word}" if kind is not BPM else "storeBPM")
            tags = describe_frame(frame).tags
            if {"PROCESSED", kind.tag} <= tags:
                run.to_store.append((frame, kind.caltype))
            else:
                run.warn(f"{frame.filename} is not recognized as a {kind.caltype}. Not storing as a calibration.")
        return frames

    store.__doc__ = f"Name, label and keep the master {kind.word.lower()}."
    return store


def _check_worth(frame: Frame) -> None:
    """Refuse a product that says nothing: one without any good pixel."""
    for plane in frame.planes:
        if plane.dq is None or not np.all(plane.dq & BAD):
            return
    raise FrameError(
        f"{frame.filename}: not one good pixel is left in it; look for inputs or calibrations that are saturated "
        "or without data, and leave them out"
    )


def _label(frame: Frame, kind: Kind, suffix: str | None, run: Run) -> None:
    frame.phu.setdefault("PROCMODE", run.mode)
    if kind is BPM:
        run.rename(frame, suffix)
        return
    run.rename(frame, f"_{run.mode}{suffix}" if run.mode != "sq" else suffix)
    if suffix and "DATALAB" in frame.phu:
        frame.phu["DATALAB"] = relabel(str(frame.phu["DATALAB"]), run.mode, suffix)


# These stamp and rename by themselves: a master must bear its stamp when its tags are looked at.
store_processed_dark = Primitive("storeProcessedDark", StoreProcessedDark, _storing(DARK), each=False)
store_processed_flat = Primitive("storeProcessedFlat", StoreProcessedFlat, _storing(FLAT), each=False)
store_bpm = Primitive("storeBPM", StoreCalibration, _storing(BPM), each=False)


@all_frames("storeProcessedScience", StoreProcessedScience)
def store_processed_science(frames: list[Frame], p: StoreProcessedScience, run: Run) -> list[Frame]:
    """Stamp, name and write the final images.

    Raises
    ------
    FrameError
        If an image has no good pixel.
    """
    for frame in frames:
        _check_worth(frame)
        run.stamp(frame, "PROCSCI", "storeProcessedScience")
        run.rename(frame, p.suffix)
        frame.phu.setdefault("PROCMODE", run.mode)
        if p.suffix and "DATALAB" in frame.phu:
            frame.phu["DATALAB"] = relabel(str(frame.phu["DATALAB"]), run.mode, p.suffix)
    return frames


PRIMITIVES = (store_processed_dark, store_processed_flat, store_bpm, store_processed_science)
