"""Judging a received master: its pixels, those of the one before it, and the gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.calmanager.core.gate_file import shipped_gates
from nightcrew.calmanager.core.gates import Verdict, judge
from nightcrew.calmanager.core.measuring import Pixels, measure
from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import open_frame

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.calmanager.core.gates import Gates
    from nightcrew.calmanager.incoming import Incoming
    from nightcrew.shared.frames import Frame, Plane

_MASK = "processed_bpm"


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges masters by gates; None stands for those that come with nightcrew."""

    gates: Gates | None = None

    def __call__(self, incoming: Incoming, previous: Path | None) -> Verdict:
        """Judge a master.

        Parameters
        ----------
        incoming
            The master.
        previous
            File of the certified one of its kind that is nearest in time; None if there is none.

        Returns
        -------
        Verdict
            Passed, with a note, if there are no gates for its type.

        Raises
        ------
        FrameError
            If its pixels cannot be read.
        """
        gates = shipped_gates() if self.gates is None else self.gates
        instrument = str(incoming.candidate.columns.get("instrument"))
        of_type = gates.get(instrument, {}).get(incoming.caltype)
        if of_type is None:
            return Verdict(note=f"there are no gates for a {incoming.caltype} of {instrument}")
        mask = incoming.caltype == _MASK
        before = None if previous is None else _pixels_of(previous, mask=mask)
        return judge(measure(_pixels(incoming.frame, mask=mask), before, mask=mask), _unit(incoming.frame), of_type)


def _pixels_of(path: Path, *, mask: bool) -> Pixels | None:
    """Return the pixels of an earlier master; None if they cannot be had any more."""
    try:
        return _pixels(open_frame(path), mask=mask)
    except FrameError:
        return None


def _pixels(frame: Frame, *, mask: bool) -> Pixels:
    if not frame.planes:
        raise FrameError(f"{frame.filename}: has no pixels; a master has at least one science extension")
    data = np.concatenate([plane.data.ravel() for plane in frame.planes])
    bad = np.concatenate([_bad(plane) for plane in frame.planes])
    if mask:
        return Pixels(data, bad | (data != 0))
    variances = [plane.variance for plane in frame.planes]
    known = [variance.ravel() for variance in variances if variance is not None]
    return Pixels(data, bad | ~np.isfinite(data), np.concatenate(known) if len(known) == len(variances) else None)


def _bad(plane: Plane) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    if plane.dq is None:
        return np.zeros(plane.data.size, bool)
    return np.asarray(plane.dq.ravel() != 0)


def _unit(frame: Frame) -> str:
    return str(frame.planes[0].header.get("BUNIT", "")) if frame.planes else ""
