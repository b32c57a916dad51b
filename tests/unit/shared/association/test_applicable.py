"""Which types of calibrations a frame may need (calibrations, 3.3 and 11), each line of the tables by itself."""

from __future__ import annotations

from typing import Any

import pytest

from nightcrew.shared.association import Target, applicable
from nightcrew.shared.association.reading import INSTRUMENTS
from nightcrew.shared.instruments import Headers, describe

THERMAL = ("Lprime_G0207", "Mprime_G0208", "Bra_G0238", "Bracont_G0237", "hydrocarb_G0231")
ALL_OF_F2 = ["dark", "processed_dark", "flat", "processed_flat"]


def frame(instrument: str, observation_type: str, *tags: str, **values: Any) -> Target:
    """Return a frame of which only this is known."""
    return Target(
        instrument,
        frozenset({instrument, *tags}),
        {
            "observation_type": observation_type,
            "observation_class": None,
            "filter_name": None,
            "gcal_lamp": None,
            "central_wavelength": None,
            **values,
        },
        "frame.fits",
    )


def niri(observation_type: str, observation_class: str, filter_name: str = "J_G0202") -> Target:
    return frame("NIRI", observation_type, observation_class=observation_class, filter_name=filter_name)


@pytest.mark.parametrize(
    ("target", "types"),
    [
        (niri("OBJECT", "acq"), ["processed_flat"]),
        (niri("OBJECT", "partnerCal"), ["processed_flat", "flat"]),
        *((niri("OBJECT", "partnerCal", name), ["processed_flat"]) for name in THERMAL),
        (niri("OBJECT", "science"), ["processed_flat", "dark", "flat", "photometric_standard"]),
        *((niri("OBJECT", "science", name), ["processed_flat", "dark", "photometric_standard"]) for name in THERMAL),
        (frame("NIRI", "FLAT", gcal_lamp="IRhigh"), ["lampoff_flat"]),
        (frame("NIRI", "FLAT", gcal_lamp=None), ["lampoff_flat"]),
        (frame("NIRI", "FLAT", gcal_lamp="Off"), []),
        (frame("NIRI", "FLAT", "SPECT", gcal_lamp="IRhigh"), []),
        (frame("NIRI", "DARK"), []),
        (frame("NIRI", "OBJECT", "SPECT", observation_class="partnerCal"), ["flat", "arc"]),
        (
            frame("NIRI", "OBJECT", "SPECT", observation_class="science"),
            ["flat", "arc", "telluric", "processed_flat"],
        ),
        (frame("F2", "OBJECT", observation_class="acq"), []),
        (frame("F2", "OBJECT", observation_class="acqCal"), []),
        (frame("F2", "OBJECT", observation_class="partnerCal"), ALL_OF_F2),
        (frame("F2", "OBJECT", observation_class="science"), [*ALL_OF_F2, "photometric_standard"]),
        (frame("F2", "OBJECT", "SPECT", observation_class="acq"), [*ALL_OF_F2, "arc"]),
        (
            frame("F2", "OBJECT", "SPECT", observation_class="science"),
            [*ALL_OF_F2, "arc", "telluric", "standard"],
        ),
        (frame("F2", "FLAT"), ["dark", "processed_dark"]),
        (frame("F2", "ARC", "SPECT", filter_name="Open&JH_G0809"), ALL_OF_F2),
        (frame("F2", "DARK"), []),
    ],
    ids=lambda value: f"{value.instrument}, {dict(value.values)}" if isinstance(value, Target) else "",
)
def test_each_line_of_the_table_adds_its_types_and_a_mask_is_always_wanted(target: Target, types: list[str]) -> None:
    assert list(applicable(target)) == [*types, "processed_bpm"]


PHU: dict[str, Any] = {
    "OBSERVAT": "Gemini-North",
    "DATE-OBS": "2016-01-02",
    "UT": "10:00:00",
    "OBSTYPE": "FLAT",
    "OBJECT": "GCALflat",
    "GCALLAMP": "IRhigh",
    "GCALSHUT": "OPEN",
    "EXPTIME": 2.0,
}
IMAGE = {"NAXIS": 2, "NAXIS1": 8, "NAXIS2": 8}


def from_headers(instrument: str, keywords: dict[str, Any]) -> Target:
    """Return a lamp flat, but for some keywords, as it is read from disk."""
    headers = Headers({**PHU, "INSTRUME": instrument, **keywords}, (IMAGE,), "N1_bpm.fits")
    return Target.from_description(describe(headers), "N1_bpm.fits")


@pytest.mark.parametrize("instrument", sorted(INSTRUMENTS))
@pytest.mark.parametrize(
    "keywords", [{"BPMASK": "2016-01-03T00:00:00"}, {"OBSTYPE": "BPM"}], ids=["made of flats", "by its type"]
)
def test_a_bad_pixel_mask_needs_nothing_whatever_it_was_made_of(instrument: str, keywords: dict[str, Any]) -> None:
    assert "processed_bpm" in applicable(from_headers(instrument, {}))
    assert applicable(from_headers(instrument, keywords)) == ()


@pytest.mark.parametrize("instrument", ["NIRI", "F2", "GNIRS", "GSAOI"])
@pytest.mark.parametrize("keyword", ["BPMASK", "PROCBPM"])
def test_a_mask_made_of_flats_is_a_processed_mask_and_no_image(instrument: str, keyword: str) -> None:
    target = from_headers(instrument, {keyword: "2016-01-03T00:00:00"})
    assert target.tags >= {"BPM", "CAL", "PROCESSED"}
    blocked = {
        "IMAGE",
        "SPECT",
        "NON_SIDEREAL",
        "AZEL_TARGET",
        "GCALFLAT",
        "LAMPON",
        "GCAL_IR_ON",
        "GCAL_IR_OFF",
        "DARK",
    }
    assert not target.tags & blocked
    assert applicable(target) == ()
