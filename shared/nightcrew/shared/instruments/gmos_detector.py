"""GMOS: amplifiers, binning, regions, saturation."""

from __future__ import annotations

from typing import Any

from nightcrew.shared.instruments import gmos_tables as tables
from nightcrew.shared.instruments.gemini import PlainWcs
from nightcrew.shared.instruments.sections import Section
from nightcrew.shared.instruments.view import descriptor, kept_if_prepared


class GmosDetector(PlainWcs):
    """Descriptors of the detectors of GMOS (instruments, 10.2)."""

    @descriptor
    def detector_name(self, *, pretty: bool = False) -> Any:
        """Name of the detector; `pretty` is its kind."""
        return tables.DETECTOR.get(self.phu.get("DETTYPE", "")) if pretty else self.phu.get("DETID")

    @descriptor
    def array_name(self) -> Any:
        """Name of each amplifier."""
        return self.get_values("AMPNAME")

    @descriptor
    def array_section(self, *, pretty: bool = False) -> Any:
        """Part of each CCD that was read."""
        return self.section("CCDSEC", pretty=pretty)

    @descriptor
    def overscan_section(self, *, pretty: bool = False) -> Any:
        """Part of each extension that is overscan."""
        return self.section("BIASSEC", pretty=pretty)

    @descriptor
    def amp_read_area(self) -> Any:
        """Amplifier and the section that it reads."""
        sections = self.listed(self.detector_section(pretty=True))
        names = self.listed(self.array_name())
        areas = zip(names, sections, strict=True)
        return self.shaped([None if name is None else f"'{name}':{section}" for name, section in areas])

    def _binning(self, axis: int) -> int | None:
        factors = [int(text.split()[axis]) for text in self.listed(self.get_values("CCDSUM"))]
        return factors[0] if factors == factors[::-1] else None

    @descriptor
    def detector_x_bin(self) -> int | None:
        """Columns added up in one."""
        return self._binning(0)

    @descriptor
    def detector_y_bin(self) -> int | None:
        """Rows added up in one."""
        return self._binning(1)

    @descriptor
    def detector_rois_requested(self) -> list[Section]:
        """Regions of interest that were asked for."""
        regions = []
        for number in range(1, 10):
            x, width, y, height = (self.phu.get(f"DETRO{number}{part}", 0) for part in ("X", "XS", "Y", "YS"))
            if not (x and width and y and height):
                break
            width, height = width * self.detector_x_bin(), height * self.detector_y_bin()
            regions.append(Section(x - 1, x + width - 1, y - 1, y + height - 1))
        return regions

    @descriptor
    def detector_roi_setting(self) -> str:
        """Name of the first region of interest."""
        regions = self.detector_rois_requested()
        if not regions:
            return "Undefined"
        x1, x2, y1, y2 = regions[0]
        return next((name for name, known in tables.REGIONS.items() if (y1, y2, x1, x2) in known), "Custom")

    @descriptor
    def read_speed_setting(self) -> str | None:
        """Slow or fast, by the time that an amplifier integrates."""
        integration, kind = self.phu.get("AMPINTEG"), self.detector_name(pretty=True)
        if integration is None or kind is None:
            return None
        limit = tables.SLOW_INTEGRATION["Hamamatsu" if kind.startswith("Hamamatsu") else "other"]
        return "slow" if integration > limit else "fast"

    def _setting_values(self) -> list[Any]:
        """What tells the gain setting of each extension: the setting itself, or a gain."""
        if "PREPARED" not in self.tags:
            return self.listed(self.get_values("GAIN"))
        extensions = self.science()
        for keyword in ("GAINSET", "GAINORIG"):
            if all(keyword in header for header in extensions):
                values = [header[keyword] for header in extensions]
                multiplied = all(value == 1 for value in values)
                return [header.get("GAINMULT") for header in extensions] if multiplied else values
        return self.listed(self.get_values("GAIN"))

    @descriptor
    def gain_setting(self) -> str | None:
        """Low or high: what all amplifiers, or all but one, have in common."""
        settings = [
            value if value is None or isinstance(value, str) else "low" if value < tables.LOW_GAIN else "high"
            for value in self._setting_values()
        ]
        return next((setting for setting in settings if settings.count(setting) >= len(settings) - 1), None)

    @descriptor
    def read_mode(self) -> str | None:
        """Normal, Bright, Acquisition or Engineering, by gain and speed; AttributeError for an unknown detector."""
        gain = self.gain_setting()
        if self.detector_name(pretty=True) is None:
            raise AttributeError(f"{self.filename}: unknown detector {self.phu.get('DETTYPE')!r}")
        return tables.READ_MODE.get((gain, self.read_speed_setting()))  # type: ignore[arg-type]

    def _amplifiers(self, quantity: str) -> list[float | None]:
        speed, setting, day = self.read_speed_setting(), self.gain_setting(), self.ut_date()
        names = self.listed(self.array_name())
        return [tables.amplifier(quantity, name, speed, setting, day) for name in names]

    @descriptor
    @kept_if_prepared("GAIN")
    def gain(self) -> Any:
        """Gain of each amplifier, electrons per ADU."""
        return self.shaped(self._amplifiers("gain"))

    @descriptor
    @kept_if_prepared("RDNOISE")
    def read_noise(self) -> Any:
        """Read noise of each amplifier, electrons."""
        return self.shaped(self._amplifiers("read_noise"))

    def _bias_levels(self) -> list[float]:
        """ADU that were subtracted from each extension."""
        extensions = self.science()
        if "DARKIM" not in self.phu and not any("OVERSCAN" in header for header in extensions):
            return [0.0] * len(extensions)
        levels = []
        for header, bias in zip(extensions, self._amplifiers("bias"), strict=True):
            level = header.get("OVERSCAN", header.get("RAWBIAS"))
            levels.append((bias or 0.0) if level is None else level)
        return levels

    @descriptor
    @kept_if_prepared("SATLEVEL")
    def saturation_level(self) -> Any:
        """Level at which pixels are saturated, in the unit of the pixels: full well or converter.

        Notes
        -----
        A single extension is scaled by the gain that remains, a whole file only if its unit is
        not ADU.  An amplifier without a known gain raises TypeError where that gain is needed.
        """
        in_adu = self.is_in_adu()
        binned = self.detector_x_bin() * self.detector_y_bin()  # type: ignore[operator]
        counted = self.detector_name(pretty=True) == "EEV" or binned > 2
        levels: list[float | None] = []
        for name, gain, electrons, bias in zip(
            self.listed(self.array_name()),
            self.listed(self.gain()),
            self._amplifiers("gain"),
            self._bias_levels(),
            strict=True,
        ):
            limit = tables.ADU_MAX - bias
            if self.single:
                limit *= electrons / gain
            elif not in_adu:
                limit *= electrons  # type: ignore[operator]
            well = None if counted else tables.full_well(self.phu.get("DETECTOR"), name)
            if counted:
                levels.append(limit)
            elif well is None:
                levels.append(None)
            else:
                levels.append(min((well * binned + bias * (electrons or 0.0)) / gain, limit))
        return self.shaped(levels)

    @descriptor
    def non_linear_level(self) -> Any:
        """Level to which the detector is linear: to saturation."""
        return self.saturation_level()

    @descriptor
    def nominal_photometric_zeropoint(self) -> Any:
        """Zero point of a clear night, magnitudes, for the unit of the pixels per second."""
        name, in_adu = self.filter_name(pretty=True), self.is_in_adu()
        ccds = zip(self.science(), self.listed(self.gain()), strict=True)
        return self.shaped(
            [
                self.magnitudes_to_adu(tables.zeropoint(ccd.get("CCDNAME"), name), gain, in_adu=in_adu)
                for ccd, gain in ccds
            ]
        )
