"""What a frame is registered with as a candidate (calibrations, 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from nightcrew.shared.association.facts import Target, Value, Values

OBSERVATION_TYPES = frozenset(
    "DARK ARC FLAT BIAS OBJECT PINHOLE RONCHI CAL FRINGE MASK STANDARD SLITILLUM BPM".split()  # noqa: SIM905
)
OBSERVATION_CLASSES = frozenset(["dayCal", "partnerCal", "acqCal", "acq", "science", "progCal", "nightCal"])
QA_STATES = frozenset(["Fail", "CHECK", "Undefined", "Usable", "Pass"])

PROCESSED_KINDS = (
    *("BPM", "TELLURIC", "STANDARD", "SLITILLUM", "PINHOLE"),
    *("FRINGE", "ARC", "BIAS", "DARK", "FLAT", "SCIENCE"),
)
"""Tags that name what a processed frame is; the first that it carries counts.  A mask that keeps the
tag FLAT of its first input is still a mask."""

PROCESSING = {"sq": "Science-Quality", "ql": "Quick-Look", "qa": "Quality-Assessment"}
PROCESSING_RANK = {"Failed": 0, "Quality-Assessment": 1, "Raw": 2, "Quick-Look": 3, "Science-Quality": 4}

MAX_EXPOSURE = 10000.0
"""Exposure times from here on, s, are taken for a slip of the keyboard."""


CLOSED: Mapping[str, Mapping[str, AbstractSet[str]]] = {
    "NIRI": {
        "read_mode": {"High Background", "Medium Background", "Low Background", "Invalid"},
        "well_depth_setting": {"Shallow", "Deep", "Invalid"},
        "camera": {"datum", "f13.9", "f14", "f32", "f6", "INVALID", "No Value", "UNKNOWN"},
    },
}
"""Columns of a candidate in which other values than these count as unknown.  The target keeps what it says,
so that a frame in an odd read mode matches nothing."""


def columns_of(target: Target, processed_as: str | None = "Raw") -> dict[str, Value]:
    """Return what a frame is registered with as a candidate (calibrations, 1).

    Parameters
    ----------
    target
        The frame, as it would ask for calibrations itself.
    processed_as
        Column `processing`.
    """
    columns = dict(target.values)
    exposure = columns.get("exposure_time")
    coadds = columns.get("coadds")
    columns |= {
        "instrument": target.instrument,
        "observation_type": _observation_type(target),
        "observation_class": _known(columns.get("observation_class"), OBSERVATION_CLASSES),
        "reduction": reduction(target.tags),
        "processing": processed_as,
        "qa_state": "Pass" if columns.get("observation_type") == "MASK"
        else _known(columns.get("qa_state"), QA_STATES) or "Undefined",
        "engineering": False,
        "phot_standard": False,
        **{name: target.value(name) for name in ("spectroscopy", "overscan_subtracted", "overscan_trimmed")},
        "filter_set": filter_set(columns.get("filter_name")),
        "central_wavelength": columns.get("central_wavelength") if "SPECT" in target.tags else None,
        "exposure_time": exposure if isinstance(exposure, (int, float)) and 0 <= exposure < MAX_EXPOSURE else None,
        "coadds": 1 if coadds is None else coadds,
        "detector_binning": columns.get("detector_binning", binning(columns)),
    }  # fmt: skip
    for name, known in CLOSED.get(target.instrument, {}).items():
        columns[name] = _known(columns.get(name), known)
    return columns


def reduction(tags: AbstractSet[str]) -> str:
    """Return how far a frame is reduced: RAW, PREPARED, PROCESSED_DARK, ..."""
    if "PROCESSED_SCIENCE" in tags:
        return "PROCESSED_SCIENCE"
    if "PROCESSED" in tags:
        return next((f"PROCESSED_{kind}" for kind in PROCESSED_KINDS if kind in tags), "PROCESSED_UNKNOWN")
    return "PREPARED" if "PREPARED" in tags else "RAW"


def processing(header: Mapping[str, object]) -> str:
    """Return with what intent a frame was processed, from keywords of its primary header."""
    for keyword in ("PROCREVW", "PROCITNT"):
        value = header.get(keyword)
        if isinstance(value, str) and value in PROCESSING_RANK:
            return value
    mode = header.get("PROCMODE", header.get("PROCSCI"))
    return PROCESSING.get(mode, "Raw") if isinstance(mode, str) else "Raw"


def filter_set(name: Value) -> Value:
    """Return a filter name without what is open and whatever the order of the wheels: `H_G0803&Open` is `H_G0803`."""
    if not isinstance(name, str):
        return None
    return "&".join(sorted(set(name.split("&")) - {"Open"})) or "Open"


def binning(values: Values) -> str | None:
    """Return the binning as one text: `2x2`; None if it is not known."""
    x, y = values.get("detector_x_bin"), values.get("detector_y_bin")
    return None if x is None or y is None else f"{x}x{y}"


def _known(value: Value, known: AbstractSet[str]) -> Value:
    return value if isinstance(value, str) and value in known else None


def _observation_type(target: Target) -> Value:
    for tag in ("PINHOLE", "RONCHI"):
        if tag in target.tags:
            return tag
    return _known(target.values.get("observation_type"), OBSERVATION_TYPES)
