"""Flamingos-2: the near-infrared imager and spectrograph of Gemini South."""

from __future__ import annotations

import re
from typing import Any

from nightcrew.shared.instruments import f2_tables as tables
from nightcrew.shared.instruments.components import keep_id as name_with_id
from nightcrew.shared.instruments.components import strip_id as bare_name
from nightcrew.shared.instruments.gemini import COMMON_RULES, STANDARD_RULE, Gemini, keyword_is
from nightcrew.shared.instruments.sections import Section, as_asked
from nightcrew.shared.instruments.tags import TagRule, TagSet, merged, tag_set, when
from nightcrew.shared.instruments.units import convert, wavelength_unit
from nightcrew.shared.instruments.view import descriptor, kept_if_prepared

_GRISM = re.compile("JH|HK|R3K")
_SLIT_POSITION = re.compile(".?pix-slit")
_LYOT_STOPS = ("f", "GEMS", "Hart")
_FOCUS_CAMERA = re.compile(r"f/\d+$")
_SLIT_WIDTH = re.compile(r"(\d+)pix-slit")
_WHEELS = (("FILTER1", "FILTER2"), ("FILT1POS", "FILT2POS"))


def _values(view: Any, *keywords: str) -> list[Any]:
    """Values of one thing under its present and its old keyword."""
    return [view.phu.get(keyword, "") for keyword in keywords]


def _is_dark(view: Any) -> bool:
    dark_filter = any(value.startswith("DK") for value in _values(view, "FILTER1", "FILTER2"))
    return dark_filter or view.phu.get("OBSTYPE") == "DARK"


def _has_grism(view: Any) -> bool:
    return any(_GRISM.match(value) for value in _values(view, "GRISM", "GRISMPOS"))


def _behind(view: Any, mode: str) -> TagSet:
    """Tags of a frame behind a slit or mask: a spectrum, or an image through it."""
    if _has_grism(view):
        return tag_set(f"{mode} SPECT")
    return tag_set(f"{mode} THRUSLIT", if_present="IMAGE")


def _long_slit(view: Any) -> TagSet | None:
    slit = "Long_slit" in _values(view, "DECKER", "DCKERPOS")
    return _behind(view, "LS") if slit or _SLIT_POSITION.match(view.phu.get("MOSPOS", "")) else None


def _multi_slit(view: Any) -> TagSet | None:
    mask = "mos" in _values(view, "DECKER", "DCKERPOS") or view.phu.get("MOSPOS", "").startswith("mos")
    return _behind(view, "MOS") if mask else None


def _twilight(view: Any) -> TagSet | None:
    if view.phu["OBJECT"].upper() != "TWILIGHT":
        return None
    return tag_set("TWILIGHT CAL", blocks="" if view.phu.get("GRISM") == "Open" else "FLAT")


def _prism(view: Any) -> TagSet | None:
    disperser = view.phu["DISPERSR"]
    if disperser.startswith("DISP_WOLLASTON"):
        return tag_set("POL")
    return tag_set("SPECT IFU") if disperser.startswith("DISP_PRISM") else None


RULES = (
    when("f2", lambda _: True, tag_set("F2")),
    when("dark", _is_dark, tag_set("DARK CAL", blocks="IMAGE SPECT")),
    when("image", lambda view: "Open" in _values(view, "GRISM", "GRISMPOS"), tag_set("IMAGE")),
    TagRule("long_slit", _long_slit),
    TagRule("multi_slit", _multi_slit),
    when("arc", keyword_is("OBSTYPE", "ARC"), tag_set("ARC CAL")),
    when("flat", keyword_is("OBSTYPE", "FLAT"), tag_set("FLAT CAL")),
    TagRule("twilight", _twilight),
    TagRule("prism", _prism),
    STANDARD_RULE,
)


class F2(Gemini):
    """Tags and descriptors of Flamingos-2 (instruments, 7)."""

    label = "F2"
    tag_rules = merged(COMMON_RULES, RULES)
    filter_wavelength = tables.FILTER_WAVELENGTH
    disperser_keyword = "GRISM"
    rotation = 90.0

    @descriptor
    def lyot_stop(self, *, strip_id: bool = False, pretty: bool = False) -> Any:
        """What stands in the Lyot wheel: a stop, or, since 2022, a filter."""
        name = self.phu.get("LYOT", self.phu.get("LYOTPOS"))
        if name == "Undefined":
            return None
        return bare_name(name) if strip_id or pretty else name

    @descriptor
    def filter_name(self, *, strip_id: bool = False, pretty: bool = False, keep_id: bool = False) -> Any:
        """Filters of the two wheels and of the Lyot wheel, in that order, joined with ``&``."""
        names = self._filters_in_wheels()
        if names is None:
            return None
        if keep_id:
            names = [name_with_id(name) for name in names]
        elif strip_id or pretty:
            names = [bare_name(name) for name in names]
        if pretty or keep_id:
            names = _effective(names)
        return "&".join(names)

    def _filters_in_wheels(self) -> list[str] | None:
        wheels = [[self.phu.get(first), self.phu.get(second)] for first, second in _WHEELS]
        names = next((pair for pair in wheels if None not in pair), None)
        if names is None:
            return None
        lyot = self.lyot_stop()
        return [*names, lyot] if lyot is not None and not lyot.startswith(_LYOT_STOPS) else names

    @descriptor
    def camera(self, *, strip_id: bool = False, pretty: bool = False) -> str:
        """Camera by the Lyot stop, the focus, or the pixel scale."""
        name = self._camera()
        return name.partition("_G")[0] if strip_id or pretty else name

    def _camera(self) -> str:
        lyot = self.lyot_stop()
        if lyot is not None and lyot.startswith("f/"):
            return str(lyot)
        focus = str(self.phu.get("FOCUS", ""))
        if _FOCUS_CAMERA.match(focus):
            name = focus
        else:
            scale = self.phu["PIXSCALE"] if "PREPARED" in self.tags else self.pixel_scale()
            name = "f/16" if scale > tables.WIDE_FIELD_SCALE else "f/32"
        return f"{name}_{tables.OFF_WHEEL_ID.get(name, tables.OFF_WHEEL_ID['f/32'])}"

    @descriptor
    def focal_plane_mask(self, *, strip_id: bool = False, pretty: bool = False) -> Any:  # noqa: ARG002
        """Mask in the focal plane, or ``Open``."""
        return "Open" if self.phu.get("MOSPOS") == "Open" else self.phu.get("MASKNAME")

    @descriptor
    def slit_width(self) -> float | None:
        """Width of the slit from the name of the mask, arcsec."""
        match = _SLIT_WIDTH.match(self.focal_plane_mask())
        scale = self.pixel_scale()
        return None if match is None or scale is None else int(match[1]) * scale

    @descriptor
    def central_wavelength(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Central wavelength, metres unless asked otherwise; also of images."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        nanometres: float | None = float(self.phu["WAVELENG"]) * 0.1
        nanometres = tables.FILTER_CENTRE.get(self.filter_name(keep_id=True), nanometres)
        if nanometres is not None and nanometres < 0:
            first_letter = str(self.filter_name(pretty=True))[:1]
            is_r3k = self.disperser(pretty=True) == "R3K"
            nanometres = tables.R3K_CENTRE.get(first_letter) if is_r3k else None
        return convert(nanometres, 1e-9, unit)

    @descriptor
    def dispersion(
        self, *, as_micrometers: bool = False, as_nanometers: bool = False, as_angstroms: bool = False
    ) -> Any:
        """Dispersion of grism and filter, metres per pixel unless asked otherwise."""
        unit = wavelength_unit(as_micrometers=as_micrometers, as_nanometers=as_nanometers, as_angstroms=as_angstroms)
        setup = tables.GRISM.get((self.disperser(pretty=True), self.filter_name(keep_id=True)))
        return None if setup is None else self.repeated(convert(setup.dispersion, 1e-9, unit))

    @descriptor
    def dispersion_axis(self) -> Any:
        """Axis along which wavelength changes: y."""
        return self.repeated(2)

    @descriptor
    def read_mode(self) -> str | None:
        """Number of reads, as text."""
        reads = self.phu.get("LNRS")
        return None if reads is None else str(reads)

    @descriptor
    @kept_if_prepared("GAIN")
    def gain(self) -> Any:
        """Gain, electrons per ADU of the sum of the reads; None for an unknown read mode."""
        mode = self.read_mode()
        return self.repeated(tables.GAIN / int(mode) if mode in tables.READ_NOISE else None)

    @descriptor
    @kept_if_prepared("RDNOISE")
    def read_noise(self) -> Any:
        """Read noise, electrons, whatever the number of coadds; None for an unknown read mode."""
        return self.repeated(tables.READ_NOISE.get(self.read_mode() or ""))

    @descriptor
    @kept_if_prepared("SATLEVEL")
    def saturation_level(self) -> Any:
        """Full well, ADU, whatever the number of coadds."""
        gains = self.listed(self.gain())
        return self.shaped([None if gain is None else int(tables.FULL_WELL / gain) for gain in gains])

    @descriptor
    @kept_if_prepared("NONLINEA")
    def non_linear_level(self) -> Any:
        """Level to which the response can be made linear, ADU."""
        levels = self.listed(self.saturation_level())
        return self.shaped([None if level is None else int(tables.LINEAR_LIMIT * level) for level in levels])

    @descriptor
    def nominal_photometric_zeropoint(self) -> Any:
        """Zero point of a clear night, magnitudes, for the unit of the pixels per second."""
        zeropoint = tables.ZEROPOINT.get((self.filter_name(pretty=True), self.camera(pretty=True)))
        in_adu = self.is_in_adu()
        return self.shaped(
            [self.magnitudes_to_adu(zeropoint, gain, in_adu=in_adu) for gain in self.listed(self.gain())]
        )

    def _full_array(self, *, pretty: bool) -> Any:
        sections = [Section(0, tables.SIZE, 0, tables.SIZE) for _ in self.extensions]
        return self.shaped(as_asked(sections, pretty=pretty))

    @descriptor
    def array_section(self, *, pretty: bool = False) -> Any:
        """Part of the array that was read: all, unless the prepared file says otherwise."""
        return self._section_if_prepared("ARRAYSEC", pretty=pretty)

    @descriptor
    def data_section(self, *, pretty: bool = False) -> Any:
        """Part of the extension that holds data: all, unless the prepared file says otherwise."""
        return self._section_if_prepared("DATASEC", pretty=pretty)

    @descriptor
    def detector_section(self, *, pretty: bool = False) -> Any:
        """Part of the detector that was read: all, unless the prepared file says otherwise."""
        return self._section_if_prepared("DETSEC", pretty=pretty)

    def _section_if_prepared(self, keyword: str, *, pretty: bool) -> Any:
        if "PREPARED" in self.tags:
            return self.section(keyword, pretty=pretty)
        return self._full_array(pretty=pretty)

    @descriptor
    def pixel_scale(self) -> Any:
        """Pixel scale by the WCS, or else by the header, arcsec per pixel."""
        return super().pixel_scale() or self.phu["PIXSCALE"]

    @descriptor
    def telescope_x_offset(self) -> Any:
        """Offset of the telescope along x of the focal plane, arcsec."""
        offset = self.phu.get("YOFFSET")
        return None if offset is None else -offset

    @descriptor
    def telescope_y_offset(self) -> Any:
        """Offset of the telescope along y of the focal plane, arcsec."""
        offset = self.phu.get("XOFFSET")
        return None if offset is None else -offset

    @descriptor
    def detector_x_offset(self) -> Any:
        """Offset of the telescope along x of the detector, pixels."""
        return self.in_pixels("QOFFSET", negative=True)

    @descriptor
    def detector_y_offset(self) -> Any:
        """Offset of the telescope along y of the detector, pixels."""
        return self.in_pixels("POFFSET", negative=not self.on_side_port_1)

    @descriptor
    def group_id(self) -> str:
        """Name that all frames share which may be stacked."""
        optics = [self.filter_name(pretty=True), self.camera()]
        suffix = []
        if "DARK" in self.tags:
            parts = [self.exposure_time(), self.coadds()]
        elif {"IMAGE", "FLAT"} <= self.tags:
            parts = [*optics, self.exposure_time(), self.observation_id()]
            suffix = ["F2_IMAGE_FLAT"]
        elif {"IMAGE", "TWILIGHT"} <= self.tags:
            parts = optics
            suffix = ["F2_IMAGE_TWILIGHT"]
        else:
            parts = [self.observation_id(), *optics, self.exposure_time()]
        parts = [*parts, self.read_mode(), self.detector_section(pretty=True)]
        if "SPECT" in self.tags:
            parts += [self.disperser(pretty=True), self.focal_plane_mask()]
        return "_".join(map(str, [*parts, *suffix]))


def _effective(names: list[str]) -> list[str]:
    """Leave out empty positions; a blank or a dark filter is all that counts."""
    wheels, lyot = names[:2], names[2:]
    if any("DK" in name for name in wheels):
        return ["dark"]
    if any("Block" in name or "Dark" in name for name in wheels):
        return ["blank"]
    filters = [name for name in wheels if "open" not in name and "Open" not in name]
    return [*filters, *lyot] or ["open"]
