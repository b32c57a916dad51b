"""How values are said to an astronomer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightcrew.shared.association.facts import Value

_LABELS = {
    "exposure_time": "exposure",
    "well_depth_setting": "well depth",
    "filter_name": "filter",
    "gcal_lamp": "lamp",
    "lyot_stop": "Lyot stop",
    "qa_state": "QA state",
    "detector_binning": "binning",
    "ut_datetime": "time",
    "filter_set": "filter",
    "observation_type": "type",
    "observation_class": "class",
    "phot_standard": "photometric standard",
    "reduction": "kind",
    "detector_roi_setting": "region of interest",
    "detector_x_bin": "binning in x",
    "detector_y_bin": "binning in y",
    "amp_read_area": "amplifiers",
    "read_speed_setting": "read speed",
    "gain_setting": "gain",
}
_TRUTHS = {"spectroscopy": ("a spectrum", "an image"), "prepared": ("prepared", "not prepared")}
_UNITS = {"exposure_time": " s", "central_wavelength": " um"}
_STEPS = ((timedelta(days=2), timedelta(days=1), "d"), (timedelta(hours=1), timedelta(hours=1), "h"))


def label(column: str) -> str:
    """Return the name of a column as one says it: `well depth`."""
    return _LABELS.get(column, column.replace("_", " "))


def asked(name: str, wanted: object) -> str:
    """Say which frames are meant: `the frame is an image`, `filter is J or H`."""
    if name in _TRUTHS and str(wanted) in ("True", "False"):
        return f"the frame is {_TRUTHS[name][str(wanted) == 'False']}"
    return f"its {label(name)} is {wanted}"


def unit(column: str) -> str:
    """Return the unit of a column, with a blank before it."""
    return _UNITS.get(column, "")


def spoken(column: str, value: Value) -> str:
    """Return a value with its unit; a section as FITS writes it, `[1:1024,1:1024]`."""
    if value is None:
        return "unknown"
    if isinstance(value, tuple) and len(value) == 4 and all(isinstance(part, int) for part in value):
        x1, x2, y1, y2 = value
        return f"[{x1 + 1}:{x2},{y1 + 1}:{y2}]"  # type: ignore[operator]
    if isinstance(value, float):
        return f"{value:.10g}{unit(column)}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return f"{value}{unit(column)}"


def apart(interval: timedelta) -> str:
    """Return a length of time, short: `40 s`, `12 min`, `6.8 h`, `180 d`."""
    length = abs(interval)
    for least, unit, name in _STEPS:
        if length >= least:
            return f"{round(length / unit, 1):g} {name}"
    seconds = length.total_seconds()
    return f"{round(seconds / 60)} min" if seconds >= 120 else f"{round(seconds)} s"
