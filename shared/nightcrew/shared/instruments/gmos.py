"""GMOS-N and GMOS-S: the optical imagers and spectrographs of Gemini."""

from __future__ import annotations

import math
import re
from typing import Any

from nightcrew.shared.instruments import gmos_tables as tables
from nightcrew.shared.instruments.gmos_detector import GmosDetector
from nightcrew.shared.instruments.gmos_tags import GMOS_RULES
from nightcrew.shared.instruments.units import convert, wavelength_unit
from nightcrew.shared.instruments.view import descriptor

_SLIT_WIDTH = re.compile(r"(\d*\.?\d+)arcsec")
_RULING = re.compile(r"[A-Z](\d+)")
_LONGEST_EXPOSURE = 10000.0
_ARCSEC_PER_RADIAN = 206265.0


class Gmos(GmosDetector):
    """Tags and descriptors of GMOS (instruments, 10)."""

    label = "GMOS"
    tag_rules = GMOS_RULES
    filter_wavelength = tables.FILTER_WAVELENGTH
    camera_keyword = "INSTRUME"
    disperser_keyword = "GRATING"
    mask_keyword = "MASKNAME"
    rotation = 180.0

    @descriptor
    def instrument(self, *, generic: bool = False) -> Any:
        """GMOS-N or GMOS-S; `generic` leaves out at which telescope it is."""
        return "GMOS" if generic else self.phu.get("INSTRUME")

    @descriptor
    def exposure_time(self) -> Any:
        """Exposure time, seconds; None if impossible."""
        seconds = self.phu.get("EXPTIME")
        return None if seconds is None or not 0 <= seconds <= _LONGEST_EXPOSURE else seconds

    @descriptor
    def disperser(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Grating, or ``MIRROR``."""
        name = super().disperser(strip_id=strip_id or pretty)
        return name.strip("+") if pretty and name else name

    @descriptor
    def focal_plane_mask(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Mask or slit; ``Imaging`` if there is none."""
        name = super().focal_plane_mask(strip_id=strip_id, pretty=pretty)
        return "Imaging" if name == "None" else name

    @descriptor
    def slit_width(self) -> float | None:
        """Width of the slit from the name of the mask, arcsec."""
        match = _SLIT_WIDTH.match(re.sub("NS", "", self.focal_plane_mask()))
        return float(match[1]) if match else None

    @descriptor
    def central_wavelength(
        self,
        *,
        as_micrometers: bool = False,
        as_nanometers: bool = False,
        as_angstroms: bool = False,
        pretty: bool = False,
    ) -> Any:
        """Central wavelength of the grating, metres unless asked otherwise; `pretty` rounds to 0.1 nm."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        nanometres = self.phu.get("CENTWAVE", self.phu.get("GRWLEN"))
        if nanometres is None or nanometres <= 0:
            return None
        return convert(round(nanometres, 1) if pretty else float(nanometres), 1e-9, unit)

    @descriptor
    def dispersion(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Dispersion of the grating, metres per binned pixel unless asked otherwise; None for images.

        Notes
        -----
        Grating equation for a fixed angle between collimator and camera, first order: with the
        tilt t from the mirror's position, ``cos(t) + cos(t + 50 deg)`` is wavelength times
        ruling, and the dispersion goes with ``sin(t + 50 deg)``.
        """
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        match = _RULING.match(self.disperser())
        if match is None:
            return None
        lines_per_nm = int(match[1]) * 1e-6
        half = math.radians(tables.CAMERA_ANGLE / 2)
        middle = math.acos(self.central_wavelength(as_nanometers=True) * lines_per_nm / (2 * math.cos(half)))
        radians = self._unbinned_scale() * self.detector_x_bin() / _ARCSEC_PER_RADIAN
        nanometres = -radians * tables.COLLIMATED_BEAM / int(match[1]) * 1e6 * math.sin(middle + half)
        return self.repeated(convert(nanometres, 1e-9, unit))

    @descriptor
    def dispersion_axis(self) -> Any:
        """Axis along which wavelength changes: x."""
        return self.repeated(1)

    def _unbinned_scale(self) -> Any:
        return tables.PIXEL_SCALE.get((self.instrument(), self.detector_name(pretty=True)))

    @descriptor
    def pixel_scale(self) -> float | None:
        """Pixel scale of binned rows, arcsec per pixel."""
        scale: float | None = self._unbinned_scale()
        binning = None if scale is None else self.detector_y_bin()
        return None if scale is None or binning is None else scale * binning

    @descriptor
    def detector_x_offset(self) -> Any:
        """Offset of the telescope along x of the detector, pixels."""
        return self.in_pixels("POFFSET", negative=self.on_side_port_1 and self.instrument() == "GMOS-N")

    @descriptor
    def detector_y_offset(self) -> Any:
        """Offset of the telescope along y of the detector, pixels."""
        return self.in_pixels("QOFFSET", negative=self.on_side_port_1 and self.instrument() == "GMOS-S")

    @descriptor
    def nod_count(self) -> tuple[int, int] | None:
        """Exposures at each of the two nod positions."""
        if "NODANDSHUFFLE" not in self.tags:
            return None
        return self.phu["ANODCNT"], self.phu["BNODCNT"]

    @descriptor
    def nod_offsets(self) -> tuple[float, float] | None:
        """Offsets of the two nod positions along the slit, arcsec."""
        if "NODANDSHUFFLE" not in self.tags:
            return None
        return -self.phu.get("NODAYOFF", 0.0), -self.phu.get("NODBYOFF", self.phu.get("NODYOFF", 0.0))

    @descriptor
    def shuffle_pixels(self) -> Any:
        """Rows by which charge is shuffled."""
        return self.phu["NODPIX"] if "NODANDSHUFFLE" in self.tags else None

    @descriptor
    def group_id(self) -> str:
        """Name that all frames share which may be stacked."""
        parts = self._kind_in_group()
        parts += [self.detector_x_bin(), self.detector_y_bin(), self.read_mode(), self.listed(self.amp_read_area())]
        if "SPECT" in self.tags:
            parts.append(self.disperser(pretty=True))
        return "_".join(map(str, parts))

    def _kind_in_group(self) -> list[Any]:
        tags, name = self.tags, self.filter_name(pretty=True)
        if "BIAS" in tags:
            return []
        if "DARK" in tags:
            return [self.exposure_time()]
        if "IMAGE" in tags and tags & {"FLAT", "TWILIGHT"}:
            return [name]
        if "SPECT" in tags and tags & {"FLAT", "SLITILLUM", "ARC"}:
            return [name, self.central_wavelength(pretty=True)]
        if {"SPECT", "STANDARD"} <= tags:
            return [self.observation_id(), name, self.central_wavelength()]
        return [self.observation_id(), name]
