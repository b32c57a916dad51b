"""Common descriptors: which observation a frame belongs to, when it was taken, in what conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.shared.instruments import times
from nightcrew.shared.instruments.components import number, percentile
from nightcrew.shared.instruments.view import View, descriptor

if TYPE_CHECKING:
    from datetime import date, datetime, time

_GUIDERS = ("AOWFS", "OIWFS", "PWFS1", "PWFS2")


class Record(View):
    """What the observatory writes down about an exposure."""

    @descriptor
    def data_label(self) -> Any:
        """Label of the exposure, unique in the observatory."""
        return self.phu.get("DATALAB")

    @descriptor
    def calibration_key(self) -> Any:
        """Data label of the first of the exposures that a stack is made of."""
        label = self.data_label()
        return label.replace("_stack", "") if isinstance(label, str) else label

    @descriptor
    def observation_id(self) -> Any:
        """Identifier of the observation."""
        return self.phu.get("OBSID")

    @descriptor
    def program_id(self) -> Any:
        """Identifier of the science programme."""
        return self.phu.get("GEMPRGID")

    @descriptor
    def observation_class(self) -> Any:
        """Purpose: science, dayCal, partnerCal, acq, ..."""
        return self.phu.get("OBSCLASS")

    @descriptor
    def observation_type(self) -> Any:
        """Kind of exposure: OBJECT, DARK, FLAT, ARC, ..."""
        return self.phu.get("OBSTYPE")

    @descriptor
    def observation_epoch(self) -> Any:
        """Epoch of the start of the exposure, years."""
        return self.phu.get("OBSEPOCH")

    @descriptor
    def object(self) -> Any:
        """Name of the target."""
        return self.phu.get("OBJECT")

    @descriptor
    def instrument(self, *, generic: bool = False) -> Any:  # noqa: ARG002
        """Name of the instrument; `generic` leaves out at which telescope it is."""
        return self.phu.get("INSTRUME")

    @descriptor
    def telescope(self) -> Any:
        """Name of the telescope."""
        return self.phu.get("TELESCOP")

    @descriptor
    def group_id(self) -> Any:
        """Name that all frames share which may be stacked."""
        return self.observation_id()

    @descriptor
    def airmass(self) -> float | None:
        """Mean airmass."""
        value = number(self.phu.get("AIRMASS"))
        return None if value is None or value < 1 else value

    @descriptor
    def azimuth(self) -> Any:
        """Azimuth of the telescope, degrees."""
        return self.phu.get("AZIMUTH")

    @descriptor
    def elevation(self) -> Any:
        """Elevation of the telescope, degrees."""
        return self.phu.get("ELEVATIO")

    @descriptor
    def ao_seeing(self) -> Any:
        """Seeing by the adaptive optics, arcsec; from the Fried parameter in cm if need be."""
        if "AOSEEING" in self.phu:
            return self.phu["AOSEEING"]
        fried = self.phu.get("RZEROVAL")
        return None if fried is None else 206265.0 * 0.98 * 0.5e-6 / (fried * 0.01)

    @descriptor
    def cass_rotator_pa(self) -> Any:
        """Position angle of the Cassegrain rotator, degrees; None if impossible."""
        angle = self.phu.get("CRPA")
        return None if angle is None or abs(angle) > 360 else angle

    @descriptor
    def gcal_lamp(self) -> Any:
        """Calibration lamp that shines; ``Off`` if none."""
        lamp, shutter = self.phu.get("GCALLAMP"), self.phu.get("GCALSHUT")
        if lamp is None or shutter is None:
            return None
        shut = shutter.upper() == "CLOSED" and lamp.upper() in ("IRHIGH", "IRLOW")
        return "Off" if shut or lamp.upper() in ("", "NO VALUE") else lamp

    @descriptor
    def is_ao(self) -> bool:
        """Whether the light went through the adaptive optics."""
        return bool(self.phu.get("AOFOLD", "OUT") == "IN")

    @descriptor
    def wavefront_sensor(self) -> str | None:
        """Guiding wavefront sensors, joined with ``&``."""
        guiding = [name for name in _GUIDERS if self.phu.get(f"{name}_ST") == "guiding"]
        if "GWFS1CFG" in self.phu:
            guiding.append("GEMS")
        return "&".join(sorted(guiding)) or None

    @descriptor
    def qa_state(self) -> str:
        """Verdict of the observatory: Pass, Usable, Fail, CHECK or Undefined."""
        pi, gemini = self.phu.get("RAWPIREQ", "UNKNOWN"), self.phu.get("RAWGEMQA", "UNKNOWN")
        verdict = (pi.upper(), gemini.upper())
        if "UNKNOWN" in verdict:
            return "Undefined"
        if verdict[1] == "USABLE" and verdict[0] in ("YES", "NO"):
            return "Pass" if verdict[0] == "YES" else "Usable"
        if verdict[1] == "BAD":
            return "Fail"
        return "CHECK" if "CHECK" in verdict else f"{pi}:{gemini}"

    @descriptor
    def raw_iq(self) -> int | None:
        """Image quality as observed, percentile."""
        return percentile(self.phu.get("RAWIQ"))

    @descriptor
    def raw_cc(self) -> int | None:
        """Cloud cover as observed, percentile."""
        return percentile(self.phu.get("RAWCC"))

    @descriptor
    def raw_wv(self) -> int | None:
        """Water vapour as observed, percentile."""
        return percentile(self.phu.get("RAWWV"))

    @descriptor
    def raw_bg(self) -> int | None:
        """Sky background as observed, percentile."""
        return percentile(self.phu.get("RAWBG"))

    @descriptor
    def requested_iq(self) -> int | None:
        """Image quality asked for, percentile."""
        return percentile(self.phu.get("REQIQ"))

    @descriptor
    def requested_cc(self) -> int | None:
        """Cloud cover asked for, percentile."""
        return percentile(self.phu.get("REQCC"))

    @descriptor
    def requested_wv(self) -> int | None:
        """Water vapour asked for, percentile."""
        return percentile(self.phu.get("REQWV"))

    @descriptor
    def requested_bg(self) -> int | None:
        """Sky background asked for, percentile."""
        return percentile(self.phu.get("REQBG"))

    @descriptor
    def local_time(self) -> time | None:
        """Local time of the start of the exposure."""
        text = self.phu.get("LT")
        try:
            return None if text is None else times.parse_clock(text.strip())
        except (AttributeError, ValueError):
            return None

    @descriptor
    def ut_datetime(
        self, *, strict: bool = False, dateonly: bool = False, timeonly: bool = False
    ) -> datetime | date | time | None:
        """UTC of the start of the exposure; unless `strict`, the day may come from the file's name."""
        moment = times.recorded_moment(self.phu)
        if not strict:
            name = self.filename
            day = None if moment.day else times.implied_day(times.frame_names(self.extensions), name)
            moment = moment.filled_from(times.Moment(day, times.MIDNIGHT))
        if dateonly:
            return moment.day
        return moment.clock if timeonly else moment.combined()

    @descriptor
    def ut_date(self, *, strict: bool = False) -> date | None:
        """UTC date of the exposure."""
        try:
            return self.ut_datetime(strict=strict, dateonly=True)  # type: ignore[return-value]
        except AttributeError:
            return None

    @descriptor
    def ut_time(self, *, strict: bool = True) -> time | None:
        """UTC time of day of the start of the exposure."""
        try:
            return self.ut_datetime(strict=strict, timeonly=True)  # type: ignore[return-value]
        except AttributeError:
            return None

    def moment(self) -> datetime | None:
        """UTC of the start of the exposure, for computing with."""
        return self.ut_datetime()  # type: ignore[return-value]
