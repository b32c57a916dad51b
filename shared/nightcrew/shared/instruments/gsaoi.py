"""GSAOI: the adaptive-optics imager of Gemini South, four arrays."""

from __future__ import annotations

import math
from typing import Any

from nightcrew.shared.instruments import gsaoi_tables as tables
from nightcrew.shared.instruments.gemini import COMMON_RULES, PlainWcs, keyword_is
from nightcrew.shared.instruments.tags import TagRule, TagSet, merged, tag_set, when
from nightcrew.shared.instruments.view import descriptor, kept_if_prepared


def _kind_of_image(view: Any) -> TagSet:
    tags = ["IMAGE"]
    if view.phu.get("OBSTYPE") == "FLAT":
        tags += ["FLAT", "CAL"]
    name = str(view.phu.get("OBJECT", "")).upper()
    source = next((word for word in ("DOMEFLAT", "TWILIGHT") if word in name), None)
    if source:
        tags += [source, "FLAT", "CAL"]
    return tag_set(" ".join(tags))


def _dome_lamp(view: Any) -> TagSet | None:
    state = {"DOMEFLAT": "LAMPON", "DOMEFLAT OFF": "LAMPOFF"}.get(view.phu["OBJECT"].upper())
    return tag_set(state) if state else None


RULES = (
    when("gsaoi", lambda _: True, tag_set("GSAOI")),
    when("dark", keyword_is("OBSTYPE", "DARK"), tag_set("DARK CAL", blocks="IMAGE")),
    TagRule("kind_of_image", _kind_of_image),
    TagRule("gcal_lamp", _dome_lamp),
)


class Gsaoi(PlainWcs):
    """Tags and descriptors of GSAOI (instruments, 9)."""

    label = "GSAOI"
    tag_rules = merged(COMMON_RULES, RULES)
    filter_wavelength = tables.FILTER_WAVELENGTH
    wavelength_keyword = ("WAVELENG", 1e-10)
    camera_keyword = "DETECTOR"

    @descriptor
    def detector_name(self, *, pretty: bool = False) -> Any:  # noqa: ARG002
        """Name of the detector."""
        return self.phu.get("DETECTOR")

    @descriptor
    def array_name(self) -> Any:
        """Name of each array."""
        if all("ARRAYID" in header for header in self.science()):
            return self.header_values("ARRAYID")
        return self.repeated(self.phu.get("DETECTOR"))

    @descriptor
    def array_section(self, *, pretty: bool = False) -> Any:
        """Part of each array that was read."""
        return self.section("CCDSEC", pretty=pretty)

    @descriptor
    def is_coadds_summed(self) -> bool:
        """Whether coadds are added up: they are averaged."""
        return False

    @descriptor
    def read_speed_setting(self) -> str:
        """Brightness of objects that the number of reads is meant for."""
        return tables.READ_SPEED.get(self.phu.get("LNRS"), "Unknown")

    def _readouts(self) -> list[tables.Readout | None]:
        speed = self.read_speed_setting()
        return [tables.READOUT.get((speed, array)) for array in self.listed(self.array_name())]

    @descriptor
    @kept_if_prepared("GAIN")
    def gain(self) -> Any:
        """Gain, electrons per ADU."""
        return self.shaped([readout and readout.gain for readout in self._readouts()])

    @descriptor
    @kept_if_prepared("RDNOISE")
    def read_noise(self) -> Any:
        """Read noise of the mean of the coadds, electrons."""
        coadds = math.sqrt(self.coadds())
        return self.shaped([readout and round(readout.read_noise / coadds, 2) for readout in self._readouts()])

    @descriptor
    @kept_if_prepared("SATLEVEL")
    def saturation_level(self) -> Any:
        """Full well, in the unit of the pixels."""
        pairs = zip(self._readouts(), self.listed(self.gain()), strict=True)
        return self.shaped([readout and readout.well * readout.gain / gain for readout, gain in pairs])

    @descriptor
    @kept_if_prepared("NONLINEA")
    def non_linear_level(self) -> Any:
        """Level to which the response can be made linear, in the unit of the pixels."""
        pairs = zip(self._readouts(), self.listed(self.saturation_level()), strict=True)
        return self.shaped([readout and readout.linear_limit * level for readout, level in pairs])

    @descriptor
    def nominal_photometric_zeropoint(self) -> Any:
        """Zero point of a clear night, magnitudes, for the unit of the pixels per second."""
        name, in_adu = self.filter_name(pretty=True), self.is_in_adu()
        arrays = zip(self.listed(self.array_name()), self.listed(self.gain()), strict=True)
        return self.shaped(
            [self.magnitudes_to_adu(tables.ZEROPOINT.get((name, array)), gain, in_adu=in_adu) for array, gain in arrays]
        )

    @descriptor
    def detector_y_offset(self) -> Any:
        """Offset of the telescope along y of the detector, pixels; TypeError if it is not known."""
        return -super().detector_y_offset()

    @descriptor
    def group_id(self) -> str:
        """Name that all frames share which may be stacked."""
        exposure = [self.filter_name(pretty=True), self.exposure_time()]
        kind = [*exposure, self.program_id()] if "FLAT" in self.tags else [self.observation_id(), *exposure]
        return "_".join(map(str, [*kind, self.read_mode(), self.detector_section(pretty=True)]))
