"""GNIRS: the near-infrared spectrograph of Gemini North."""

from __future__ import annotations

import math
import re
from typing import Any

from nightcrew.shared.instruments import gnirs_tables as tables
from nightcrew.shared.instruments.components import strip_id as bare_name
from nightcrew.shared.instruments.gemini import COMMON_RULES, STANDARD_RULE, Gemini, keyword_is
from nightcrew.shared.instruments.optics import nearest_band
from nightcrew.shared.instruments.sections import as_asked, full_frame
from nightcrew.shared.instruments.tags import TagRule, TagSet, merged, tag_set, when
from nightcrew.shared.instruments.units import convert, wavelength_unit
from nightcrew.shared.instruments.view import descriptor, kept_if_prepared

_GRATING = re.compile(r"([\d/m]+)[A-Z]*(_G)(\d+)")
_PRISM = re.compile(r"(?:[A-Z0-9]*\+)?([A-Z]*_G\d+)")
_WIDTH = re.compile(r"(\d*\.?\d+)arcsec")
_IFUS = ("HR-IFU", "LR-IFU", "IFU")
_FAR_FROM_TARGET = 1000.0
"""Arcsec; a WCS that is further off is not trusted."""


def _prism_mode(view: Any) -> str:
    """``LS`` behind the mirror, ``XD`` behind a cross-dispersing prism."""
    prism = view.phu.get("PRISM", "")
    return "LS" if "MIR" in prism else "XD" if "XD" in prism else ""


def _through_slit(view: Any) -> TagSet | None:
    if "Acq" in view.phu.get("SLIT", ""):
        return None
    return tag_set(f"THRUSLIT {_prism_mode(view)}", if_present="IMAGE")


def _spectrum(view: Any) -> TagSet | None:
    if view.phu.get("ACQMIR") != "Out":
        return None
    slit = view.phu.get("SLIT", "").lower()
    if "ifu" in slit:
        return tag_set("SPECT IFU")
    dispersed = ("arcsec" in slit or "pin" in slit) and "mm" in view.phu.get("GRATING", "")
    return tag_set(f"SPECT {_prism_mode(view)}" if dispersed else "SPECT")


def _flat(view: Any) -> TagSet | None:
    if view.phu.get("OBSTYPE") != "FLAT":
        return None
    if "Pinholes" in view.phu.get("SLIT", ""):
        return tag_set("PINHOLE CAL", remove="GCALFLAT", blocks="FLAT")
    return tag_set("FLAT CAL")


RULES = (
    when("gnirs", lambda _: True, tag_set("GNIRS")),
    when("dark", keyword_is("OBSTYPE", "DARK"), tag_set("DARK CAL", blocks="IMAGE SPECT")),
    when("arc", keyword_is("OBSTYPE", "ARC"), tag_set("ARC CAL")),
    when("image", keyword_is("ACQMIR", "In"), tag_set("IMAGE")),
    TagRule("through_slit", _through_slit),
    TagRule("spectrum", _spectrum),
    TagRule("flat", _flat),
    STANDARD_RULE,
)


class Gnirs(Gemini):
    """Tags and descriptors of GNIRS (instruments, 8)."""

    label = "GNIRS"
    tag_rules = merged(COMMON_RULES, RULES)
    filter_wavelength = tables.FILTER_WAVELENGTH
    wavelength_keyword = ("GRATWAVE", 1e-6)
    rotation = 90.0

    def grating(self) -> Any:
        """Grating and its identifier, without the camera that it is meant for."""
        name = self.phu.get("GRATING")
        match = _GRATING.match(name or "")
        return "".join(match.groups()) if match else name

    def prism(self) -> str | None:
        """Prism and its identifier."""
        match = _PRISM.match(self.phu.get("PRISM") or "")
        return match[1] if match else None

    def prism_motor_steps(self) -> int | None:
        """Position of the prism motor."""
        steps = self.phu.get("PRSM_ENG")
        return None if steps is None else int(steps)

    @descriptor
    def disperser(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Grating, and prism if it is not a mirror, joined with ``&``; ``MIRROR`` for images."""
        if self.phu.get("ACQMIR") == "In":
            return "MIRROR"
        grating, prism = self.grating(), self.prism()
        if grating is None or prism is None:
            return None
        names = [grating] if prism.startswith("MIR") else [grating, prism]
        return "&".join(bare_name(name) if strip_id or pretty else name for name in names)

    @descriptor
    def slit(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Slit, its width with two decimals."""
        name = self.phu.get("SLIT")
        if name is None:
            return None
        name = name.replace(" ", "").replace("1.0arcsec", "1.00arcsec")
        return bare_name(name) if strip_id or pretty else name

    @descriptor
    def focal_plane_mask(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Slit and decker, joined with ``&``."""
        bare = strip_id or pretty
        slit, decker = self.slit(strip_id=bare), self.decker(strip_id=bare)
        if slit is None or decker is None:
            return None
        slit, decker = (name.replace("Acquisition", "Acq") for name in (slit, decker))
        if pretty:
            if "Long" in decker:
                return slit
            if "XD" in decker:
                return f"{slit}XD"
            for word in (*_IFUS, "Acq"):
                if word in slit and word in decker:
                    return word
        return f"{slit}&{decker}"

    @descriptor
    def slit_width(self) -> float | None:
        """Width of the slit from its name, arcsec."""
        match = _WIDTH.match(self.slit() or "")
        return float(match[1]) if match else None

    @descriptor
    def read_mode(self) -> str:
        """Brightness of objects that the way of reading is meant for."""
        if "READMODE" in self.phu:
            return str(self.phu["READMODE"])
        return tables.READ_MODE.get((self.phu.get("LNRS"), self.phu.get("NDAVGS")), "Unknown")

    @descriptor
    def well_depth_setting(self) -> str | None:
        """Shallow or Deep, by the bias voltage."""
        bias = self.phu.get("DETBIAS")
        if bias is None:
            return None
        for setting, nominal in tables.WELL_BIAS.items():
            if abs(nominal - abs(bias)) < tables.WELL_BIAS_TOLERANCE:
                return setting
        return "Unknown"

    def _array(self) -> Any:
        name = self.phu.get("ARRAYID")
        return f"{name}+{self.phu['CONID']}" if name and "CONID" in self.phu else name

    @descriptor
    def array_name(self) -> Any:
        """Name of the array, and of its controller."""
        return self.repeated(self._array())

    def _readout(self) -> tables.Readout | None:
        return tables.READOUT.get(self._array(), {}).get((self.read_mode(), str(self.well_depth_setting())))

    @descriptor
    @kept_if_prepared("GAIN")
    def gain(self) -> Any:
        """Gain, electrons per ADU."""
        readout = self._readout()
        return self.repeated(readout and readout.gain)

    @descriptor
    @kept_if_prepared("RDNOISE")
    def read_noise(self) -> Any:
        """Read noise of the sum of the coadds, electrons."""
        readout = self._readout()
        return self.repeated(readout and readout.read_noise * math.sqrt(self.coadds()))

    @descriptor
    @kept_if_prepared("SATLEVEL")
    def saturation_level(self) -> Any:
        """Full well of all coadds, ADU."""
        readout = self._readout()
        if readout is None:
            return None
        gains = self.listed(self.gain())
        return self.shaped([int(readout.well * self.coadds() / gain) for gain in gains])

    @descriptor
    @kept_if_prepared("NONLINEA")
    def non_linear_level(self) -> Any:
        """Level to which the response can be made linear, ADU."""
        readout = self._readout()
        if readout is None:
            return None
        levels = self.listed(self.saturation_level())
        return self.shaped([int(readout.linear_limit * level) for level in levels])

    @descriptor
    def nominal_photometric_zeropoint(self) -> Any:
        """None: no zero points were measured."""
        return self.repeated(None)

    @descriptor
    def data_section(self, *, pretty: bool = False) -> Any:
        """Part of the extension that holds data: all."""
        return self.shaped(as_asked([full_frame(shape) for shape in self.shapes], pretty=pretty))

    @descriptor
    def detector_section(self, *, pretty: bool = False) -> Any:
        """Part of the detector that was read; all unless the header says otherwise."""
        if all("DETSEC" in header for header in self.extensions):
            return self.section("DETSEC", pretty=pretty)
        return self.data_section(pretty=pretty)

    @descriptor
    def array_section(self, *, pretty: bool = False) -> Any:
        """Part of the array that was read."""
        return self.detector_section(pretty=pretty)

    @descriptor
    def dispersion_axis(self) -> Any:
        """Axis along which wavelength changes: y."""
        return self.repeated(2)

    @descriptor
    def pixel_scale(self) -> float | None:
        """Pixel scale of the camera, arcsec per pixel."""
        camera = self.camera(pretty=True)
        if camera is None:
            return None
        if camera not in tables.PIXEL_SCALE:
            raise ValueError(f"{self.filename}: unknown camera {camera!r}")
        return tables.PIXEL_SCALE[camera]

    @descriptor
    def dispersion(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Dispersion of the grating, metres per pixel unless asked otherwise; None where it is not known."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        lines = str(self.grating()).partition("/")[0]
        camera = str(self.camera()).partition("Blue")[0].partition("Red")[0]
        band = self.filter_name(pretty=True)
        if band == "XD":
            band = nearest_band(self.central_wavelength(as_micrometers=True))
        value = tables.DISPERSION.get((lines, camera, band))
        return None if value is None else self.repeated(convert(value, 1e-9, unit))

    @descriptor
    def detector_x_offset(self) -> Any:
        """Offset of the telescope along x of the detector, pixels."""
        return self.in_pixels("QOFFSET", negative=self.on_side_port_1 and not self.is_ao())

    @descriptor
    def detector_y_offset(self) -> Any:
        """Offset of the telescope along y of the detector, pixels."""
        return self.in_pixels("POFFSET", negative=True)

    def _trusted(self, wcs: float, target: str, *, stretch: float) -> float:
        """Return a coordinate of the WCS unless it is far from that of the target."""
        try:
            expected = float(getattr(self, target)(offset=True, icrs=True))
        except (KeyError, TypeError, ValueError):
            return wcs
        away = abs((wcs - expected + 180.0) % 360.0 - 180.0) * 3600.0 / stretch
        return expected if away > _FAR_FROM_TARGET else wcs

    @descriptor
    def ra(self) -> float | None:
        """Right ascension of the field, degrees; that of the target if the WCS is far off."""
        ra, dec = self.reference_coordinates()
        if ra is None or dec is None:
            return self.keyword_ra()
        return self._trusted(ra, "target_ra", stretch=math.cos(math.radians(dec)))

    @descriptor
    def dec(self) -> float | None:
        """Declination of the field, degrees; that of the target if the WCS is far off."""
        dec = self.wcs_dec()
        return self.keyword_dec() if dec is None else self._trusted(dec, "target_dec", stretch=1.0)

    @descriptor
    def group_id(self) -> str:
        """Name that all frames share which may be stacked."""
        if "DARK" in self.tags:
            parts = [self.read_mode(), self.exposure_time(), self.coadds()]
        else:
            parts = [self.observation_id(), self.filter_name(pretty=True), self.camera(), self.read_mode()]
        parts += [self.well_depth_setting(), self.detector_section(pretty=True)]
        parts += [self.disperser(pretty=True), self.focal_plane_mask(pretty=True)]
        if {"IMAGE", "FLAT"} <= self.tags:
            parts.append("GNIRS_IMAGE_FLAT")
        return "_".join(map(str, parts))
