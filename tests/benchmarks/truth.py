"""What a stack should look like, computed from the simulator's truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from nightcrew.simulator.pointing import Wcs
from nightcrew.simulator.scene import Galaxy, Moffat, Source, Star, paint_sources

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Stack:
    """A product on disk, and where the sky really falls on it.

    Parameters
    ----------
    data, variance
        Electrons in the exposure time of the reference frame and their variance, (ny, nx) float64.
    good
        Pixels without a flag.
    frames
        Truth of the frames that went in, the reference frame first.
    wcs
        The header's WCS corrected by the pointing error of the reference frame, which no header knows.
    """

    data: NDArray[np.float64]
    variance: NDArray[np.float64]
    good: NDArray[np.bool_]
    frames: list[dict[str, Any]]
    wcs: Wcs

    @property
    def seconds(self) -> float:
        """Exposure time of the reference frame, coadds included."""
        return float(self.frames[0]["exptime"] * self.frames[0]["coadds"])

    @property
    def transparency(self) -> float:
        """Mean transparency of the frames."""
        return float(np.mean([frame["transparency"] for frame in self.frames]))


def read_stack(product: Path, truth: dict[str, Any], group: str) -> Stack:
    """Read a product made of the frames of `group`, the first of which `removeFirstFrame` has taken out."""
    frames = [frame for frame in truth["frames"] if frame["group"] == group][1:]
    with fits.open(product, memmap=False) as hdus:
        header = hdus["SCI"].header
        wcs = Wcs(
            (header["CRVAL1"], header["CRVAL2"]),
            (header["CRPIX1"], header["CRPIX2"]),
            ((header["CD1_1"], header["CD1_2"]), (header["CD2_1"], header["CD2_2"])),
        )
        return Stack(
            hdus["SCI"].data.astype(np.float64),
            hdus["VAR"].data.astype(np.float64),
            hdus["DQ"].data == 0,
            frames,
            wcs.moved(*frames[0]["pointing_error"]),
        )


def sources(truth: dict[str, Any], field: str) -> list[Source]:
    """Return the stars and galaxies of a field."""
    return [_source(o) for o in truth["objects"] if o["field"] == field]


def _source(o: dict[str, Any]) -> Source:
    common = (o["name"], o["field"], o["ra"], o["dec"], o["magnitude"], o["flux"])
    if o["kind"] == "star":
        return Star(*common)
    return Galaxy(*common, o["half_light_radius"], o["axis_ratio"], o["position_angle"])


def model(stack: Stack, truth: dict[str, Any]) -> NDArray[np.float64]:
    """Return the stack without noise and sky: sources in electrons, at the mean transparency of its frames."""
    painted = paint_sources(
        stack.data.shape,
        tuple(sources(truth, stack.frames[0]["field"])),
        stack.wcs,
        truth["detector"]["pixel_scale"],
        seeing(truth),
    )
    return painted.astype(np.float64) * stack.seconds * stack.transparency


def seeing(truth: dict[str, Any]) -> Moffat:
    """Return the profile of a star."""
    return Moffat(truth["seeing"]["fwhm"], truth["seeing"]["beta"])


def resampling_factor(stack: Stack) -> float:
    """Return by how much the noise of single pixels falls below what VAR says, because resampling averages.

    VAR is interpolated with the weights of SCI, so it stays what it was, while the noise of an interpolated pixel
    is lower by the root of the sum of the squared weights; the rest is in the covariance of neighbours, of which
    no plane keeps account.  Cubic interpolation (primitives-sky-and-stack, 11.2), frames of equal weight; the
    reference frame is copied.
    """
    origin = np.array(stack.frames[0]["shift"])
    factors = []
    for frame in stack.frames:
        x, y = (np.array(frame["shift"]) - origin) % 1.0
        factors.append(_squared_weights(float(x)) * _squared_weights(float(y)))
    return float(np.sqrt(np.mean(factors)))


def _squared_weights(p: float) -> float:
    q = 1 - p
    cubic_p, cubic_q = p * (p * p - 1) / 6, q * (q * q - 1) / 6
    weights = cubic_q, q + cubic_p - 2 * cubic_q, p + cubic_q - 2 * cubic_p, cubic_p
    return sum(w * w for w in weights)


def read_truth(raw: Path) -> dict[str, Any]:
    """Read what the simulator says of a night."""
    truth: dict[str, Any] = json.loads((raw / "truth.json").read_text())
    return truth
