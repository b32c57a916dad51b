"""Frames that exist on paper only: what the planner knows about them, written down by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from nightcrew.shared.frame_facts import FrameFacts

EVENING = datetime(2016, 1, 2, 5, 0)  # noqa: DTZ001 (UTC without zone, as in headers)

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "dark": ("CAL DARK", {"observation_type": "DARK", "observation_class": "dayCal"}),
    "lamp-on": (
        "IMAGE CAL FLAT GCALFLAT GCAL_IR_ON LAMPON",
        {"observation_type": "FLAT", "observation_class": "dayCal", "gcal_lamp": "IRhigh"},
    ),
    "lamp-off": (
        "IMAGE CAL FLAT GCALFLAT GCAL_IR_OFF LAMPOFF",
        {"observation_type": "FLAT", "observation_class": "dayCal", "gcal_lamp": "Off"},
    ),
    "science": ("IMAGE SIDEREAL", {"observation_type": "OBJECT", "observation_class": "science", "object": "M82"}),
    "standard": (
        "IMAGE SIDEREAL",
        {"observation_type": "OBJECT", "observation_class": "partnerCal", "object": "FS 17"},
    ),
    "acquisition": ("IMAGE ACQUISITION", {"observation_type": "OBJECT", "observation_class": "acq"}),
    "spectrum": ("SPECT LS", {"observation_type": "OBJECT", "observation_class": "science"}),
}

SETUPS: dict[str, dict[str, Any]] = {
    "NIRI": {
        "read_mode": "Medium Background",
        "well_depth_setting": "Shallow",
        "camera": "f6",
        "filter_name": "Kprime_G0206",
        "focal_plane_mask": "f6-cam_G5208",
        "disperser": "MIRROR",
        "data_section": (0, 1024, 0, 1024),
        "wavelength_band": "K",
    },
    "F2": {
        "read_mode": "1",
        "filter_name": "Y_G0811&Open",
        "focal_plane_mask": "Open",
        "disperser": "Open",
        "lyot_stop": "f/16_G5830",
        "data_section": (0, 2048, 0, 2048),
        "wavelength_band": "Y",
    },
}


def frame(number: int, kind: str = "science", instrument: str = "NIRI", **changes: Any) -> FrameFacts:
    """Write down a raw frame.

    Parameters
    ----------
    number
        Number of the frame in the night; it is taken so many minutes after `EVENING`, unless `minute` is given.
    kind
        One of `KINDS`.
    instrument
        NIRI or F2.
    changes
        `minute`, `file`, `tags` (added), `processing`, or values of descriptors.
    """
    tags, values = KINDS[kind]
    minute = changes.pop("minute", number)
    moment = None if minute is None else EVENING + timedelta(minutes=minute)
    file = changes.pop("file", f"{'N' if instrument == 'NIRI' else 'S'}20160102S{number:04d}.fits")
    more = changes.pop("tags", "RAW UNPREPARED")
    processing = changes.pop("processing", "Raw")
    facts = {
        "instrument": instrument,
        "ut_datetime": moment,
        "exposure_time": 20.001,
        "coadds": 1,
        "detector_x_bin": 1,
        "detector_y_bin": 1,
        "detector_binning": "1x1",
        "central_wavelength": None,
        "gcal_lamp": None,
        "object": kind,
        "qa_state": "Pass",
        "program_id": "GN-2016A-Q-1",
        "observation_id": f"GN-2016A-Q-1-{kind}",
        "detector_x_offset": 0.0,
        "detector_y_offset": 0.0,
    }
    facts |= SETUPS[instrument] | values | changes
    return FrameFacts(
        file, instrument, frozenset(f"GEMINI {instrument} {tags} {more}".split()), facts, moment, processing
    )


def sequence(
    start: int, count: int, kind: str = "science", instrument: str = "NIRI", **changes: Any
) -> list[FrameFacts]:
    """Write down frames with consecutive numbers."""
    return [frame(number, kind, instrument, **changes) for number in range(start, start + count)]


def niri_night() -> list[FrameFacts]:
    """Write down a NIRI night: dithered target with an empty field beside it, a standard, flats, darks."""
    offsets = [(0, 0), (77, 52), (-69, 60), (-52, -77), (60, -69)]
    on = [frame(270 + n, detector_x_offset=x, detector_y_offset=y) for n, (x, y) in enumerate(offsets)]
    off = [
        frame(275 + n, detector_x_offset=3600.0 + x, detector_y_offset=260.0 + y) for n, (x, y) in enumerate(offsets)
    ]
    standard = [
        frame(295 + n, "standard", exposure_time=6.002, coadds=2, detector_x_offset=x, detector_y_offset=y)
        for n, (x, y) in enumerate(offsets)
    ]
    return [
        *(on + off + standard),
        *sequence(363, 5, "lamp-off", exposure_time=6.001),
        *sequence(373, 5, "lamp-on", exposure_time=6.001),
        *sequence(423, 5, "dark", filter_name="blank"),
        *sequence(463, 5, "dark", exposure_time=1.001, filter_name="blank"),
    ]


def f2_night(filter_name: str = "Y_G0811&Open", band: str = "Y") -> list[FrameFacts]:
    """Write down an F2 night: a dither, flats (lamp-off only in K), short and long darks."""
    light = {"filter_name": filter_name, "wavelength_band": band}
    flats = [*sequence(326, 3, "lamp-off", "F2", exposure_time=20.0, **light)]
    if band != "K":
        flats += sequence(320, 3, "lamp-on", "F2", exposure_time=20.0, **light)
    return [
        *sequence(75, 5, "science", "F2", exposure_time=120.0, **light),
        *flats,
        *sequence(369, 3, "dark", "F2", exposure_time=2.0),
        *sequence(380, 3, "dark", "F2", exposure_time=120.0),
    ]
