"""Gemini: tags common to all its instruments, and all common descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.shared.instruments.pointing import Pointing
from nightcrew.shared.instruments.tags import TagRule, TagSet, merged, tag_set, when

if TYPE_CHECKING:
    from collections.abc import Callable

_ANY_PROCESSED = (
    "PROCARC", "GBIAS", "PROCBIAS", "PROCDARK", "GIFLAT", "PROCFLAT", "GIFRINGE", "PROCFRNG", "PROCPNHL",
    "PROCSTND", "PROCILLM",
)  # fmt: skip
_TRACKED_FRAMES = ("FK5", "APPT")
_LAMP_ON = tag_set("GCAL_IR_ON LAMPON", blocked_by="PROCESSED")
_LAMP_OFF = tag_set("GCAL_IR_OFF LAMPOFF", blocked_by="PROCESSED PINHOLE")
_LAMP_NONE = tag_set("GCAL_IR_OFF LAMPOFF", blocked_by="PROCESSED")


def keyword_is(keyword: str, *values: str) -> Callable[[Any], bool]:
    """Whether a keyword of the primary header has one of these values."""
    return lambda view: view.phu.get(keyword) in values


def _upper(view: Any, keyword: str) -> str:
    return str(view.phu[keyword]).upper()


def _site(view: Any) -> TagSet | None:
    site = {"GEMINI-NORTH": "NORTH", "GEMINI-SOUTH": "SOUTH"}.get(_upper(view, "OBSERVAT"))
    return tag_set(site) if site else None


def _azel(view: Any) -> TagSet | None:
    if view.phu.get("FRAME") != "AZEL_TOPO":
        return None
    return tag_set("AZEL_TARGET AT_ZENITH" if view.airmass() == 1.0 else "AZEL_TARGET")


def is_infrared_or_quartz(lamp: str, *infrared: str) -> bool:
    """Whether a GCAL lamp is one of the infrared ones named, or a quartz halogen."""
    return lamp in infrared or lamp.startswith("QH")


def _lamp(view: Any) -> TagSet | None:
    lamp, shutter = view.phu["GCALLAMP"], view.phu["GCALSHUT"]
    if is_infrared_or_quartz(lamp, "IRhigh", "IRlow"):
        return {"OPEN": _LAMP_ON, "CLOSED": _LAMP_OFF}.get(shutter)
    return _LAMP_NONE if lamp == "No Value" and shutter == "CLOSED" else None


def _mode(view: Any) -> TagSet | None:
    mode = view.phu.get("OBSMODE")
    if not mode:
        return None
    return tag_set(mode.upper() if mode.upper() == "IMAGE" else f"{mode.upper()} SPECT")


def _tracking(view: Any) -> TagSet | None:
    if not any(view.phu.get(keyword) in _TRACKED_FRAMES for keyword in ("TRKFRAME", "FRAME")):
        return None
    try:
        fixed = all(float(view.phu[keyword]) == 0 for keyword in ("DECTRACK", "RATRACK"))
    except (KeyError, TypeError, ValueError):
        fixed = False
    return tag_set("SIDEREAL" if fixed else "NON_SIDEREAL")


def _overscan(view: Any) -> TagSet | None:
    done = {"TRIMOVER": "OVERSCAN_TRIMMED", "SUBOVER": "OVERSCAN_SUBTRACTED"}
    found = [tag for part, tag in done.items() if view.phu.names_containing(part)]
    return tag_set(" ".join(found)) if found else None


def _prepared(view: Any) -> TagSet:
    return tag_set("PREPARED" if view.phu.names_containing("PREPAR") else "UNPREPARED")


_BPM_BLOCKS = "IMAGE SPECT NON_SIDEREAL AZEL_TARGET GCALFLAT LAMPON GCAL_IR_ON GCAL_IR_OFF DARK"

COMMON_RULES = (
    when("gemini", lambda _: True, tag_set("GEMINI")),
    TagRule("site", _site),
    when("acquisition", keyword_is("OBSCLASS", "acq", "acqCal"), tag_set("ACQUISITION")),
    TagRule("azel", _azel),
    when("fringe", lambda view: view.phu.has_any(("GIFRINGE", "PROCFRNG")), tag_set("FRINGE CAL")),
    when(
        "gcal_flat",
        lambda view: is_infrared_or_quartz(view.phu["GCALLAMP"], "IRhigh"),
        tag_set("GCALFLAT FLAT CAL"),
    ),
    TagRule("gcal_lamp", _lamp),
    TagRule("obsmode", _mode),
    when("nodchop", keyword_is("DATATYPE", "marked-nodandchop"), tag_set("NODCHOP")),
    TagRule("tracking", _tracking),
    when(
        "bpm",
        lambda view: view.phu.has_any(("BPMASK", "PROCBPM")),
        tag_set("BPM CAL PROCESSED", blocks=_BPM_BLOCKS),
    ),
    when("mask", lambda view: _upper(view, "OBSTYPE") == "MASK", tag_set("MASK", blocks="IMAGE SPECT")),
    when("raw", lambda view: "GEM-TLM" not in view.phu, tag_set("RAW")),
    TagRule("prepared", _prepared),
    TagRule("overscan", _overscan),
    when("processed", lambda view: view.phu.has_any(_ANY_PROCESSED), tag_set("PROCESSED")),
    when(
        "processed_science",
        lambda view: view.phu.get("OBSTYPE") == "OBJECT" and view.phu.has_any(("GMOSAIC", "PROCSCI")),
        tag_set("PROCESSED_SCIENCE PROCESSED", blocks="RAW"),
    ),
    when("extracted", lambda view: "EXTRACT" in view.phu, tag_set("EXTRACTED")),
    when("telluric", lambda view: view.phu.get("PROCTELL"), tag_set("TELLURIC CAL")),
)

STANDARD_RULE = when("standard", lambda view: view.phu.get("PROCSTND"), tag_set("STANDARD CAL"))
"""For the instruments that mark a processed standard star."""


class Gemini(Pointing):
    """A Gemini file; by itself, one of an instrument that has no rules of its own."""

    label = "GEMINI"
    tag_rules = merged(COMMON_RULES, ())


class PlainWcs(Gemini):
    """An instrument whose coordinates are those of the header, never converted to ICRS."""

    def reference_coordinates(self) -> tuple[float | None, float | None]:
        """Return CRVAL of the first extension, or of the primary header, if the axes are RA and Dec.

        Raises
        ------
        TypeError
            If a single extension is asked, as in the reference.
        """
        if self.single:
            raise TypeError("a single extension has no coordinates of its own")
        for header in (*self.extensions[:1], self.phu):
            if all(keyword in header for keyword in ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2")):
                if (header["CTYPE1"], header["CTYPE2"]) != ("RA---TAN", "DEC--TAN"):
                    return None, None
                return header["CRVAL1"], header["CRVAL2"]
        return None, None
