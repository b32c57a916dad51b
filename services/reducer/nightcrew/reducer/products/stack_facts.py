"""What the pixels of a stack stand for: exposure, dates, gain and read noise of an average of frames.

The reference leaves EXPTIME, GAIN and the dates of a stack as those of its first frame, and its RDNOISE as that of
one frame (primitives-calibration, 11.2); these facts go beside them, in keywords of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightcrew.reducer.kernels.combine import MEDIAN_VARIANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.io.fits import Header

    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description

TOTAL, REFERENCE = "NCEXPTOT", "NCEXPREF"
GAIN, READ_NOISE = "NCGAINEF", "NCRDNEFF"
DATES = ("DATE-BEG", "DATE-AVG", "DATE-END")
"""Keywords of the FITS standard (4.0, table 34)."""
COADDED_MEDIANS = frozenset({"median", "lmedian"})


@dataclass(frozen=True, slots=True)
class Input:
    """A frame on its way into a stack.

    Parameters
    ----------
    seconds
        How long it was exposed, its coadds together; None if not known.
    factor
        What its pixels were multiplied by to look like the reference's exposure.
    begin, average, end
        When it was exposed, UTC; None if not known.
    gain
        Electrons per unit of the pixels before they were multiplied; None if not known.
    read_noise
        Of a pixel, in units of the pixels before they were multiplied; None if not known.
    """

    seconds: float | None
    factor: float
    begin: datetime | None
    average: datetime | None
    end: datetime | None
    gain: float | None
    read_noise: float | None


@dataclass(frozen=True, slots=True)
class StackFacts:
    """What is true of an average of frames.

    Parameters
    ----------
    total
        Exposure of all frames together, seconds.
    reference
        Exposure that the pixel values refer to, seconds: a count rate is pixel over `reference`.
    begin, average, end
        First and last moment of exposure, and the mean, weighted by exposure; UTC.
    gain
        Variance by shot noise of a pixel of value S is S over `gain`.
    read_noise
        Standard deviation of a pixel by read noise, units of the pixels.
    """

    total: float | None
    reference: float | None
    begin: datetime | None
    average: datetime | None
    end: datetime | None
    gain: float | None
    read_noise: float | None


def describe_input(frame: Frame, about: Description, index: int = 0) -> Input:
    """Return what a frame contributes; a stack that is stacked again counts with all its exposures."""
    phu, header = frame.phu, frame.planes[index].header
    now = _number(about.get("exposure_time"))
    present, original = _number(phu.get("EXPTIME")), _number(phu.get("ORIGTEXP"))
    factor = present / original if present and original else 1.0
    seconds = _number(phu.get(TOTAL))
    if seconds is None and now is not None:
        seconds = now / factor
    gain = _number(header.get(GAIN)) or _gain(about, header, index)
    read_noise = _number(header.get(READ_NOISE))
    if read_noise is None:
        electrons = _number(header.get("RDNOISE"))
        read_noise = electrons / gain if electrons is not None and gain else None
    return Input(seconds, factor, *_dates(phu, about, seconds), gain, read_noise)


def _gain(about: Description, header: Header, index: int) -> float | None:
    if "ELECTRON" in str(header.get("BUNIT", "")).upper():
        return 1.0
    value = about.get("gain")
    return _number(value[index] if isinstance(value, list) else value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _dates(
    phu: Header, about: Description, seconds: float | None
) -> tuple[datetime | None, datetime | None, datetime | None]:
    stated = [phu.get(keyword) for keyword in DATES]
    if all(isinstance(date, str) for date in stated):
        begin, average, end = (datetime.fromisoformat(str(date)) for date in stated)
        return begin, average, end
    begin = about.get("ut_datetime")
    if not isinstance(begin, datetime) or seconds is None:
        return None, None, None
    return begin, begin + timedelta(seconds=seconds / 2), begin + timedelta(seconds=seconds)


def facts_of_average(inputs: Sequence[Input], reference: float | None, operation: str = "mean") -> StackFacts:
    """Return what is true of the average of frames that add independent noise.

    Parameters
    ----------
    inputs
        At least one.
    reference
        Exposure of the first of them as its header has it, seconds.
    operation
        `median` and `lmedian` are noisier than the mean by π/2, the limit for many frames that VAR takes too.
    """
    count, excess = len(inputs), MEDIAN_VARIANCE if operation in COADDED_MEDIANS else 1.0
    seconds = _all([i.seconds for i in inputs])
    begins, averages, ends = (_all([getattr(i, name) for i in inputs]) for name in ("begin", "average", "end"))
    gains, noises = _all([i.gain for i in inputs]), _all([i.read_noise for i in inputs])
    average = None
    if averages and seconds and sum(seconds) > 0:
        first = averages[0]
        late = (t * (date - first).total_seconds() for t, date in zip(seconds, averages, strict=True))
        average = first + timedelta(seconds=sum(late) / sum(seconds))
    return StackFacts(
        total=sum(seconds) if seconds else None,
        reference=reference,
        begin=min(begins) if begins else None,
        average=average,
        end=max(ends) if ends else None,
        gain=count**2 / (excess * sum(i.factor / g for i, g in zip(inputs, gains, strict=True))) if gains else None,
        read_noise=(
            math.sqrt(excess * sum((i.factor * n) ** 2 for i, n in zip(inputs, noises, strict=True))) / count
            if noises
            else None
        ),
    )


def _all(values: list[Any]) -> list[Any]:
    """Return the values, or nothing if one of them is not known (or of no use)."""
    return [] if any(value is None or value == 0.0 for value in values) else values


def write_facts(facts: StackFacts, phu: Header) -> None:
    """Put what concerns the whole file into its primary header."""
    for keyword, value, comment in (
        (TOTAL, facts.total, "[s] Exposure of all inputs together"),
        (REFERENCE, facts.reference, "[s] Exposure that pixel values refer to"),
        ("DATE-BEG", facts.begin, "UTC, start of the first exposure"),
        ("DATE-AVG", facts.average, "UTC, mean weighted by exposure"),
        ("DATE-END", facts.end, "UTC, end of the last exposure"),
    ):
        if value is not None:
            phu[keyword] = (
                value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else round(value, 6),
                comment,
            )


def write_noise(facts: StackFacts, header: Header) -> None:
    """Put gain and read noise into the header of an extension."""
    for keyword, value, comment in (
        (GAIN, facts.gain, "[electron/unit] Shot variance is value / this"),
        (READ_NOISE, facts.read_noise, "Read noise of a pixel, in its units"),
    ):
        if value is not None:
            header[keyword] = (value, comment)
