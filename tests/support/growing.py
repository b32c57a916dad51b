"""Sequences of small frames that are shown to a growing stack, one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from nightcrew.reducer.growing.settings import Settings
from nightcrew.reducer.growing.stack import GrowingStack
from nightcrew.reducer.growing.window import WindowSettings
from nightcrew.reducer.primitives.growing import RunTools
from nightcrew.shared.frames import ProvenanceRow
from support.fields import FLUX, STARS, exposure
from support.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.reducer.growing.ledger import Ledger
    from nightcrew.reducer.growing.verdict import Verdict
    from nightcrew.shared.frames import Frame

DITHER = ((0.0, 0.0), (0.7, 0.5), (-0.6, 0.7), (0.4, -0.8))
"""Telescope offsets P and Q, arcsec: some pixels."""
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = Settings(window=WindowSettings(size=9, least=3, dilation=6.0))


def taken(number: int, *, md5: str = "", **given: Any) -> Frame:
    """Take the frame of that number of a dithered sequence."""
    p, q = DITHER[number % len(DITHER)]
    frame = exposure(number, **({"p": p, "q": q} | given))
    frame.provenance.append(ProvenanceRow("", frame.filename, md5 or f"md5 of {number}", "prepare"))
    return frame


def trailed(number: int, length: float = 14.0) -> Frame:
    """Take a frame during which the telescope moved by so many pixels."""
    steps = np.linspace(-length / 2, length / 2, 15)
    sources = [(x + step, y) for x, y in STARS for step in steps]
    return with_flux(number, FLUX / len(steps), sources=sources)


def with_flux(number: int, flux: float, **given: Any) -> Frame:
    """Take a frame whose stars are fainter or brighter than usual."""
    frame, empty = taken(number, **given), taken(number, **(given | {"sources": ()}))
    stars = frame.planes[0].data - empty.planes[0].data
    frame.planes[0].data = (empty.planes[0].data + stars * (flux / FLUX)).astype(np.float32)
    return frame


@dataclass
class Site:
    """A directory in which stacks grow, every frame in a run of its own."""

    directory: Path
    settings: Settings = SETTINGS

    def show(self, frame: Frame) -> Verdict:
        """Show a frame to the stack of its sequence."""
        with running(self.directory, frame) as run:
            run.around = replace(run.around, clock=lambda: NOW)
            (frame,) = run.call("detectSources", [frame])
            return GrowingStack.of(frame, self.directory, RunTools(run, frame.filename), self.settings).add(frame)

    def show_all(self, *frames: Frame) -> list[Verdict]:
        """Show several frames in order."""
        return [self.show(frame) for frame in frames]

    def state(self, of: Frame) -> tuple[Ledger, Frame | None]:
        """Return what is known of the sequence of a frame, and its stack."""
        with running(self.directory, of) as run:
            return GrowingStack.of(of, self.directory, RunTools(run, of.filename), self.settings).load()

    def stack(self, of: Frame) -> Frame:
        """Return the stack of the sequence of a frame."""
        _, stack = self.state(of)
        assert stack is not None
        return stack
