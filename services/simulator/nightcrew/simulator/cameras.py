"""The two cameras: their numbers, and the detectors behind them, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nightcrew.shared.errors import NightcrewError
from nightcrew.simulator.pointing import Site, Wcs, offset_position, orientation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nightcrew.simulator.exposures import Exposure

    Image: TypeAlias = NDArray[np.float32]


class SimulationError(NightcrewError):
    """A night that the simulator cannot make."""

    code = "simulation"


@dataclass(frozen=True, slots=True)
class Response:
    """The detector's response to light.

    `linear`, `quadratic`, `cubic` are the coefficients of the polynomial that *corrects* measured
    electrons per coadd; the simulator applies its inverse.  The detector gathers light for
    `dead_time` seconds more than EXPTIME says, which the correction divides out again.
    """

    linear: float = 1.0
    quadratic: float = 0.0
    cubic: float = 0.0
    dead_time: float = 0.0

    def corrected(self, measured: Image) -> Image:
        """Return the electrons that were there, given those measured."""
        a, b, c = np.float32(self.linear), np.float32(self.quadratic), np.float32(self.cubic)
        result: Image = np.asarray(measured * (a + measured * (b + measured * c)), np.float32)
        return result

    def measured(self, electrons: Image) -> Image:
        """Return the electrons that the detector shows: the root of `corrected`, by Newton's method."""
        if self.quadratic == self.cubic == 0:
            return electrons / np.float32(self.linear)
        a, b, c = np.float32(self.linear), np.float32(self.quadratic), np.float32(self.cubic)
        x = electrons.copy()
        for _ in range(4):
            slope = a + x * (2 * b + 3 * c * x)
            x -= (self.corrected(x) - electrons) / slope
        return x


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: the two wheels, WAVELENG in Angstrom, and the zero point (magnitude of 1 electron/s)."""

    wheel1: str
    wheel2: str
    wavelength: float
    zero_point: float


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera and its detector.

    Parameters
    ----------
    instrument
        INSTRUME.
    detector_size, sizes
        Pixels on a side, and the sizes of the central regions that can be read.
    pixel_scale
        Arcsec per pixel.
    reference_pixel
        Where the telescope's pointing falls on the whole detector, 1-based.
    angle, flipped
        Direction of the y axis, degrees east of PA, and whether the sky is mirrored.
    gain
        Electrons per ADU.
    read_noise
        Electrons per coadd.
    full_well
        Electrons per coadd at which the reference calls a pixel saturated.
    ceiling
        ADU per coadd that the electronics never exceed.
    responses
        Non-linearity by size of the array read; a size without entry is linear.
    dark_current
        Typical electrons/s of a pixel.
    pedestal
        Typical ADU per coadd of a frame without any light.
    seeing
        FWHM, arcsec.
    filters
        Filters by the name of their band.
    site
        Where the telescope is.
    circle
        Centre (x, y), 0-based, and radius of the illuminated field, pixels; None if all is lit.
    """

    instrument: str
    detector_size: int
    sizes: tuple[int, ...]
    pixel_scale: float
    reference_pixel: tuple[float, float]
    angle: float
    flipped: bool
    gain: float
    read_noise: float
    full_well: float
    ceiling: float
    responses: Mapping[int, Response]
    dark_current: float
    pedestal: float
    seeing: float
    filters: Mapping[str, Filter]
    site: Site
    circle: tuple[float, float, float] | None = None

    def response(self, size: int) -> Response:
        """Return the non-linearity when `size` x `size` pixels are read."""
        return self.responses.get(size, Response())

    def flux(self, band: str, magnitude: float) -> float:
        """Return electrons/s of a source."""
        return float(10 ** (0.4 * (self.filters[band].zero_point - magnitude)))

    def centre_of_field(self, size: int) -> tuple[float, float]:
        """Return the 1-based reference pixel in the central `size` x `size` pixels."""
        cut = (self.detector_size - size) / 2
        return self.reference_pixel[0] - cut, self.reference_pixel[1] - cut

    def header_wcs(self, exposure: Exposure, size: int) -> Wcs:
        """Return the WCS that the header will claim."""
        return self._wcs(exposure, size, exposure.wcs_error)

    def true_wcs(self, exposure: Exposure, size: int) -> Wcs:
        """Return where the sky really falls."""
        return self._wcs(exposure, size, (0.0, 0.0)).moved(*exposure.pointing_error)

    def _wcs(self, exposure: Exposure, size: int, error: tuple[float, float]) -> Wcs:
        centre = offset_position(exposure.target, exposure.offset, exposure.pa)
        return Wcs(
            crval=offset_position(centre, error, 0.0) if any(error) else centre,
            crpix=self.centre_of_field(size),
            cd=orientation(self.pixel_scale, exposure.pa + self.angle, flipped=self.flipped),
        )

    def check_size(self, size: int) -> None:
        """Refuse a region that the camera cannot read."""
        if size not in self.sizes:
            allowed = ", ".join(map(str, self.sizes))
            msg = f"{self.instrument} cannot read {size} x {size} pixels: choose one of {allowed}"
            raise SimulationError(msg)


NIRI = Camera(
    instrument="NIRI",
    detector_size=1024,
    sizes=(1024, 768, 512, 256),
    pixel_scale=0.1171,
    reference_pixel=(527.9, 499.6),
    angle=0.0,
    flipped=False,
    gain=12.3,
    read_noise=35.0,  # medium background: 1 read pair, 16 digital averages
    full_well=200000.0,  # shallow
    ceiling=16270.0,
    responses={
        1024: Response(1.0, 2.787629143e-07, 3.178236042e-12, 0.09442515154),
        256: Response(1.0, 5.540988347e-07, 1.404726339e-12, 0.01029262589),
    },
    dark_current=0.25,
    pedestal=6.0,
    seeing=0.5,
    filters={
        "Kprime": Filter("Kprime_G0206", "open", 21200.0, 26.40),
        "K": Filter("K_G0204", "open", 22000.0, 26.15),
        "H": Filter("H_G0203", "open", 16500.0, 26.77),
        "J": Filter("J_G0202", "open", 12500.0, 26.69),
    },
    site=Site(latitude=19.8238, longitude=-155.4690, utc_offset=-10.0),
)
"""NIRI, f/6, medium-background read mode, shallow well, Gemini-North (instruments, 6.3 and 6.4)."""

F2 = Camera(
    instrument="F2",
    detector_size=2048,
    sizes=(2048,),
    pixel_scale=0.1792,
    reference_pixel=(1023.7, 1024.0),
    angle=90.0,
    flipped=False,
    gain=4.44,
    read_noise=11.7,  # 1 read
    full_well=155400.0,
    ceiling=60000.0,
    responses={2048: Response(0.9999107, -4.2854848e-08, 1.0096585e-12)},
    dark_current=0.2,
    pedestal=6.0,
    seeing=0.6,
    filters={
        "Y": Filter("Y_G0811", "Open", 10200.0, 26.73),
        "J": Filter("J_G0802", "Open", 12500.0, 26.51),
        "H": Filter("H_G0803", "Open", 16500.0, 26.75),
        "Ks": Filter("Ks_G0804", "Open", 21570.0, 26.12),
    },
    site=Site(latitude=-30.2407, longitude=-70.7367, utc_offset=-3.0),
    circle=(1049.93, 1054.94, 1054.58),
)
"""Flamingos-2 imaging at f/16, one read, Gemini-South (instruments, 7.3; primitives-calibration, 4.3)."""
