"""Common descriptors: the detector and how it was read."""

from __future__ import annotations

from typing import Any

from nightcrew.shared.instruments.optics import Optics
from nightcrew.shared.instruments.sections import parse_sections
from nightcrew.shared.instruments.view import descriptor


class Detector(Optics):
    """Exposure, amplifiers, sections, limits."""

    def section(self, keyword: str, *, pretty: bool) -> Any:
        """Return the section that a keyword of every extension holds."""
        values = self.listed(self.get_values(keyword))
        sections = parse_sections(values, pretty=pretty)
        return None if sections is None else self.shaped(sections)

    @descriptor
    def coadds(self) -> int:
        """Number of exposures added up in the detector controller."""
        return int(self.phu.get("COADDS", 1))

    @descriptor
    def is_coadds_summed(self) -> bool:
        """Whether coadds are added up rather than averaged."""
        return True

    @descriptor
    def exposure_time(self) -> Any:
        """Exposure time of the frame, coadds included, seconds."""
        seconds = self.phu.get("EXPTIME")
        if seconds is None or seconds < 0:
            return None
        summed = "PREPARED" not in self.tags and self.is_coadds_summed()
        return seconds * self.coadds() if summed else seconds

    @descriptor
    def detector_name(self, *, pretty: bool = False) -> Any:  # noqa: ARG002
        """Name of the detector."""
        return self.phu.get("DETNAME")

    @descriptor
    def array_name(self) -> Any:
        """Name of each array or amplifier."""
        return self.get_values("ARRAYNAM")

    @descriptor
    def amp_read_area(self) -> Any:
        """Section that each amplifier reads."""
        return self.section("AMPROA", pretty=False)

    @descriptor
    def array_section(self, *, pretty: bool = False) -> Any:
        """Part of each array that was read."""
        return self.section("ARRAYSEC", pretty=pretty)

    @descriptor
    def data_section(self, *, pretty: bool = False) -> Any:
        """Part of each extension that holds data."""
        return self.section("DATASEC", pretty=pretty)

    @descriptor
    def detector_section(self, *, pretty: bool = False) -> Any:
        """Part of the detector that each extension covers."""
        return self.section("DETSEC", pretty=pretty)

    @descriptor
    def overscan_section(self, *, pretty: bool = False) -> Any:
        """Part of each extension that is overscan."""
        return self.section("OVERSEC", pretty=pretty)

    @descriptor
    def detector_roi_setting(self) -> str:
        """Name of the region of interest."""
        return "Fixed"

    @descriptor
    def detector_rois_requested(self) -> Any:
        """Regions of interest that were asked for."""
        return None

    @descriptor
    def detector_x_bin(self) -> Any:
        """Columns added up in one."""
        return self.phu.get("XBIN", 1)

    @descriptor
    def detector_y_bin(self) -> Any:
        """Rows added up in one."""
        return self.phu.get("YBIN", 1)

    @descriptor
    def binning(self) -> str:
        """Binning as ``XxY``."""
        return f"{self.detector_x_bin()}x{self.detector_y_bin()}"

    @descriptor
    def gain(self) -> Any:
        """Gain, electrons per ADU."""
        return self.get_values("GAIN")

    @descriptor
    def gain_setting(self) -> Any:
        """Name of the gain."""
        return self.phu.get("GAINSET")

    @descriptor
    def read_noise(self) -> Any:
        """Read noise, electrons."""
        return self.get_values("RDNOISE")

    @descriptor
    def read_mode(self) -> Any:
        """Name of the way of reading."""
        return self.phu.get("READMODE")

    @descriptor
    def read_speed_setting(self) -> Any:
        """Name of the speed of reading."""
        return self.phu.get("RDSPDSET")

    @descriptor
    def well_depth_setting(self) -> Any:
        """Name of the depth of the wells."""
        return self.phu.get("WELDEPTH")

    @descriptor
    def saturation_level(self) -> Any:
        """Level at which pixels are saturated, in the unit of the pixels."""
        return self.get_values("SATLEVEL")

    @descriptor
    def non_linear_level(self) -> Any:
        """Level above which the detector is not linear, in the unit of the pixels."""
        return self.get_values("NONLINEA")

    @descriptor
    def nominal_photometric_zeropoint(self) -> Any:
        """Zero point of a clear night, magnitudes, for the unit of the pixels per second."""
        return self.get_values("NOMPHOTZ")

    @descriptor
    def is_in_adu(self) -> bool:
        """Whether pixels are in ADU."""
        units = {str(header.get("BUNIT", "ADU")).upper() == "ADU" for header in self.science()}
        if len(units) > 1:
            raise ValueError(f"{self.filename}: some extensions are in ADU and some are not")
        return units.pop()

    @descriptor
    def dispersion_axis(self) -> Any:
        """Axis along which wavelength changes, 1 for x; None unless prepared."""
        if "PREPARED" not in self.tags:
            return None
        axes = self.listed(self.get_values("DISPAXIS"))
        return self.shaped([None if axis is None else int(axis) for axis in axes])

    @descriptor
    def mdf_row_id(self) -> Any:
        """Row of the mask definition that each extension shows."""
        if "IMAGE" in self.tags or "PREPARED" not in self.tags:
            return None
        return self.get_values("MDFROW")
