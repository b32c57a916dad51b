"""How well the frames of a stack agree with each other, and what the stack is worth."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nightcrew.reducer.catalogue.flux_scale import flux_factor, matched_fluxes, nearest_sources
from nightcrew.shared.frames import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from astropy.io.fits import Header
    from numpy.typing import NDArray

RADIUS = 0.5
"""Arcsec within which sources of two frames are the same; that of the alignment."""
NORMAL = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""
BLOCK = 32
"""Pixels along the side of the blocks whose median is taken for the local background."""
ENOUGH = 100
"""Pixels that the background must have to be judged by, and fraction of a block (1/4) to have a median."""


@dataclass(frozen=True, slots=True)
class FrameSummary:
    """What a frame contributed to a stack.

    Parameters
    ----------
    name
        Of the raw file.
    seconds
        Exposure; None if not known.
    matched
        Sources that it shares with the first frame.
    rms
        Of the distances of these sources from those of the first frame along an axis, arcsec; None without any.
    zero_point, zero_point_error
        Magnitudes by which it gives more light per second than the first frame, and the error of that.
    variance_factor
        Variance of a resampled pixel over VAR.
    """

    name: str
    seconds: float | None
    matched: int
    rms: float | None
    zero_point: float | None
    zero_point_error: float | None
    variance_factor: float | None


@dataclass(frozen=True, slots=True)
class StackSummary:
    """What a stack is worth.

    Parameters
    ----------
    frame
        File name of the stack.
    inputs
        Its frames, the reference first.
    total, median
        Exposure of all frames together, and of half of the pixels at least, seconds.
    gain, read_noise
        Of the average (`products.stack_facts`).
    variance_factor
        Variance of a pixel over VAR, by resampling; its inverse is the covariance factor.
    alignment
        Rms of the matched sources of all frames along an axis, arcsec.
    zero_point_scatter
        Standard deviation of the zero points of the frames, magnitudes.
    sources
        Rows in the catalogue of the stack.
    pull
        Scatter of the background in units of what VAR and `variance_factor` say.
    """

    kind: ClassVar[str] = "stack"
    frame: str
    inputs: tuple[FrameSummary, ...]
    total: float | None
    median: float | None
    gain: float | None
    read_noise: float | None
    variance_factor: float | None
    alignment: float | None
    zero_point_scatter: float | None
    sources: int
    pull: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON has it: names, numbers, text, None."""
        plain: dict[str, Any] = _rounded({"kind": self.kind, **asdict(self)})
        return plain

    def to_json(self) -> str:
        """Return the summary as one line of JSON."""
        return json.dumps(self.as_dict(), allow_nan=False)


def _rounded(value: Any) -> Any:
    match value:
        case dict():
            return {name: _rounded(item) for name, item in value.items()}
        case list() | tuple():
            return [_rounded(item) for item in value]
        case float():
            return float(f"{value:.7g}") if math.isfinite(value) else None
    return value


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a catalogue agrees with another one of the same sky: see `FrameSummary`."""

    matched: int
    rms: float | None
    zero_point: float | None
    zero_point_error: float | None


def agreement(reference: Table | None, other: Table | None, scale: float = 1.0) -> Agreement:
    """Compare two catalogues, positions on the sky and fluxes.

    Parameters
    ----------
    reference, other
        OBJCAT of two frames on one WCS.
    scale
        What the fluxes of `other` are to be multiplied by for the exposure times to be equal.
    """
    if reference is None or other is None or not len(reference.rows) or not len(other.rows):
        return Agreement(0, None, None, None)
    pairs = nearest_sources(reference, other, RADIUS)
    back = nearest_sources(other, reference, RADIUS)
    mutual = np.array([found >= 0 and back[found] == row for row, found in enumerate(pairs)], dtype=bool)
    pairs = np.where(mutual, pairs, -1).astype(np.intp)
    matched = int(np.count_nonzero(mutual))
    if not matched:
        return Agreement(0, None, None, None)
    apart = _distances(reference.rows[mutual], other.rows[pairs[mutual]])
    rms = float(np.sqrt(np.mean(apart**2)))
    return Agreement(matched, rms, *_zero_point(reference, other, pairs, scale))


def _distances(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.float64]:
    """Return the differences in right ascension and declination, arcsec on the sky, shape (2, n)."""
    dec = np.radians(np.asarray(ours["Y_WORLD"], float))
    turn = (np.asarray(theirs["X_WORLD"], float) - ours["X_WORLD"] + 180.0) % 360.0 - 180.0
    return 3600.0 * np.stack([turn * np.cos(dec), np.asarray(theirs["Y_WORLD"], float) - ours["Y_WORLD"]])


def _zero_point(
    reference: Table, other: Table, pairs: NDArray[np.intp], scale: float
) -> tuple[float | None, float | None]:
    fluxes = matched_fluxes(reference, other, pairs)
    factor = flux_factor(fluxes)
    if factor is None or factor <= 0 or scale <= 0:
        return None, None
    offset = -2.5 * math.log10(factor / scale)
    positive = (fluxes.ours > 0) & (fluxes.reference > 0)
    each = -2.5 * np.log10(fluxes.reference[positive] / (fluxes.ours[positive] * scale))
    if len(each) < 2:
        return offset, None
    spread = NORMAL * float(np.median(np.abs(each - np.median(each))))
    return offset, spread / math.sqrt(len(each))


def background_pull(
    data: NDArray[np.float32],
    variance: NDArray[np.float32] | None,
    empty: NDArray[np.bool_],
    factor: float,
) -> float | None:
    """Return the scatter of the background in units of its expected standard deviation.

    Parameters
    ----------
    data, variance
        Shape (ny, nx).
    empty
        Pixels that show neither sources nor flags.
    factor
        Variance of a pixel over VAR, by resampling.

    Notes
    -----
    About the medians of blocks of 32 pixels, so that slopes of the background do not count; 1.4826 times the median
    absolute deviation, so that faint sources hardly do.
    """
    if variance is None:
        return None
    ny, nx = (length // BLOCK * BLOCK for length in data.shape)
    good = empty[:ny, :nx] & (variance[:ny, :nx] > 0)
    blocks = [
        array.reshape(ny // BLOCK, BLOCK, nx // BLOCK, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)
        for array in (data[:ny, :nx], variance[:ny, :nx], good)
    ]
    full = np.count_nonzero(blocks[2], axis=1) >= BLOCK * BLOCK // 4
    values, noise, wanted = (array[full] for array in blocks)
    if np.count_nonzero(wanted) < ENOUGH:
        return None
    seen = np.where(wanted, values, np.nan).astype(np.float64)
    residual = seen - np.nanmedian(seen, axis=1, keepdims=True)
    pulls = residual[wanted] / np.sqrt(noise[wanted].astype(np.float64) * factor)
    return NORMAL * float(np.median(np.abs(pulls)))


def overall_rms(frames: Iterable[FrameSummary]) -> float | None:
    """Return the rms of the matched sources of all frames."""
    known = [(frame.matched, frame.rms) for frame in frames if frame.rms is not None]
    total = sum(count for count, _ in known)
    return math.sqrt(sum(count * rms * rms for count, rms in known) / total) if total else None


def zero_point_scatter(frames: Sequence[FrameSummary]) -> float | None:
    """Return the standard deviation of the zero points; None unless two frames have one."""
    known = [frame.zero_point for frame in frames if frame.zero_point is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def write_summary(summary: StackSummary, phu: Header, header: Header) -> None:
    """Put a summary into the headers of the stack: of the file, and of the extension."""
    others = summary.inputs[1:]
    fewest = min((frame.matched for frame in others), default=None)
    for target, keyword, value, comment in (
        (phu, "NCEXPMED", summary.median, "[s] Median exposure of the pixels"),
        (phu, "NCALIGNM", fewest, "Fewest sources by which a frame is aligned"),
        (phu, "NCALIGNR", summary.alignment, "[arcsec] Rms of matched sources, per axis"),
        (phu, "NCZPSCAT", summary.zero_point_scatter, "[mag] Scatter of zero points of the frames"),
        (header, "NCNSRC", summary.sources, "Sources in the catalogue of the stack"),
        (header, "NCPULL", summary.pull, "Background scatter / sqrt(VAR*NCVARFAC)"),
    ):
        if value is not None:
            target[keyword] = (round(value, 6), comment)


def inputs_table(frames: Sequence[FrameSummary]) -> Table:
    """Return what each frame contributed, one a row; NaN stands for what is not known."""
    width = max(len(frame.name) for frame in frames)
    kinds = [
        ("NAME", f"U{width}"), ("EXPOSURE", "f8"), ("MATCHED", "i4"), ("RMS", "f8"),
        ("ZEROPOINT", "f8"), ("ZP_ERROR", "f8"), ("VARFACTOR", "f8"),
    ]  # fmt: skip
    rows = [
        (
            frame.name, _or_nan(frame.seconds), frame.matched, _or_nan(frame.rms),
            _or_nan(frame.zero_point), _or_nan(frame.zero_point_error), _or_nan(frame.variance_factor),
        )
        for frame in frames
    ]  # fmt: skip
    units = {"EXPOSURE": "s", "RMS": "arcsec", "ZEROPOINT": "mag", "ZP_ERROR": "mag"}
    return Table(np.array(rows, np.dtype(kinds)), units)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
