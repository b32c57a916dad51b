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

MEDIAN_VARIANCE = {3: 0.4487, 4: 0.2982, 5: 0.2868, 6: 0.2147, 7: 0.2104, 8: 0.1682, 9: 0.1661}
"""Variance of the median of so many Gaussian values, in units of theirs (order statistics)."""
REJECTED = 2
"""Frames that minmax leaves out of a sky: the lowest and the highest."""


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
    most_skies
        How many skies a frame had at most; None if all there were.
    """

    data: NDArray[np.float64]
    variance: NDArray[np.float64]
    good: NDArray[np.bool_]
    frames: list[dict[str, Any]]
    wcs: Wcs
    most_skies: int | None = None

    @property
    def seconds(self) -> float:
        """Exposure time of the reference frame, coadds included."""
        return float(self.frames[0]["exptime"] * self.frames[0]["coadds"])

    @property
    def transparency(self) -> float:
        """Mean transparency of the frames."""
        return float(np.mean([frame["transparency"] for frame in self.frames]))


def read_stack(product: Path, truth: dict[str, Any], group: str) -> Stack:
    """Read a product made of frames of `group`; its header tells of which, and with which they were aligned."""
    with fits.open(product, memmap=False) as hdus:
        phu = hdus[0].header
        used = {str(value).removesuffix(".fits") for keyword, value in phu.items() if keyword.startswith("IMCMB")}
        reference = str(phu.get("NCREFIM", phu.get("IMCMB001", ""))).removesuffix(".fits")
        frames = [f for f in truth["frames"] if f["group"] == group and f["file"].removesuffix(".fits") in used]
        frames.sort(key=lambda frame: frame["file"].removesuffix(".fits") != reference)
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
            _most_skies(hdus),
        )


def _most_skies(hdus: fits.HDUList) -> int | None:
    for row in hdus["HISTORY"].data if "HISTORY" in hdus else ():
        if row["primitive"] == "balanceSkies":
            return int(json.loads(row["args"])["max_skies"])
    return None


def _median_variance(count: int) -> float:
    return MEDIAN_VARIANCE.get(count, np.pi / 2 / (count + np.pi / 2 - 1))


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
    return painted.astype(np.float64) * stack.seconds * stack.transparency * truth["response"]


def seeing(truth: dict[str, Any]) -> Moffat:
    """Return the profile of a star."""
    return Moffat(truth["seeing"]["fwhm"], truth["seeing"]["beta"])


@dataclass(frozen=True, slots=True)
class NoiseFactors:
    """Why single pixels scatter less than the root of VAR says; each factor multiplies the expected scatter.

    Parameters
    ----------
    resampling
        Interpolated pixels are averages of their neighbours, while VAR, interpolated with the same weights, stays
        what it was; the rest is in the covariance of neighbours, of which no plane keeps account.
    sky
        Skies are combined by the median of what minmax leaves over.  VAR takes it for a median of so many frames
        (pi / 2 of the variance of their mean), but it is the median of all of them.
    flat
        VAR has the error of the flat in the frame and in its sky: right for the flux of a source, but the error is the
        same in both, and what is left of the background does not have it.
    """

    resampling: float
    sky: float
    flat: float

    @property
    def total(self) -> float:
        """Product of all."""
        return self.resampling * self.sky * self.flat


def noise_factors(stack: Stack, truth: dict[str, Any], flat: Path) -> NoiseFactors:
    """Compute the factors for a stack whose frames were divided by the master `flat`."""
    frame = stack.frames[0]
    beside = [other for other in truth["frames"] if other["group"] == "sky" and other["band"] == frame["band"]]
    skies = len(beside) if frame["group"] == "target" and beside else len(stack.frames) - 1
    skies = min(skies, stack.most_skies or skies)
    with fits.open(flat, memmap=False) as hdus:
        flat_variance = float(np.median(hdus["VAR"].data[hdus["DQ"].data == 0]))
    level = frame["background"] * stack.seconds
    own = level + truth["detector"]["read_noise"] ** 2 * frame["coadds"]
    return NoiseFactors(
        _resampling_factor(stack),
        float(np.sqrt((1 + _median_variance(skies)) / (1 + np.pi / 2 / (skies - REJECTED)))),
        float(np.sqrt(own / (own + flat_variance * level**2))),
    )


def _resampling_factor(stack: Stack) -> float:
    """Return the root of the sum of the squared weights of cubic interpolation (primitives-sky-and-stack, 11.2).

    Averaged over frames of equal weight; the reference frame is copied.
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
    """Read what the simulator says of a night.

    `response` is added: the typical pixel of a small region responds otherwise than that of the whole detector, and
    fluxes are measured in its units.
    """
    truth: dict[str, Any] = json.loads((raw / "truth.json").read_text())
    with np.load(raw / truth["detector"]["arrays"]) as arrays:
        truth["response"] = float(np.median(arrays["flat"][arrays["illuminated"] & ~arrays["bad_pixels"]]))
    return truth
