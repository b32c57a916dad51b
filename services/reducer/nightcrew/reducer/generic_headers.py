"""Headers of a calibration that belongs to no programme: a flat made of science frames (primitives-calibration, 15)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.engine.naming import original_name, stem

if TYPE_CHECKING:
    from datetime import date

    from nightcrew.shared.frames import Frame

OBJECTS = {"FLAT": "Flat Frame", "DARK": "Dark Frame", "BPM": "BPM"}
"""What OBJECT says, by OBSTYPE."""
NIRI_LAMP = {"GCALLAMP": "QH", "GCALSHUT": "OPEN"}
"""A NIRI flat is associated by its lamp, so one of the sky names one."""
SITES = {"Gemini-North": "GN", "Gemini-South": "GS"}
FRAME_NUMBER = re.compile(r"[NS]\d{8}S(\d{4})")
NO_NUMBER = 1
COORDINATES = ("RA", "DEC", "CRVAL1", "CRVAL2")


def make_generic(frame: Frame, obstype: str) -> None:
    """Rewrite the headers of a frame to those of a calibration of the observatory, of the type `obstype`."""
    about = describe_frame(frame)
    phu = frame.phu
    day: date = about.value("ut_date")
    program = f"{_site(str(about.get('program_id')), str(about.get('telescope')))}-CAL{day:%Y%m%d}"
    phu["OBSCLASS"] = "partnerCal"
    phu["OBSTYPE"] = obstype
    phu["OBJECT"] = OBJECTS.get(obstype, obstype)
    if about.instrument == "NIRI" and obstype == "FLAT":
        phu.update(NIRI_LAMP)
    phu["GEMPRGID"] = program
    phu["OBSID"] = f"{program}-900"
    phu["DATALAB"] = f"{program}-900-{_number(frame):03d}"
    phu["RELEASE"] = day.isoformat()
    for header in (phu, *(plane.header for plane in frame.planes)):
        for keyword in COORDINATES:
            if keyword in header:
                header[keyword] = 0.0


def _site(program: str, telescope: str) -> str:
    """Return GN or GS: that of the programme, or of the telescope where programmes are not named for a site."""
    return program[:2] if program[:2] in SITES.values() else SITES.get(telescope, "G")


def _number(frame: Frame) -> int:
    """Return the number of the raw file on its night; names of other makers have none."""
    found = FRAME_NUMBER.search(stem(original_name(frame)))
    return int(found[1]) if found else NO_NUMBER
