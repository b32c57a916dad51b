"""How long after the shutter has closed a frame has come so far."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

from nightcrew.shared.telemetry.registry import INSTRUMENTS, OTHER, instrument_label

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from prometheus_client import CollectorRegistry

BUCKETS = (5, 10, 30, 60, 120, 300, 900, 3600)
"""Seconds; the promise that alerts watch, 120 s, is one of them."""
LIVE = 86400.0
"""Seconds after which a frame is no live one: an archive that is read in says nothing about the night."""
FRAME_TYPES = ("science", "standard", "dark", "flat", "bpm", "arc", "other")
"""Kinds that series are told apart by."""
PROMISED = ("science", "standard")
"""Kinds that alerts ask about: counted for from 0."""


class Stage(StrEnum):
    """How far a frame has come."""

    INGESTED = "ingested"
    """It is recorded."""
    PLANNED = "planned"
    """It belongs to a group, or has a quick look."""
    STARTED = "started"
    """A reducer has begun with it."""
    PRODUCT = "product"
    """Its product has a name."""


class FrameLatency:
    """Times since the shutter has closed, by stage, for the stages that one service sees.

    Parameters
    ----------
    registry
        Where the numbers are kept.
    stages
        Those that are noted here.
    """

    def __init__(self, registry: CollectorRegistry, stages: Iterable[Stage]) -> None:
        self._latency = Histogram(
            "nightcrew_frame_latency_seconds",
            "Time since the shutter has closed",
            ["instrument", "frame_type", "stage"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._skew = Counter(
            "nightcrew_clock_skew_total",
            "Frames whose shutter closes in the future, by this machine's clock",
            ["instrument"],
            registry=registry,
        )
        for instrument in (*INSTRUMENTS, OTHER):
            self._skew.labels(instrument)
        for instrument in INSTRUMENTS:
            for frame_type in PROMISED:
                for stage in stages:
                    self._latency.labels(instrument, frame_type, str(stage))

    def note(self, instrument: str, frame_type: str, stage: Stage, closed: datetime | None, now: datetime) -> None:
        """Note that a frame has come to a stage.

        Parameters
        ----------
        instrument, frame_type
            Whose, and what it is; unknown ones count as `other`.
        stage
            How far it has come.
        closed
            When its shutter closed: start of the exposure + exposure time x coadds; None if its headers do not say.
        now
            With the same time zone, or both without.
        """
        if closed is None:
            return
        seconds = (now - closed).total_seconds()
        instrument = instrument_label(instrument)
        if seconds < 0:
            self._skew.labels(instrument).inc()
        elif seconds <= LIVE:
            kind = frame_type if frame_type in FRAME_TYPES else OTHER
            self._latency.labels(instrument, kind, str(stage)).observe(seconds)
