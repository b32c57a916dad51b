from dataclasses import replace

import pytest

from nightcrew.shared.instruments import describe, science_headers
from nightcrew.simulator import f2_night, niri_night
from nightcrew.simulator.headers import sexagesimal
from support.reference import require_reference

ON_SKY = {"GEMINI", "IMAGE", "RAW", "SIDEREAL", "UNPREPARED"}
BY_DAY = {"GEMINI", "RAW", "UNPREPARED", "CAL", "AT_ZENITH", "AZEL_TARGET", "NON_SIDEREAL"}
FLAT = BY_DAY | {"IMAGE", "FLAT", "GCALFLAT"}
TAGS = {
    "target": ON_SKY,
    "sky": ON_SKY,
    "standard": ON_SKY,
    "lamp-on": FLAT | {"LAMPON", "GCAL_IR_ON"},
    "lamp-off": FLAT | {"LAMPOFF", "GCAL_IR_OFF"},
    "dark": BY_DAY | {"DARK"},
    "short-dark": BY_DAY | {"DARK"},
}


@pytest.fixture(scope="module")
def niri():
    return niri_night(size=256)


@pytest.fixture(scope="module")
def f2():
    return f2_night()


def description(night, exposure):
    """Return what the rules say of a frame's headers; arrays as astropy will declare them."""
    primary, extension = night.headers(exposure)
    axes = {"NAXIS": 2, "NAXIS1": night.size, "NAXIS2": night.size}
    if night.camera.instrument == "F2":
        axes |= {"NAXIS": 3, "NAXIS3": 1}
    return describe(science_headers([primary, {"XTENSION": "IMAGE", **extension, **axes}], exposure.filename))


@pytest.mark.parametrize("group", TAGS)
def test_niri_frames_carry_the_tags_of_real_ones(niri, group):
    assert description(niri, niri.group(group)[0]).tags == TAGS[group] | {"NIRI", "NORTH"}


@pytest.mark.parametrize("group", [group for group in TAGS if group not in {"sky", "standard"}])
def test_f2_frames_carry_the_tags_of_real_ones(f2, group):
    assert description(f2, f2.group(group)[0]).tags == TAGS[group] | {"F2", "SOUTH"}


def test_no_descriptor_fails(niri, f2):
    for night in (niri, f2):
        for group in {exposure.group for exposure in night.exposures}:
            values = description(night, night.group(group)[0]).all()
            assert len(values) > 80
            assert not [name for name, value in values.items() if "Error" in str(value)]


def test_niri_is_set_up_as_in_the_tutorial(niri):
    science = description(niri, niri.group("target")[0])
    assert science.value("filter_name", pretty=True) == "K(prime)"
    assert science.value("read_mode") == "Medium Background"
    assert science.value("well_depth_setting") == "Shallow"
    assert science.value("exposure_time") == 20.001
    assert science.value("observation_class") == "science"
    assert science.value("object") == "SN2014J"
    assert science.value("array_section")[0] == (384, 640, 384, 640)
    assert science.value("detector_roi_setting") == "Central256"
    assert science.value("wavefront_sensor") == "PWFS2"
    standard = description(niri, niri.group("standard")[0])
    assert (standard.value("object"), standard.value("observation_class")) == ("FS 17", "partnerCal")
    assert (standard.value("coadds"), standard.value("exposure_time")) == (2, 6.002)
    assert description(niri, niri.group("dark")[0]).value("filter_name") == "blank"
    assert description(niri, niri.group("lamp-off")[0]).value("gcal_lamp") == "Off"
    assert description(niri, niri.group("lamp-on")[0]).value("gcal_lamp") == "IRhigh"


def test_f2_is_set_up_as_in_the_tutorial(f2):
    science = description(f2, f2.group("target")[0])
    assert science.value("filter_name", pretty=True) == "Y"
    assert (science.value("read_mode"), science.value("exposure_time")) == ("1", 120.0)
    assert science.value("camera", pretty=True) == "f/16"
    assert science.value("pixel_scale") == pytest.approx(0.1792)
    assert science.value("wavefront_sensor") == "OIWFS"
    assert description(f2, f2.group("dark")[0]).value("filter_name", pretty=True) == "dark"


@pytest.mark.parametrize("pa", [0.0, 40.0])
def test_sources_move_on_the_detector_as_the_offsets_in_the_header_say(niri, f2, pa):
    for night in (niri, f2):
        base, moved = (replace(e, pa=pa, pointing_error=(0.0, 0.0)) for e in night.group("target")[:2])
        x0, y0 = night.camera.true_wcs(base, night.size).pixel(*base.target)
        x1, y1 = night.camera.true_wcs(moved, night.size).pixel(*base.target)
        says = description(night, moved)
        assert x1 - x0 == pytest.approx(says.value("detector_x_offset"), abs=0.02)
        assert y1 - y0 == pytest.approx(says.value("detector_y_offset"), abs=0.02)
        assert (x0 + 1, y0 + 1) == pytest.approx(night.camera.centre_of_field(night.size))


def test_the_pointing_of_the_header_is_target_plus_offset(niri):
    primary, extension = niri.headers(niri.group("sky")[0])
    assert (primary["RA"], primary["DEC"]) == niri.exposures[0].target
    assert extension["CRVAL2"] - primary["DEC"] == pytest.approx(30 / 3600, abs=2e-3)
    assert (primary["POFFSET"], primary["QOFFSET"], primary["RAOFFSET"]) == (420.0, 30.0, 420.0)
    assert primary["CRVAL1"] == extension["CRVAL1"]


def test_an_error_of_the_wcs_is_in_the_header_only(niri):
    exposure = niri.group("target")[1]
    wrong = replace(exposure, wcs_error=(4.0, 3.0))
    camera = niri.camera
    assert camera.true_wcs(wrong, 256) == camera.true_wcs(exposure, 256)
    assert camera.header_wcs(wrong, 256).crval[1] - camera.header_wcs(exposure, 256).crval[1] == pytest.approx(
        3 / 3600, abs=1e-7
    )


def test_guide_star_and_lamp_cards_appear_only_where_they_mean_something(niri):
    science, flat = niri.headers(niri.group("target")[0])[0], niri.headers(niri.group("lamp-on")[0])[0]
    assert "P2ARA" in science
    assert "GCALLAMP" not in science
    assert "P2ARA" not in flat
    assert flat["GCALSHUT"] == "OPEN"


def test_times_run_on_through_the_night(niri):
    times = [(h["DATE-OBS"], h["UT"]) for h in (niri.headers(e)[0] for e in niri.exposures)]
    assert times == sorted(times)
    first = niri.headers(niri.exposures[0])[0]
    assert (first["UT"], first["UTEND"], first["LT"]) == ("12:20:00.0", "12:20:21.5", "02:20:00.0")


def test_hours_are_written_with_carry_and_sign():
    assert sexagesimal(12.9999999, 1) == "13:00:00.0"
    assert sexagesimal(-1.5, 2, sign=True) == "-01:30:00.00"
    assert sexagesimal(0.25, 2, sign=True) == "+00:15:00.00"


@pytest.mark.reference
@pytest.mark.parametrize(
    ("make", "group", "real"),
    [(niri_night, "standard", "NIRI/N20150404S0726.hdr"), (f2_night, "target", "F2/S20210225S0023.hdr")],
)
def test_every_keyword_of_a_real_frame_is_there_in_the_same_order(make, group, real):
    text = require_reference("headers", real).read_text(encoding="latin-1")
    cards = [text[i : i + 80] for i in range(0, len(text), 80)] if "\n" not in text[:200] else text.splitlines()
    keywords = [card[:8].strip() for card in cards if card[8:10] == "= "]
    start = keywords.index("XTENSION")
    ours = [list(header) for header in make().headers(make().group(group)[0])]
    structural = {"SIMPLE", "BITPIX", "NAXIS", "EXTEND", "XTENSION", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT"}
    for wanted, got in zip((keywords[:start], keywords[start:]), ours, strict=True):
        assert got == [keyword for keyword in wanted if keyword not in structural]
