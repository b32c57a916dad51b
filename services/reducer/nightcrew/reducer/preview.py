"""Pictures of products: what an observer looks at."""

from __future__ import annotations

from functools import reduce
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from nightcrew.shared.dq import DQ
from nightcrew.shared.fits.output import whole_file, write_at

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nightcrew.shared.frames import Array, Plane

LARGEST = 1024
"""Pixels along the longer side of a preview."""
SOFTENING = 0.1
"""Where the asinh stretch turns from linear to logarithmic, as a fraction of the range."""
SAMPLES, CLIPPINGS = 1000, 5
"""How many pixels decide about the limits of the grey levels, and how often outliers are left out."""
UNSEEN = DQ.NO_DATA | DQ.UNILLUMINATED


def stretched(plane: Plane) -> NDArray[np.uint8]:
    """Return a plane as grey levels: zscale limits, the upper one widened, asinh stretch.

    Returns
    -------
    Shape (ny, nx) with the first row at the top, uint8; 0 where there are no data.
    """
    data, unseen = _shrunk(plane)
    good = data[~unseen & np.isfinite(data)]
    if good.size == 0:
        return np.zeros(data.shape, np.uint8)
    if np.all((good == 0) | (good == 1)):
        low, high = 0.0, 1.0
    else:
        low, high = zscale(good)
        high = max(high, min(low + 5.0 * (high - low), float(np.percentile(good, 99.9))))
    span = (high - low) or 1.0
    level = np.clip((np.nan_to_num(data, nan=low) - low) / span, 0.0, 1.0)
    grey = np.arcsinh(level / SOFTENING) / np.arcsinh(1.0 / SOFTENING)
    shades: NDArray[np.uint8] = np.where(unseen, 0, 1 + np.rint(254 * grey)).astype(np.uint8)
    return shades[::-1]


def zscale(values: Array) -> tuple[float, float]:
    """Return the limits between which an image shows its sky, as IRAF's zscale does.

    Parameters
    ----------
    values
        Finite pixels, any number of them but none.

    Returns
    -------
    About the median, with the slope that most of the sorted pixels have, times four; never beyond the extremes.
    """
    samples = np.sort(values[:: max(1, values.size // SAMPLES)][:SAMPLES].astype(np.float64))
    rank = np.arange(samples.size) - (samples.size - 1) / 2
    kept = np.ones(samples.size, bool)
    slope = 0.0
    for _ in range(CLIPPINGS):
        if kept.sum() < max(5, samples.size // 2):
            return float(samples[0]), float(samples[-1])
        slope, offset = np.polyfit(rank[kept], samples[kept], 1)
        residuals = samples - (slope * rank + offset)
        kept = np.abs(residuals) <= 2.5 * residuals[kept].std()
    middle, reach = np.median(samples), 4.0 * max(slope, 0.0) * samples.size / 2
    return float(max(samples[0], middle - reach)), float(min(samples[-1], middle + reach))


def _shrunk(plane: Plane) -> tuple[Array, Array]:
    """Average blocks of pixels so that the preview is not larger than `LARGEST`."""
    data = plane.data.astype(np.float32, copy=False)
    dq = plane.dq
    unseen: Array = np.zeros(data.shape, bool) if dq is None else np.not_equal(dq & UNSEEN, 0)
    step = -(-max(data.shape) // LARGEST)
    if step == 1:
        return data, unseen
    ny, nx = (n // step * step for n in data.shape)
    parts = [[(slice(i, ny, step), slice(j, nx, step)) for j in range(step)] for i in range(step)]
    total = reduce(np.add, [reduce(np.add, [data[part] for part in row]) for row in parts])
    hidden = reduce(np.logical_and, [unseen[part] for row in parts for part in row])
    return total / np.float32(step * step), hidden


def write_preview(plane: Plane, path: Path) -> None:
    """Write a PNG of a plane; nothing half-written stays.

    Raises
    ------
    ServiceError
        If the disk does not take it.
    """
    from PIL import Image  # noqa: PLC0415

    picture = BytesIO()
    Image.fromarray(stretched(plane)).save(picture, format="PNG", compress_level=1)
    with whole_file(path) as number:
        write_at(number, picture.getbuffer(), 0)
