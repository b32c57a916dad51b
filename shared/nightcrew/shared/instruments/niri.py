"""NIRI: the near-infrared imager of Gemini North."""

from __future__ import annotations

import math
import re
from typing import Any

from nightcrew.shared.instruments import niri_tables as tables
from nightcrew.shared.instruments.components import strip_id as bare_name
from nightcrew.shared.instruments.gemini import COMMON_RULES, Gemini, keyword_is
from nightcrew.shared.instruments.sections import Section, as_asked, full_frame
from nightcrew.shared.instruments.tags import TagRule, TagSet, merged, tag_set, when
from nightcrew.shared.instruments.units import convert, wavelength_unit
from nightcrew.shared.instruments.view import descriptor, kept_if_prepared

_NOT_A_FILTER = ("open", "grism", "pupil")
_SLIT = re.compile(r"f(\d+)-(\d+)pix")


def _optical_mode(view: Any) -> TagSet:
    if "grism" in view.phu.get("FILTER3", ""):
        return tag_set("SPECT LS")
    twilight = str(view.phu.get("OBJECT", "")).upper() == "TWILIGHT"
    return tag_set("IMAGE CAL FLAT TWILIGHT" if twilight else "IMAGE")


RULES = (
    when("niri", lambda _: True, tag_set("NIRI")),
    when("dark", keyword_is("OBSTYPE", "DARK"), tag_set("DARK CAL", blocks="SPECT IMAGE")),
    when("arc", keyword_is("OBSTYPE", "ARC"), tag_set("ARC")),
    when("flat", keyword_is("OBSTYPE", "FLAT"), tag_set("FLAT CAL")),
    TagRule("optical_mode", _optical_mode),
)


class Niri(Gemini):
    """Tags and descriptors of NIRI (instruments, 6)."""

    label = "NIRI"
    tag_rules = merged(COMMON_RULES, RULES)
    filter_wavelength = tables.FILTER_WAVELENGTH

    @descriptor
    def filter_name(self, *, strip_id: bool = False, pretty: bool = False, keep_id: bool = False) -> Any:  # noqa: ARG002
        """Filters of the three wheels, whatever their order, joined with ``&``."""
        names = [self.phu.get(f"FILTER{wheel}") for wheel in (1, 2, 3)]
        present = [bare_name(name) if strip_id or pretty else name for name in names if name is not None]
        filters = sorted(name for name in present if not any(word in name.lower() for word in _NOT_A_FILTER))
        if "blank" in filters:
            return "blank"
        if not filters:
            return "open"
        return tables.PRETTY_FILTER.get(tuple(filters), "&".join(filters)) if pretty else "&".join(filters)

    def _in_third_wheel(self, *, found: bool, bare: bool) -> Any:
        name = self.phu.get("FILTER3")
        if name is None:
            return None
        if not found:
            return "MIRROR"
        return bare_name(name) if bare else name

    @descriptor
    def disperser(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Grism, or ``MIRROR``."""
        found = "grism" in self.phu.get("FILTER3", "")
        return self._in_third_wheel(found=found, bare=strip_id or pretty)

    @descriptor
    def pupil_mask(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """Pupil mask, or ``MIRROR``; newer headers write it with a capital, and are not understood."""
        found = self.phu.get("FILTER3", "").startswith("pup")
        return self._in_third_wheel(found=found, bare=strip_id or pretty)

    @descriptor
    def slit_width(self) -> float | None:
        """Width of the slit from the name of the mask, arcsec."""
        mask = self.focal_plane_mask()
        if "pix" not in mask:
            return None
        match = _SLIT.match(mask)
        return None if match is None else int(match[2]) * 0.7 / int(match[1])

    @descriptor
    def central_wavelength(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Central wavelength of the grism, metres unless asked otherwise; None for images."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        setup = (self.camera(), self.focal_plane_mask(strip_id=True), self._grism())
        return convert(tables.CENTRAL_WAVELENGTH.get(setup), 1e-9, unit)

    @descriptor
    def dispersion(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Dispersion of the grism, metres per pixel unless asked otherwise; None for images."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        value = tables.DISPERSION.get((self.camera(), self._grism()))
        return None if value is None else self.repeated(convert(value, 1e-9, unit))

    def _grism(self) -> str:
        return str(self.disperser(strip_id=True))[:6]

    @descriptor
    def dispersion_axis(self) -> Any:
        """Axis along which wavelength changes: x."""
        return self.repeated(1)

    @descriptor
    def read_mode(self) -> str:
        """Low, Medium or High Background, by the numbers of reads and averages."""
        reads = (self.phu.get("LNRS"), self.phu.get("NDAVGS"))
        return tables.READ_MODE.get(reads, "Unknown")

    @descriptor
    def well_depth_setting(self) -> str:
        """Shallow or Deep, by the bias voltage; a voltage written as text raises TypeError."""
        if "A_VDDUC" not in self.phu or "A_VDET" not in self.phu:
            return "Unknown"
        bias = self.phu["A_VDDUC"] - self.phu["A_VDET"]
        for setting, nominal in tables.WELL_BIAS.items():
            if abs(bias - nominal) < tables.WELL_BIAS_TOLERANCE:
                return setting
        return "Unknown"

    @descriptor
    @kept_if_prepared("GAIN")
    def gain(self) -> Any:
        """Gain, electrons per ADU."""
        return self.repeated(tables.GAIN)

    @descriptor
    @kept_if_prepared("RDNOISE")
    def read_noise(self) -> Any:
        """Read noise of the sum of the coadds, electrons; an unknown mode counts as Medium Background."""
        noise = tables.READ_NOISE.get(self.read_mode(), tables.READ_NOISE_OTHERWISE)
        return self.repeated(noise * math.sqrt(self.coadds()))

    @descriptor
    @kept_if_prepared("SATLEVEL")
    def saturation_level(self) -> Any:
        """Full well of all coadds, ADU."""
        well = tables.WELL_DEPTH.get(self.well_depth_setting())
        if well is None:
            return self.shaped([None for _ in self.extensions])
        return self.shaped([int(well * self.coadds() / gain) for gain in self.listed(self.gain())])

    @descriptor
    @kept_if_prepared("NONLINEA")
    def non_linear_level(self) -> Any:
        """Level to which the response can be made linear, ADU."""
        levels = self.listed(self.saturation_level())
        return self.shaped([None if level is None else int(tables.LINEAR_LIMIT * level) for level in levels])

    @descriptor
    def nominal_photometric_zeropoint(self) -> Any:
        """Zero point of a clear night, magnitudes, for the unit of the pixels per second."""
        zeropoint = tables.ZEROPOINT.get((self.filter_name(pretty=True), self.camera()))
        in_adu = self.is_in_adu()
        return self.shaped(
            [self.magnitudes_to_adu(zeropoint, gain, in_adu=in_adu) for gain in self.listed(self.gain())]
        )

    @descriptor
    def array_section(self, *, pretty: bool = False) -> Any:
        """Part of the array that was read; sub-arrays lie about its centre."""
        keywords = ("LOWROW", "HIROW", "LOWCOL", "HICOL")
        limits = [[header.get(keyword) for keyword in keywords] for header in self.science()]
        if any(limit is None for each in limits for limit in each):
            return None
        sections = [_central(high_x - low_x + 1, high_y - low_y + 1) for low_x, high_x, low_y, high_y in limits]
        return self.shaped(as_asked(sections, pretty=pretty))

    @descriptor
    def detector_section(self, *, pretty: bool = False) -> Any:
        """Part of the detector that was read: there is one array."""
        return self.array_section(pretty=pretty)

    @descriptor
    def data_section(self, *, pretty: bool = False) -> Any:
        """Part of the extension that holds data: all."""
        sections = [full_frame(shape) for shape in self.shapes]
        return self.shaped(as_asked(sections, pretty=pretty))

    @descriptor
    def detector_roi_setting(self) -> str:
        """``Full Frame``, ``Central768`` and so on, or ``Custom``."""
        sections = set(self.listed(self.data_section()))
        x1, x2, y1, y2 = sections.pop()
        if sections or x1 or y1 or x2 != y2 or x2 % 256:
            return "Custom"
        return "Full Frame" if x2 == tables.ARRAY_SIZE else f"Central{x2}"

    @descriptor
    def detector_x_offset(self) -> Any:
        """Offset of the telescope along x of the detector, pixels."""
        return self.in_pixels("POFFSET", negative=self.on_side_port_1 and not self.is_ao())

    @descriptor
    def detector_y_offset(self) -> Any:
        """Offset of the telescope along y of the detector, pixels."""
        return self.in_pixels("QOFFSET", negative=True)

    @descriptor
    def group_id(self) -> str:
        """Name that all frames share which may be stacked."""
        if "DARK" in self.tags:
            parts = [self.exposure_time(), self.coadds()]
        else:
            parts = [self.observation_id(), self.filter_name(pretty=True), self.camera()]
        parts += [self.read_mode(), self.well_depth_setting(), self.detector_section(pretty=True)]
        if "SPECT" in self.tags:
            parts += [self.disperser(pretty=True), self.focal_plane_mask(pretty=True)]
        if {"IMAGE", "FLAT"} <= self.tags:
            parts.append("NIRI_IMAGE_TWILIGHT" if "TWILIGHT" in self.tags else "NIRI_IMAGE_FLAT")
        return "_".join(map(str, parts))


def _central(width: int, height: int) -> Section:
    middle = tables.ARRAY_SIZE // 2
    return Section(middle - width // 2, middle + width // 2, middle - height // 2, middle + height // 2)
