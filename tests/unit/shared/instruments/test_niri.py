"""NIRI frames are what their headers say."""

from __future__ import annotations

import math

import pytest

from nightcrew.shared.instruments import DescriptorError, NiriLinearity, Section, encode, nonlinearity

from .headers_of import LAMP, NIRI, NIRI_SCI, described, niri


class TestTags:
    def test_a_science_image(self):
        assert niri().tags == {"GEMINI", "NIRI", "NORTH", "IMAGE", "SIDEREAL", "RAW", "UNPREPARED"}

    def test_a_dark_has_no_mode(self):
        tags = niri(OBSTYPE="DARK", FILTER2="blank").tags
        assert {"DARK", "CAL"} <= tags
        assert not tags & {"IMAGE", "SPECT"}

    def test_a_lamp_on_flat(self):
        tags = niri(**LAMP).tags
        assert {"IMAGE", "FLAT", "CAL", "GCALFLAT", "GCAL_IR_ON", "LAMPON"} <= tags
        assert "LAMPOFF" not in tags

    def test_a_lamp_off_flat_has_the_lamp_on_behind_a_closed_shutter(self):
        tags = niri(**LAMP | {"GCALSHUT": "CLOSED"}).tags
        assert {"FLAT", "GCALFLAT", "GCAL_IR_OFF", "LAMPOFF"} <= tags
        assert "LAMPON" not in tags

    def test_a_lamp_off_flat_without_any_lamp(self):
        tags = niri(**LAMP | {"GCALLAMP": "No Value", "GCALSHUT": "CLOSED"}).tags
        assert {"FLAT", "LAMPOFF"} <= tags
        assert "GCALFLAT" not in tags

    def test_a_processed_flat_keeps_the_lamp_but_not_its_state(self):
        tags = niri(**LAMP, PREPARE="2026", PROCFLAT="2026", **{"GEM-TLM": "2026"}).tags
        assert {"PROCESSED", "PREPARED", "GCALFLAT", "FLAT"} <= tags
        assert not tags & {"RAW", "UNPREPARED", "LAMPON", "GCAL_IR_ON"}

    def test_a_twilight_is_a_flat(self):
        assert {"TWILIGHT", "FLAT", "CAL", "IMAGE"} <= niri(OBJECT="Twilight").tags

    def test_a_dark_named_twilight_is_a_dark_only(self):
        assert "TWILIGHT" not in niri(OBJECT="Twilight", OBSTYPE="DARK").tags

    def test_a_grism_makes_a_spectrum(self):
        tags = niri(FILTER3="Kgrism_G5204", OBSTYPE="ARC").tags
        assert {"SPECT", "LS", "ARC"} <= tags
        assert "CAL" not in tags

    def test_a_bad_pixel_mask_is_nothing_else(self):
        tags = niri(**LAMP, BPMASK="yes").tags
        assert {"BPM", "CAL", "PROCESSED"} <= tags
        assert not tags & {"IMAGE", "GCALFLAT", "LAMPON"}

    def test_day_calibrations_stand_at_the_zenith(self):
        tags = niri(FRAME="AZEL_TOPO", RATRACK=None, AIRMASS=1.0).tags
        assert {"AZEL_TARGET", "AT_ZENITH", "NON_SIDEREAL"} <= tags

    def test_products_are_told_by_their_time_stamps(self):
        tags = niri(
            PROCSCI="x", PREPARE="x", TRIMOVER="x", SUBOVER="x", GIFRINGE="x", EXTRACT="x", PROCTELL=True, OBSMODE="ifu"
        ).tags
        assert tags >= {"PROCESSED_SCIENCE", "PROCESSED", "OVERSCAN_TRIMMED", "OVERSCAN_SUBTRACTED", "FRINGE"}
        assert tags >= {"EXTRACTED", "TELLURIC", "CAL", "IFU", "SPECT"}
        assert "RAW" not in tags


class TestFilters:
    @pytest.mark.parametrize(
        ("wheels", "pretty"),
        [
            (("open", "J_G0202", "open"), "J"),
            (("PK50_G0201", "open", "Jcon(112)_G0235"), "Jcon(112)"),
            (("H2v=1-0S1_G0216", "K_G0204", "Pupil38_G5207"), "H2 1-0 S1"),
            (("H2v=1-0s1_G0216", "K_G0204", "Pupil38_G5207"), "H2v=1-0s1&K"),
            (("Ksort_G0211", "blank", "Kgrism_G5204"), "blank"),
            (("open", "open", None), "open"),
        ],
    )
    def test_wheels_are_called_as_observers_do(self, wheels, pretty):
        filters = dict(zip(("FILTER1", "FILTER2", "FILTER3"), wheels, strict=True))
        assert niri(**filters)("filter_name", pretty=True) == pretty

    def test_identifiers_stay_unless_stripped(self):
        frame = niri(FILTER1="PK50_G0201", FILTER2="FeII_G0212")
        assert frame("filter_name") == "FeII_G0212&PK50_G0201"
        assert frame("filter_name", stripID=True) == "FeII&PK50"

    def test_images_have_the_wavelength_of_their_filter(self):
        frame = niri()
        assert frame("effective_wavelength") == pytest.approx(1.25e-6)
        assert frame("effective_wavelength", output_units="micrometers") == pytest.approx(1.25)
        assert frame("wavelength_band") == "J"
        assert frame("central_wavelength") is None
        assert frame("dispersion") is None

    def test_spectra_have_that_of_their_grism(self):
        frame = niri(FILTER3="Kgrism_G5204", FPMASK="f6-6pix_G5223")
        assert frame("central_wavelength", asNanometers=True) == 2263.0
        assert frame("effective_wavelength") == pytest.approx(2.263e-6)
        assert frame("dispersion") == [-7.086e-10]
        assert frame("slit_width") == pytest.approx(0.7)
        assert frame("disperser", pretty=True) == "Kgrism"

    def test_what_the_third_wheel_does_not_hold_is_a_mirror(self):
        assert niri()("disperser") == "MIRROR"
        assert niri()("pupil_mask") == "MIRROR"
        assert niri(FILTER3="pupil38_G5207")("pupil_mask", pretty=True) == "pupil38"
        with pytest.raises(DescriptorError) as error:
            niri(FILTER3=5)("disperser")
        assert error.value.kind == "TypeError"
        assert niri(FILTER3=None)("pupil_mask") is None


class TestDetector:
    def test_a_frame_of_three_coadds(self):
        frame = niri()
        assert frame("exposure_time") == 30.0
        assert frame("gain") == [12.3]
        assert frame("read_mode") == "Medium Background"
        assert frame("read_noise") == [35.0 * math.sqrt(3)]
        assert frame("well_depth_setting") == "Shallow"
        assert frame("saturation_level") == [48780]
        assert frame("non_linear_level") == [34146]
        assert frame("nominal_photometric_zeropoint") == [pytest.approx(26.69 - 2.5 * math.log10(12.3))]

    def test_a_deep_well(self):
        assert niri(A_VDET=-2.53, COADDS=1)("saturation_level") == [22764]

    def test_an_unknown_well_depth_has_no_saturation(self):
        frame = niri(A_VDET=None)
        assert frame("well_depth_setting") == "Unknown"
        assert frame("saturation_level") == frame("non_linear_level") == [None]
        assert niri(A_VDET=0.0)("well_depth_setting") == "Unknown"

    def test_an_unknown_read_mode_counts_as_medium_background(self):
        assert niri(LNRS=7, COADDS=1)("read_noise") == [35.0]

    def test_a_voltage_written_as_text_fails_but_loses_nothing_else(self):
        frame = niri(A_VDET="-2.602")
        with pytest.raises(DescriptorError, match=r"N20260130S0001\.fits: no answer for well_depth_setting"):
            frame("well_depth_setting")
        assert frame.get("saturation_level", "no idea") == "no idea"
        values = frame.all()
        assert encode(values["group_id"]) == {"error": "TypeError"}
        assert values["gain"] == [12.3]

    def test_prepared_keywords_win(self):
        sci = NIRI_SCI | {"GAIN": 1.0, "RDNOISE": 60.0, "SATLEVEL": 99.5, "NONLINEA": 70.0}
        frame = described(NIRI, sci, PREPARE="2026")
        assert [frame(name) for name in ("gain", "read_noise", "saturation_level", "non_linear_level")] == [
            [1.0], [60.0], [99.5], [70.0],
        ]  # fmt: skip
        assert frame("exposure_time") == 10.0

    def test_a_sub_array_lies_about_the_centre(self):
        sci = NIRI_SCI | {"NAXIS1": 256, "NAXIS2": 256, "HIROW": 255, "HICOL": 255}
        frame = described(NIRI, sci)
        assert frame("array_section") == [Section(384, 640, 384, 640)]
        assert frame("detector_section", pretty=True) == ["[385:640,385:640]"]
        assert frame("data_section") == [Section(0, 256, 0, 256)]
        assert frame("detector_roi_setting") == "Central256"

    def test_an_odd_sub_array_is_custom(self):
        sci = NIRI_SCI | {"NAXIS1": 255, "HIROW": None}
        frame = described(NIRI, sci)
        assert frame("array_section") is None
        assert frame("detector_roi_setting") == "Custom"

    def test_a_single_extension_gives_bare_values(self):
        first = niri().on(0)
        assert first("gain") == 12.3
        assert first("data_section") == Section(0, 1024, 0, 1024)
        assert str(first("data_section")) == "Section(x1=0, x2=1024, y1=0, y2=1024)"
        assert first.tags == niri().tags

    def test_linearity_depends_on_mode_size_and_well(self):
        assert nonlinearity(niri()) == NiriLinearity(147600.0, 0.09442515154, 2.787629143e-07, 3.178236042e-12)
        assert nonlinearity(niri(A_VDET=-2.53)) is None
        assert nonlinearity(described(NIRI)) is None


class TestPointing:
    def test_offsets_are_in_pixels(self):
        frame = niri()
        assert frame("pixel_scale") == pytest.approx(0.117)
        assert frame("detector_x_offset") == pytest.approx(10.0)
        assert frame("detector_y_offset") == pytest.approx(20.0)
        assert niri(POFFSET=None)("detector_x_offset") is None

    def test_the_up_looking_port_mirrors_x_unless_adaptive_optics_do_too(self):
        assert niri(INPORT=1)("detector_x_offset") == pytest.approx(-10.0)
        assert niri(INPORT=1, AOFOLD="IN")("detector_x_offset") == pytest.approx(10.0)

    def test_the_wcs_tells_where_the_field_is(self):
        assert (niri()("ra"), niri()("dec")) == (150.0, 20.0)

    def test_a_wcs_is_taken_from_the_primary_header_if_the_extension_has_none(self):
        bare = {"NAXIS": 2, "NAXIS1": 1024, "NAXIS2": 1024}
        frame = described(
            NIRI | {"CRVAL1": 99.0, **{k: v for k, v in NIRI_SCI.items() if k[:2] in ("CT", "CD", "CR")}}, bare
        )
        assert frame("ra") == 150.0

    def test_without_a_wcs_the_target_is_the_field(self):
        frame = described(NIRI, {"NAXIS": 2, "NAXIS1": 1024, "NAXIS2": 1024}, RA="12:30:00", DEC="-01:30:00")
        assert (frame("wcs_ra"), frame("ra"), frame("dec")) == (None, 187.5, -1.5)
        assert frame("pixel_scale") is None


def test_frames_are_grouped_by_what_must_agree():
    section = "['[1:1024,1:1024]']"
    assert niri()("group_id") == f"GN-2026A-Q-1-2_J_f6_Medium Background_Shallow_{section}"
    assert niri(OBSTYPE="DARK")("group_id") == f"30.0_3_Medium Background_Shallow_{section}"
    assert niri(**LAMP)("group_id").endswith(f"{section}_NIRI_IMAGE_FLAT")
    assert niri(OBJECT="Twilight")("group_id").endswith("_NIRI_IMAGE_TWILIGHT")
    spectrum = niri(FILTER3="Kgrism_G5204", FPMASK="f6-6pix_G5223")
    assert spectrum("group_id").endswith(f"{section}_Kgrism_f6-6pix")
