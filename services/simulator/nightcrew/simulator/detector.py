"""A detector: what its pixels are like, and what it makes of light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from nightcrew.simulator.cameras import Camera

    Image: TypeAlias = NDArray[np.float32]

_GAUSSIAN_FROM = 30.0
"""Counts from which a Poisson variate is drawn as a Gaussian."""

_STREAM = 0xDE7EC7


@dataclass(frozen=True, slots=True)
class Detector:
    """The pixels that are read.

    Parameters
    ----------
    camera
        The camera that it sits in.
    flat
        Response of each pixel, vignetting included, median 1 over good lit pixels; (ny, nx) float32.
    dark
        Dark current, electrons/s.
    bad
        True where a pixel is dead, too bright or hot.
    lit
        True inside the illuminated field.
    """

    camera: Camera
    flat: Image
    dark: Image
    bad: NDArray[np.bool_]
    lit: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.flat.shape[0], self.flat.shape[1]

    def central(self, size: int) -> Detector:
        """Return the central `size` x `size` pixels."""
        low = (self.flat.shape[0] - size) // 2
        cut = slice(low, low + size), slice(low, low + size)
        return Detector(self.camera, self.flat[cut], self.dark[cut], self.bad[cut], self.lit[cut])

    def expose(
        self,
        light: Image | float,
        exptime: float,
        coadds: int,
        rng: Generator,
        deposits: Image | None = None,
        bias: Image | float = 0.0,
    ) -> Image:
        """Expose and read.

        Parameters
        ----------
        light
            Electrons/s that a pixel of response 1 would make, (ny, nx).
        exptime, coadds
            Seconds per coadd, and their number.
        rng
            Where the noise comes from.
        deposits
            Electrons left by cosmic rays in the whole frame.
        bias
            ADU added by the electronics, per coadd.

        Returns
        -------
        numpy.ndarray
            Sum over the coadds in whole ADU, float32.
        """
        camera, response = self.camera, self.camera.response(self.flat.shape[0])
        electrons: Image = self.flat * np.asarray(light, np.float32)
        electrons += self.dark
        electrons *= np.float32((exptime + response.dead_time) * coadds)
        electrons = poisson(electrons, rng)
        if deposits is not None:
            electrons += deposits
        electrons /= np.float32(coadds)
        np.minimum(electrons, np.float32(2 * camera.ceiling * camera.gain), out=electrons)
        adu = response.measured(electrons)
        adu *= np.float32(coadds / camera.gain)
        noise = rng.standard_normal(self.flat.shape, np.float32)
        noise *= np.float32(camera.read_noise * np.sqrt(coadds) / camera.gain)
        adu += noise
        adu += np.float32(coadds) * np.asarray(bias, np.float32)
        np.minimum(adu, np.float32(camera.ceiling * coadds), out=adu)
        np.rint(adu, out=adu)
        return adu


def poisson(mean: Image, rng: Generator) -> Image:
    """Draw counts: exact where few are expected, Gaussian of the same variance elsewhere."""
    counts = rng.standard_normal(mean.shape, np.float32)
    counts *= np.sqrt(mean)
    counts += mean
    few = mean < _GAUSSIAN_FROM
    if few.any():
        counts[few] = rng.poisson(mean[few])
    return counts


def make_detector(camera: Camera, seed: int) -> Detector:
    """Grow the whole detector of a camera; the same seed gives the same pixels.

    The response varies smoothly by a few per cent, falls by 8 per cent into the corners and
    scatters by 1.5 per cent from pixel to pixel.  Three pixels in a thousand are dead, two in
    ten thousand too bright; one in a thousand is hot.  The hot ones exceed, and warm ones stay below,
    the limits of bad-pixel masks in short darks (primitives-calibration, 13.3).
    """
    rng = np.random.default_rng([seed, _STREAM])
    n = camera.detector_size
    axis = np.linspace(-1, 1, n, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]

    flat = 1 - np.float32(0.04) * (x * x + y * y)
    for _ in range(4):
        kx, ky, phase = rng.uniform(0.5, 2.5), rng.uniform(0.5, 2.5), rng.uniform(0, 2 * np.pi)
        flat += np.float32(0.006) * np.cos(np.float32(kx * 3) * x + np.float32(ky * 3) * y + np.float32(phase))
    flat *= 1 + np.float32(0.015) * np.clip(rng.standard_normal((n, n), np.float32), -4, 4)

    lot = rng.random((n, n), np.float32)
    dead, bright = lot < 0.003, (lot > 0.5) & (lot < 0.5002)
    _add_blemishes(dead, rng)
    bright &= ~dead
    flat[dead] *= rng.uniform(0.0, 0.5, int(dead.sum())).astype(np.float32)
    flat[bright] *= rng.uniform(1.5, 1.8, int(bright.sum())).astype(np.float32)

    dark = np.float32(camera.dark_current) * np.exp(np.float32(0.3) * rng.standard_normal((n, n), np.float32))
    lot = rng.random((n, n), np.float32)
    warm, hot = lot < 0.003, lot > 0.999
    dark[warm] += (10 ** rng.uniform(1.0, 2.3, int(warm.sum()))).astype(np.float32)
    dark[hot] += (10 ** rng.uniform(3.5, 4.3, int(hot.sum()))).astype(np.float32)

    lit = np.ones((n, n), bool)
    if camera.circle is not None:
        cx, cy, radius = camera.circle
        pixel = np.arange(n, dtype=np.float32)
        distance = np.hypot(pixel[None, :] - np.float32(cx), pixel[:, None] - np.float32(cy))
        lit = distance <= radius
        edge = np.clip((np.float32(radius) + 1 - distance) / 2, 0, 1)
        flat *= np.float32(0.01) + np.float32(0.99) * edge
    bad = dead | bright | hot
    flat /= np.float32(np.median(flat[lit & ~bad]))
    return Detector(camera, flat, dark, bad, lit)


def _add_blemishes(dead: NDArray[np.bool_], rng: Generator) -> None:
    """Kill a few clumps and half a column, as on every real array."""
    n = dead.shape[0]
    for _ in range(6):
        x, y, radius = rng.integers(20, n - 20), rng.integers(20, n - 20), rng.integers(2, 6)
        yy, xx = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        dead[y - radius : y + radius + 1, x - radius : x + radius + 1] |= xx * xx + yy * yy <= radius * radius
    column = rng.integers(n)
    dead[: n // 2, column] = True
