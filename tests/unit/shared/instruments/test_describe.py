"""Every file gets a description, and every question an answer or a reason."""

from __future__ import annotations

import json
from datetime import date, time

import numpy as np
import pytest
from astropy.io.fits import Header

from nightcrew.shared.errors import FrameError
from nightcrew.shared.instruments import (
    PRETTY_CAPABLE,
    DescriptorError,
    Headers,
    Section,
    describe,
    encode,
    nonlinearity,
    parse_section,
)
from nightcrew.shared.instruments.units import convert, shortest_float32, wavelength_unit

from .headers_of import COMMON, NIRI, NIRI_SCI, described, niri


class TestInstruments:
    @pytest.mark.parametrize(
        ("name", "instrument"),
        [("NIRI", "NIRI"), ("niri", "NIRI"), ("F2", "F2"), ("GNIRS", "GNIRS"), ("GSAOI", "GSAOI"), ("GMOS-S", "GMOS")],
    )
    def test_instruments_with_rules(self, name, instrument):
        description = described(COMMON, INSTRUME=name)
        assert description.known
        assert not description.why
        assert description.instrument == instrument

    def test_there_are_85_descriptors_and_three_more_for_gmos(self):
        assert len(niri().names) == 85
        assert len(described(COMMON, INSTRUME="GMOS-N").names) == 88

    def test_another_instrument_of_gemini_has_common_tags(self):
        description = described(COMMON, INSTRUME="ALOPEKE")
        assert (description.known, description.instrument) == (False, "GEMINI")
        assert "ALOPEKE" in description.why
        assert {"GEMINI", "NORTH", "RAW"} <= description.tags
        assert description("object") == "M 67"
        assert nonlinearity(description) is None

    def test_a_file_of_another_observatory_has_none(self):
        description = describe(Headers({"INSTRUME": "FORS2", "TELESCOP": "ESO-VLT-U1"}, (), "x.fits"))
        assert (description.known, description.instrument, description.tags) == (False, "", frozenset())
        assert "FORS2" in repr(description)
        assert description.all() == {"instrument": "FORS2", "object": None, "telescope": "ESO-VLT-U1"}

    def test_headers_that_say_nothing(self):
        assert "no INSTRUME" in describe(Headers({})).why

    def test_descriptors_that_know_a_pretty_form(self):
        assert {"filter_name", "data_section", "camera"} <= PRETTY_CAPABLE["NIRI"]
        assert "gain" not in PRETTY_CAPABLE["NIRI"]
        assert niri().pretty_capable == PRETTY_CAPABLE["NIRI"]
        assert "central_wavelength" in PRETTY_CAPABLE["GMOS"]


class TestAnswers:
    def test_a_question_that_does_not_exist(self):
        with pytest.raises(DescriptorError) as error:
            niri()("colour")
        assert (error.value.name, error.value.kind, error.value.code) == ("colour", "AttributeError", "descriptor")
        assert isinstance(error.value, FrameError)

    def test_an_option_that_does_not_exist(self):
        assert encode(niri().get("gain", "none", pretty=True)) == "none"

    def test_values_are_computed_once(self):
        frame = niri()
        assert frame("data_section") is frame("data_section")
        assert frame("data_section", pretty=True) != frame("data_section")

    def test_extensions_are_counted_from_zero(self):
        with pytest.raises(IndexError, match="no extension 1"):
            niri().on(1)

    def test_a_file_without_science_still_has_the_rest(self):
        values = described(NIRI).all()
        assert encode(values["is_in_adu"]) == {"error": "AttributeError"}
        assert encode(values["wcs_ra"]) == {"error": "IndexError"}
        assert values["gain"] == []
        assert values["object"] == "M 67"

    def test_astropy_headers_will_do(self):
        phu, sci = Header(NIRI.items()), Header(NIRI_SCI.items())
        phu["GAINSET"] = None
        description = describe(Headers(phu, (sci,), "N20260130S0001.fits"))
        assert description.tags == niri().tags
        assert description("gain_setting") is None
        assert encode(description.all()) == encode(niri().all())

    def test_units_must_agree(self):
        sci = NIRI_SCI | {"BUNIT": "electron"}
        assert described(NIRI, sci)("is_in_adu") is False
        with pytest.raises(DescriptorError) as error:
            described(NIRI, NIRI_SCI, sci)("is_in_adu")
        assert error.value.kind == "ValueError"


class TestCommonDescriptors:
    """Asked of an instrument without rules of its own."""

    def ask(self, name, *extensions, **cards):
        return described({**COMMON, "INSTRUME": "ALOPEKE"}, *extensions, **cards)(name)

    @pytest.mark.parametrize(
        ("cards", "state"),
        [
            ({}, "Undefined"),
            ({"RAWPIREQ": "YES", "RAWGEMQA": "USABLE"}, "Pass"),
            ({"RAWPIREQ": "NO", "RAWGEMQA": "Usable"}, "Usable"),
            ({"RAWPIREQ": "NO", "RAWGEMQA": "BAD"}, "Fail"),
            ({"RAWPIREQ": "CHECK", "RAWGEMQA": "USABLE"}, "CHECK"),
            ({"RAWPIREQ": "yes", "RAWGEMQA": "fine"}, "yes:fine"),
        ],
    )
    def test_verdicts(self, cards, state):
        assert self.ask("qa_state", **cards) == state

    @pytest.mark.parametrize(
        ("text", "value"), [("Any", 100), ("70-percentile", 70), ("100-percentile", None), (5, None)]
    )
    def test_conditions(self, text, value):
        cards = {"RAWIQ": text, "RAWCC": text, "RAWWV": text, "RAWBG": text}
        assert [self.ask(f"raw_{name}", **cards) for name in ("iq", "cc", "wv", "bg")] == [value] * 4
        cards = {"REQIQ": text, "REQCC": text, "REQWV": text, "REQBG": text}
        assert [self.ask(f"requested_{name}", **cards) for name in ("iq", "cc", "wv", "bg")] == [value] * 4

    def test_guiding(self):
        assert self.ask("wavefront_sensor") is None
        assert self.ask("wavefront_sensor", PWFS2_ST="guiding", AOWFS_ST="guiding", GWFS1CFG="x") == "AOWFS&GEMS&PWFS2"

    @pytest.mark.parametrize(
        ("lamp", "shutter", "shines"),
        [("IRhigh", "OPEN", "IRhigh"), ("IRhigh", "CLOSED", "Off"), ("QH", "CLOSED", "QH"), ("", "OPEN", "Off")],
    )
    def test_lamps(self, lamp, shutter, shines):
        assert self.ask("gcal_lamp", GCALLAMP=lamp, GCALSHUT=shutter) == shines

    def test_numbers_that_cannot_be(self):
        assert self.ask("airmass", AIRMASS="1.5") == 1.5
        assert self.ask("airmass", AIRMASS=0.5) is None
        assert self.ask("cass_rotator_pa", CRPA=-9999.0) is None
        assert self.ask("exposure_time", EXPTIME=-1.0) is None
        assert self.ask("nominal_atmospheric_extinction", AIRMASS=None) is None

    def test_seeing_by_the_fried_parameter(self):
        assert self.ask("ao_seeing", RZEROVAL=10.0) == pytest.approx(1.0107, rel=1e-4)
        assert self.ask("ao_seeing", AOSEEING=0.5) == 0.5

    @pytest.mark.parametrize(
        ("filters", "pretty"),
        [
            (("Open", "K_G0515"), "K"),
            (("ND100X_G0510", "J_G0503"), "J"),
            (("Clear", "Open"), "open"),
            (("Dark", "Open"), "Dark&blank"),
        ],
    )
    def test_two_wheels(self, filters, pretty):
        frame = described(COMMON, INSTRUME="ALOPEKE", FILTER1=filters[0], FILTER2=filters[1])
        assert frame("filter_name") == "&".join(filters)
        assert frame("filter_name", pretty=True) == pretty
        assert described(COMMON, INSTRUME="ALOPEKE")("filter_name") is None
        assert (
            described(COMMON, INSTRUME="ALOPEKE", FILTER1="g_G0301", FILTER2="x")("filter_name", stripID=True) == "g&x"
        )

    def test_spectra_of_unknown_instruments(self):
        assert self.ask("slit_width") is None
        with pytest.raises(DescriptorError) as error:
            self.ask("slit_width", OBSMODE="ls")
        assert error.value.kind == "NotImplementedError"
        assert self.ask("dispersion", WDELTA=2e-10) == []
        assert self.ask("dispersion", {"WDELTA": 2e-10}) == [2e-10]
        assert self.ask("central_wavelength", CWAVE=2.2) == 2.2e-06
        assert self.ask("effective_wavelength") is None

    def test_prepared_spectra(self):
        assert self.ask("dispersion_axis", {"DISPAXIS": 1}) is None
        assert self.ask("dispersion_axis", {"DISPAXIS": 1}, {}, PREPARE="x") == [1, None]
        assert self.ask("mdf_row_id", {"MDFROW": 3}, PREPARE="x") == [3]
        assert self.ask("mdf_row_id", {"MDFROW": 3}) is None

    def test_keywords_of_extensions(self):
        sci = {"GAIN": 2.0, "RDNOISE": 3.0, "SATLEVEL": 4.0, "NONLINEA": 5.0, "NOMPHOTZ": 6.0, "ARRAYNAM": "a"}
        names = ("gain", "read_noise", "saturation_level", "non_linear_level", "nominal_photometric_zeropoint")
        assert [self.ask(name, sci, {}) for name in names] == [[value, None] for value in (2.0, 3.0, 4.0, 5.0, 6.0)]
        assert self.ask("array_name", sci) == ["a"]
        assert self.ask("data_section", {"DATASEC": "[1:4,1:3]"}, {}) == [Section(0, 4, 0, 3), None]
        assert self.ask("data_section", {"DATASEC": 5}) is None
        assert self.ask("amp_read_area", {"AMPROA": "[1:4,1:3]"}) == [Section(0, 4, 0, 3)]
        assert self.ask("overscan_section", {}) == [None]
        assert self.ask("pixel_scale", {"NAXIS": 1, "NAXIS1": 4}) is None

    def test_plain_keywords(self):
        plain = {"CAMERA": "camera", "DECKER": "decker", "LYOTSTOP": "lyot_stop", "PUPILMSK": "pupil_mask"}
        plain |= {"SLIT": "slit", "DETNAME": "detector_name", "READMODE": "read_mode", "RDSPDSET": "read_speed_setting"}
        plain |= {"GAINSET": "gain_setting", "WELDEPTH": "well_depth_setting", "AZIMUTH": "azimuth"}
        plain |= {"ELEVATIO": "elevation", "OBSEPOCH": "observation_epoch", "DISPERSR": "disperser"}
        plain |= {"FPMASK": "focal_plane_mask"}
        assert [self.ask(name, **{keyword: "x"}) for keyword, name in plain.items()] == ["x"] * len(plain)
        assert self.ask("group_id") == self.ask("observation_id") == "GN-2026A-Q-1-2"
        assert self.ask("calibration_key", DATALAB="GN-2026A-Q-1-2-001_stack") == "GN-2026A-Q-1-2-001"
        assert self.ask("program_id") == "GN-2026A-Q-1"
        assert self.ask("observation_class") == "science"
        assert (self.ask("instrument"), self.ask("telescope")) == ("ALOPEKE", "Gemini-North")
        assert (self.ask("binning"), self.ask("detector_roi_setting")) == ("1x1", "Fixed")
        assert self.ask("detector_rois_requested") is None
        assert (self.ask("telescope_x_offset"), self.ask("telescope_y_offset")) == (3.0, 4.0)
        assert self.ask("detector_x_offset", NIRI_SCI) == pytest.approx(10.0)
        assert self.ask("detector_y_offset", NIRI_SCI) == pytest.approx(-20.0)


class TestValues:
    @pytest.mark.parametrize(
        ("value", "encoded"),
        [
            (Section(0, 4, 0, 3), [0, 4, 0, 3]),
            ([None, 5, 5.0, True], [None, 5, 5.0, True]),
            (frozenset({"b", "a"}), ["a", "b"]),
            (date(2026, 1, 30), "2026-01-30"),
            (time(1, 2, 3), "01:02:03"),
            (float("nan"), {"nonfinite": "nan"}),
            ({"x": float("-inf")}, {"x": {"nonfinite": "-inf"}}),
            (np.float32(0.5), 0.5),
            (DescriptorError("gain", "KeyError"), {"error": "KeyError"}),
            (complex(1, 2), "(1+2j)"),
        ],
    )
    def test_json(self, value, encoded):
        assert encode(value) == encoded
        json.dumps(encode(value), allow_nan=False)

    def test_sections_are_read_and_written_as_in_headers(self):
        section = parse_section("[1:1024, 3:1022]")
        assert section == Section(0, 1024, 2, 1022)
        assert section.pretty == "[1:1024,3:1022]"
        with pytest.raises(ValueError, match="not a section"):
            parse_section("[1:1024]")

    def test_wavelengths_keep_the_digits_that_a_float32_has(self):
        assert convert([2200.0, None], 1e-9, 1.0) == [2.2e-06, None]
        assert shortest_float32(1 / 3) == float(str(np.float32(1 / 3)))
        assert wavelength_unit(as_micrometers=True, as_nanometers=True, as_angstroms=False) == 1.0
