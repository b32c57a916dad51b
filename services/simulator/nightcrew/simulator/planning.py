"""From a table of sequences to the exposures of a night, with what chance adds to each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from nightcrew.simulator.cameras import SimulationError
from nightcrew.simulator.exposures import Exposure, Kind, Lamp
from nightcrew.simulator.pointing import sidereal_degrees
from nightcrew.simulator.sky import sky_series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator

    from nightcrew.simulator.cameras import Camera
    from nightcrew.simulator.sky import SkyState

POINTING_ERROR = 1.5
"""Greatest distance, arcsec, between where a frame's header says it looks and where it does."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Frames taken one after the other with one configuration.

    Parameters
    ----------
    group, kind, object_name, obsclass, observation
        As in `Exposure`.
    prefix, first, count
        Names: N20160102S, 270, 5.
    start
        Begin of the first frame, UTC; later if the sequence before is still running.
    exptime, coadds, overhead
        Seconds per coadd, number of coadds, seconds between frames.
    band, target, pa
        Filter; RA and Dec of the base position, degrees (None: the zenith); PA.
    base
        P and Q offset of the sequence, arcsec.
    dither
        P and Q of the frames beside `base`, arcsec; used again from the first when there are more frames.
    field
        Name of the star field in view.
    lamp
        State of the GCAL shutter.
    guided
        Whether a wavefront sensor guides.
    background
        Electrons/s per pixel.
    settled
        Whether the electronics were busy just before, so that the first frame is as good as the rest.
    """

    group: str
    kind: Kind
    object_name: str
    obsclass: str
    observation: int
    prefix: str
    first: int
    count: int
    start: datetime
    exptime: float
    band: str
    background: float = 0.0
    coadds: int = 1
    overhead: float = 15.0
    target: tuple[float, float] | None = None
    pa: float = 0.0
    base: tuple[float, float] = (0.0, 0.0)
    dither: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    field: str | None = None
    lamp: Lamp | None = None
    guided: bool = False
    settled: bool = True


def random(seed: int, *words: str) -> Generator:
    """Return the random numbers that belong to a thing of a night, whatever else the night contains."""
    return np.random.default_rng([seed, *(crc32(word.encode()) for word in words)])


def plan(
    sequences: tuple[Sequence, ...], camera: Camera, program: str, seed: int, frames: int | None
) -> tuple[Exposure, ...]:
    """Turn sequences into exposures.

    Names and times are those of the table while the sequences have their tabulated length; longer
    ones (`frames` each) push the following ones back.

    Raises
    ------
    SimulationError
        If fewer than 1 or more than 999 frames a sequence are wanted.
    """
    if frames is not None and not 1 <= frames <= 999:
        msg = f"{frames} frames in a sequence are not possible: ask for 1 to 999"
        raise SimulationError(msg)
    exposures: list[Exposure] = []
    free_number: dict[str, int] = {}
    free_from = min(sequence.start for sequence in sequences)
    taken: dict[int, int] = {}
    skies = _skies(sequences, seed, frames)
    for sequence in sequences:
        count = frames or sequence.count
        first = max(sequence.first, free_number.get(sequence.prefix, 0))
        start = max(sequence.start, free_from)
        before = taken.get(sequence.observation, 0)
        sky = [next(skies[sequence.observation]) for _ in range(count)] if sequence.kind is Kind.OBJECT else []
        exposures += _expose(sequence, camera, program, seed, count, first, start, before, sky)
        free_number[sequence.prefix] = first + count
        free_from = start + timedelta(seconds=count * _period(sequence))
        taken[sequence.observation] = before + count
    return tuple(exposures)


def _skies(sequences: tuple[Sequence, ...], seed: int, frames: int | None) -> dict[int, Iterator[SkyState]]:
    """Let the sky drift over each observation, whichever of its sequences a frame belongs to."""
    counts: dict[int, int] = {}
    levels: dict[int, float] = {}
    for sequence in sequences:
        counts[sequence.observation] = counts.get(sequence.observation, 0) + (frames or sequence.count)
        levels.setdefault(sequence.observation, sequence.background)
    return {
        observation: iter(sky_series(levels[observation], count, random(seed, "sky", str(observation))))
        for observation, count in counts.items()
    }


def _period(sequence: Sequence) -> float:
    """Return seconds from frame to frame."""
    return math.ceil(sequence.exptime * sequence.coadds + sequence.overhead)


def _expose(
    sequence: Sequence,
    camera: Camera,
    program: str,
    seed: int,
    count: int,
    first: int,
    start: datetime,
    before: int,
    sky: list[SkyState],
) -> list[Exposure]:
    rng = random(seed, "sequence", sequence.group)
    on_sky = sequence.kind is Kind.OBJECT
    exposures = []
    for i in range(count):
        when = start + timedelta(seconds=i * _period(sequence))
        p, q = sequence.dither[i % len(sequence.dither)]
        target = sequence.target or (round(sidereal_degrees(when, camera.site), 9), camera.site.latitude)
        distance, angle = POINTING_ERROR * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
        error = distance / camera.pixel_scale if on_sky else 0.0
        flicker = 1 + 0.001 * rng.standard_normal()  # lamps are steady to a part in a thousand
        exposures.append(
            Exposure(
                name=f"{sequence.prefix}{first + i:04d}",
                group=sequence.group,
                kind=sequence.kind,
                object_name=sequence.object_name,
                obsclass=sequence.obsclass,
                program=program,
                observation=sequence.observation,
                number=before + i + 1,
                start=when,
                exptime=sequence.exptime,
                coadds=sequence.coadds,
                band=sequence.band,
                target=target,
                pa=sequence.pa,
                offset=(sequence.base[0] + p, sequence.base[1] + q),
                field=sequence.field,
                lamp=sequence.lamp,
                guided=sequence.guided,
                background=sky[i].level if sky else sequence.background * flicker,
                gradient=sky[i].gradient if sky else (0.0, 0.0),
                transparency=sky[i].transparency if sky else 1.0,
                pointing_error=(error * math.cos(angle), error * math.sin(angle)),
                pedestal=camera.pedestal + 0.3 * rng.standard_normal(),
                defects=frozenset() if sequence.settled or i else frozenset({"unsettled-bias"}),
            )
        )
    return exposures
