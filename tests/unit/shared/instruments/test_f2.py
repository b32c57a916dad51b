"""F2 frames are what their headers say."""

from __future__ import annotations

import math

import pytest

from nightcrew.shared.instruments import F2Linearity, Section, nonlinearity

from .headers_of import F2, F2_SCI, LAMP, described, f2


class TestTags:
    def test_a_science_image(self):
        assert f2().tags == {"GEMINI", "F2", "SOUTH", "IMAGE", "SIDEREAL", "RAW", "UNPREPARED"}

    def test_a_dark(self):
        tags = f2(OBSTYPE="DARK").tags
        assert {"DARK", "CAL"} <= tags
        assert "IMAGE" not in tags

    def test_a_dark_filter_makes_a_dark_whatever_the_type(self):
        frame = f2(FILTER2="DK_G0807")
        assert {"DARK", "CAL"} <= frame.tags
        assert frame("observation_type") == "OBJECT"

    def test_lamp_flats(self):
        assert {"FLAT", "GCALFLAT", "LAMPON"} <= f2(**LAMP).tags
        assert {"FLAT", "GCALFLAT", "LAMPOFF"} <= f2(**LAMP | {"GCALSHUT": "CLOSED"}).tags

    def test_an_imaging_twilight_alone_is_no_flat(self):
        tags = f2(OBJECT="Twilight").tags
        assert {"TWILIGHT", "CAL", "IMAGE"} <= tags
        assert "FLAT" not in tags
        assert "FLAT" in f2(OBJECT="Twilight", OBSTYPE="FLAT").tags

    def test_a_twilight_spectrum_is_never_a_flat(self):
        tags = f2(OBJECT="Twilight", OBSTYPE="FLAT", GRISM="JH_G5801", GCALLAMP="IRhigh").tags
        assert "TWILIGHT" in tags
        assert not tags & {"FLAT", "GCALFLAT"}

    def test_a_long_slit_spectrum(self):
        assert {"LS", "SPECT"} <= f2(DECKER="Long_slit", GRISM="JH_G5801").tags
        assert {"LS", "SPECT", "ARC"} <= f2(MOSPOS="4pix-slit", GRISM="R3K_G5801", OBSTYPE="ARC").tags

    def test_an_acquisition_through_the_slit(self):
        tags = f2(DECKER="Long_slit", OBSCLASS="acq").tags
        assert {"IMAGE", "LS", "THRUSLIT", "ACQUISITION"} <= tags

    def test_a_dark_through_the_slit_has_no_slit_tag(self):
        assert not f2(DECKER="Long_slit", GRISM="JH_G5801", OBSTYPE="DARK").tags & {"LS", "SPECT"}

    def test_masks(self):
        assert {"MOS", "SPECT"} <= f2(MOSPOS="mos8", GRISM="HK_G5802").tags
        assert {"MOS", "THRUSLIT", "IMAGE"} <= f2(DECKER="mos").tags

    def test_prisms(self):
        assert "POL" in f2(DISPERSR="DISP_WOLLASTON_1").tags
        assert {"SPECT", "IFU"} <= f2(DISPERSR="DISP_PRISM").tags
        assert not f2(DISPERSR="other").tags & {"POL", "IFU"}

    def test_old_keywords_count(self):
        assert {"IMAGE", "LS", "THRUSLIT"} <= f2(GRISM=None, GRISMPOS="Open", DECKER=None, DCKERPOS="Long_slit").tags

    def test_the_old_name_of_the_instrument(self):
        assert f2(INSTRUME="Flam").instrument == "F2"


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "default", "pretty", "with_id"),
        [
            (("Open", "H_G0803", "f/16_G5830"), "Open&H_G0803", "H", "H_G0803"),
            (("Open", "Open", "J-lo_G0801"), "Open&Open&J-lo_G0801", "J-lo", "J-lo_G0801"),
            (("H_G0803", "Open", "J-lo_G0801"), "H_G0803&Open&J-lo_G0801", "H&J-lo", "H_G0803&J-lo_G0801"),
            (("HK_G0806_good", "Open", "f/16_G5830"), "HK_G0806_good&Open", "HK", "HK_G0806"),
            (("Block", "Open", "f/16_G5830"), "Block&Open", "blank", "blank"),
            (("Block", "DK_G0807", "f/16_G5830"), "Block&DK_G0807", "dark", "dark"),
            (("open", "Open", "Undefined"), "open&Open", "open", "open"),
            (("Get Timed Out?", "Open", "f/16_G5830"), "Get Timed Out?&Open", "Get Timed Out?", "Get Timed Out?"),
        ],
    )
    def test_three_wheels(self, filters, default, pretty, with_id):
        frame = f2(**dict(zip(("FILTER1", "FILTER2", "LYOT"), filters, strict=True)))
        assert frame("filter_name") == default
        assert frame("filter_name", pretty=True) == pretty
        assert frame("filter_name", keepID=True) == with_id

    def test_old_keywords_count(self):
        frame = f2(FILTER1=None, FILT1POS="J_G0802", FILT2POS="Open", LYOT=None, LYOTPOS="f/16_G5830")
        assert frame("filter_name", stripID=True) == "J&Open"
        assert f2(FILTER1=None)("filter_name") is None

    @pytest.mark.parametrize(
        ("changes", "camera"),
        [
            ({}, "f/16_G5830"),
            ({"LYOT": "J-lo_G0801", "FOCUS": "f/32"}, "f/32_G9999"),
            ({"LYOT": "J-lo_G0801", "FOCUS": "Undefined"}, "f/16_G5830"),
            ({"LYOT": "J-lo_G0801", "PREPARE": "2026", "PIXSCALE": 0.09}, "f/32_G9999"),
        ],
    )
    def test_the_camera_is_told_by_lyot_stop_focus_or_scale(self, changes, camera):
        assert f2(**changes)("camera") == camera
        assert f2(**changes)("camera", pretty=True) == camera[:4]

    def test_a_grism_with_its_filter(self):
        frame = f2(GRISM="JH_G5801", FILTER2="JH_G0809", MOSPOS="4pix-slit", MASKNAME="4pix-slit")
        assert frame("dispersion", asNanometers=True) == [-0.651]
        assert frame("slit_width") == pytest.approx(4 * 0.18)
        assert f2()("dispersion") is None
        assert f2()("slit_width") is None

    def test_the_central_wavelength_may_be_mended(self):
        assert f2()("central_wavelength") == 1.25e-6
        assert f2(FILTER2="JH_G0816")("central_wavelength", asMicrometers=True) == 1.3385
        assert f2(WAVELENG=-9999.0)("central_wavelength") is None
        assert f2(WAVELENG=-9999.0, GRISM="R3K_G5803")("central_wavelength", asNanometers=True) == 1250.0


class TestDetector:
    @pytest.mark.parametrize(("reads", "gain", "well"), [(1, 4.44, 35000), (4, 1.11, 140000), (6, 0.74, 209999)])
    def test_reads_are_added_up(self, reads, gain, well):
        frame = f2(LNRS=reads)
        assert frame("gain") == [pytest.approx(gain)]
        assert frame("saturation_level") == [well]
        assert frame("non_linear_level") == [int(0.72 * well)]
        assert frame("read_mode") == str(reads)
        assert nonlinearity(frame) == F2Linearity(0.9999107, -4.2854848e-08, 1.0096585e-12)

    def test_an_unknown_read_mode_has_no_detector_values(self):
        frame = f2(LNRS=3)
        assert frame("gain") == frame("read_noise") == frame("saturation_level") == frame("non_linear_level") == [None]
        assert frame("nominal_photometric_zeropoint") == [None]
        assert nonlinearity(frame) is None

    def test_raw_frames_are_three_dimensional_but_sections_are_not(self):
        frame = f2()
        assert frame.headers.shapes == ((1, 2048, 2048),)
        assert frame("array_section") == frame("data_section") == [Section(0, 2048, 0, 2048)]
        assert frame("detector_section", pretty=True) == ["[1:2048,1:2048]"]

    def test_prepared_frames_say_their_sections(self):
        frame = described(F2, F2_SCI | {"DATASEC": "[1:2048,1:2040]"}, PREPARE="2026")
        assert frame("data_section") == [Section(0, 2048, 0, 2040)]
        assert frame("array_section") == [None]

    def test_zero_points_are_for_f16(self):
        expected = 26.51 - 2.5 * math.log10(4.44)
        assert f2()("nominal_photometric_zeropoint") == [pytest.approx(expected)]


class TestPointing:
    def test_axes_are_turned(self):
        frame = f2()
        assert frame("position_angle") == 270.0
        assert (frame("telescope_x_offset"), frame("telescope_y_offset")) == (-4.0, -3.0)
        assert frame("detector_x_offset") == pytest.approx(13.0)
        assert frame("detector_y_offset") == pytest.approx(-6.5)
        assert f2(INPORT=1)("detector_y_offset") == pytest.approx(6.5)

    def test_a_corrupted_axis_leaves_no_wcs(self):
        full = {"CD1_1": 1e-7, "CD1_2": 5e-5, "CD2_1": 5e-5, "CD2_2": 1e-7}
        frame = described(F2, F2_SCI | full | {"CTYPE2": "?3"})
        assert frame("wcs_ra") is None
        assert frame("ra") == 150.0
        assert frame("pixel_scale") == 0.18


def test_frames_are_grouped_by_what_must_agree():
    section = "['[1:2048,1:2048]']"
    assert f2()("group_id") == f"GN-2026A-Q-1-2_J_f/16_G5830_30.0_1_{section}"
    assert f2(OBSTYPE="DARK")("group_id") == f"30.0_3_1_{section}"
    assert f2(**LAMP)("group_id") == f"J_f/16_G5830_30.0_GN-2026A-Q-1-2_1_{section}_F2_IMAGE_FLAT"
    assert f2(OBJECT="Twilight")("group_id") == f"J_f/16_G5830_1_{section}_F2_IMAGE_TWILIGHT"
    assert f2(GRISM="JH_G5801", DECKER="Long_slit")("group_id").endswith(f"{section}_JH_Open")
