"""GNIRS, GSAOI and GMOS frames are what their headers say."""

from __future__ import annotations

import math

import pytest

from nightcrew.shared.instruments import DescriptorError

from .headers_of import COMMON, WCS, Cards, described

GNIRS: Cards = {
    **COMMON, **WCS, "INSTRUME": "GNIRS", "ACQMIR": "Out", "SLIT": "0.30arcsec_G5530", "DECKER": "SCLong_G5531",
    "GRATING": "32/mmSB_G5533", "PRISM": "MIR_G5537", "CAMERA": "ShortBlue_G5540", "FILTER1": "Open",
    "FILTER2": "H_G0516", "GRATWAVE": 1.65, "ARRAYID": "SN7638228.1.2", "LNRS": 1, "NDAVGS": 16, "DETBIAS": -0.3,
    "COADDS": 1,
}  # fmt: skip
IMAGE: Cards = {"NAXIS": 2, "NAXIS1": 1024, "NAXIS2": 1022}

GSAOI: Cards = {**COMMON, "INSTRUME": "GSAOI", "FILTER1": "Open", "FILTER2": "J_G1102", "LNRS": 2, "DETECTOR": "GSAOI"}
ARRAY: Cards = {
    **WCS, "NAXIS": 2, "NAXIS1": 2048, "NAXIS2": 2048, "ARRAYID": "H2RG-032-074", "CCDSEC": "[1:2048,1:2048]",
}  # fmt: skip

GMOS: Cards = {
    **COMMON, "INSTRUME": "GMOS-S", "DETTYPE": "S10892", "DETECTOR": "GMOS + Hamamatsu_new", "DETID": "BI5-36-4k-2",
    "AMPINTEG": 11880, "GRATING": "MIRROR", "MASKTYP": 0, "MASKNAME": "None", "FILTER1": "open1-6",
    "FILTER2": "r_G0326", "DATE-OBS": "2018-10-16",
    "DETRO1X": 1, "DETRO1XS": 6144, "DETRO1Y": 1, "DETRO1YS": 4224,
}  # fmt: skip
AMP: Cards = {
    **WCS, "NAXIS": 2, "NAXIS1": 512, "NAXIS2": 4224, "AMPNAME": "BI5-36-4k-2, 4", "CCDNAME": "BI5-36-4k-2",
    "CCDSUM": "1 1", "GAIN": 2.0, "DETSEC": "[1:512,1:4224]", "CCDSEC": "[1:512,1:4224]",
}  # fmt: skip


def gnirs(**changes):
    return described(GNIRS, IMAGE, **changes)


def gsaoi(**changes):
    return described(GSAOI, ARRAY, ARRAY | {"ARRAYID": "H2RG-032-061"}, **changes)


def gmos(*amps, **changes):
    return described(GMOS, *(amps or (AMP, AMP)), **changes)


class TestGnirs:
    def test_modes(self):
        assert {"SPECT", "LS"} <= gnirs().tags
        assert {"SPECT", "XD"} <= gnirs(PRISM="SB+SXD_G5536").tags
        assert {"SPECT", "IFU"} <= gnirs(SLIT="LR-IFU").tags
        assert "IMAGE" in gnirs(ACQMIR="In", SLIT="Acq_G5530").tags
        assert "THRUSLIT" not in gnirs(ACQMIR="In", SLIT="Acq_G5530").tags
        assert {"IMAGE", "THRUSLIT", "LS"} <= gnirs(ACQMIR="In").tags

    def test_pinholes_are_no_flats(self):
        tags = gnirs(OBSTYPE="FLAT", SLIT="SmPinholes_G5530", GCALLAMP="QHlamp", GCALSHUT="CLOSED").tags
        assert {"PINHOLE", "CAL"} <= tags
        assert not tags & {"FLAT", "GCALFLAT", "LAMPOFF"}
        assert "FLAT" in gnirs(OBSTYPE="FLAT").tags

    def test_dispersers_and_masks(self):
        assert gnirs()("disperser", pretty=True) == "32/mm"
        assert gnirs(PRISM="SB+SXD_G5536")("disperser") == "32/mm_G5533&SXD_G5536"
        assert gnirs(PRISM=None)("disperser") is None
        assert gnirs(ACQMIR="In")("disperser") == "MIRROR"
        assert gnirs()("focal_plane_mask", pretty=True) == "0.30arcsec"
        assert gnirs(DECKER="SCXD_G5531")("focal_plane_mask", pretty=True) == "0.30arcsecXD"
        assert gnirs(SLIT="Acquisition", DECKER="Acquisition")("focal_plane_mask", pretty=True) == "Acq"
        assert gnirs(SLIT="IFU", DECKER="other")("focal_plane_mask", pretty=True) == "IFU&other"
        assert gnirs(SLIT=None)("focal_plane_mask") is gnirs(SLIT=None)("slit") is None
        assert gnirs()("slit_width") == 0.3
        assert gnirs()("dispersion", asNanometers=True) == [-0.482]
        assert gnirs(FILTER2="XD_G0526")("dispersion", asNanometers=True) == [-0.482]
        assert gnirs(CAMERA="LongRed_G5543")("dispersion") is None

    def test_the_detector_is_known_by_its_array(self):
        frame = gnirs(COADDS=4)
        assert frame("read_mode") == "Bright Objects"
        assert frame("gain") == [13.5]
        assert frame("read_noise") == [60.0]
        assert frame("saturation_level") == [int(91000 * 4 / 13.5)]
        assert frame("non_linear_level") == [int(0.96 * int(91000 * 4 / 13.5))]
        assert frame("nominal_photometric_zeropoint") == [None]
        assert gnirs(READMODE="Faint Objects")("read_noise") == [10.0]
        assert gnirs(CONID="ARC-III", ARRAYID="SN7638228.1.3")("array_name") == ["SN7638228.1.3+ARC-III"]

    def test_an_unknown_array_has_no_detector_values(self):
        frame = gnirs(ARRAYID="new")
        assert frame("gain") == frame("read_noise") == [None]
        assert frame("saturation_level") is frame("non_linear_level") is None

    def test_wells(self):
        assert [gnirs(DETBIAS=bias)("well_depth_setting") for bias in (-0.3, -0.6, 2.0)] == [
            "Shallow",
            "Deep",
            "Unknown",
        ]
        assert gnirs(DETBIAS=None)("well_depth_setting") is None

    def test_geometry(self):
        frame = gnirs(INPORT=1)
        assert frame("pixel_scale") == 0.1517
        assert frame("detector_section", pretty=True) == ["[1:1024,1:1022]"]
        assert described(GNIRS, IMAGE | {"DETSEC": "[1:10,1:20]"})("array_section", pretty=True) == ["[1:10,1:20]"]
        assert frame("detector_x_offset") == pytest.approx(2.34 / 0.1517)
        assert frame("detector_y_offset") == pytest.approx(-1.17 / 0.1517)
        assert frame("dispersion_axis") == [2]
        assert gnirs(CAMERA=None)("pixel_scale") is None
        with pytest.raises(DescriptorError) as error:
            gnirs(CAMERA="new")("pixel_scale")
        assert error.value.kind == "ValueError"

    def test_a_wcs_far_from_the_target_is_not_trusted(self):
        assert gnirs()("ra") == 150.0
        assert gnirs(RA=10.0)("ra") == pytest.approx(10.0, abs=1e-4)
        assert gnirs(DEC=-30.0)("dec") == pytest.approx(-30.0, abs=1e-4)
        assert gnirs(RA=10.0, DEC=-9999.0)("ra") == 150.0
        lost = gnirs(CTYPE1="?", CTYPE2="?", CD1_2=1e-5)
        assert (lost("ra"), lost("dec")) == (150.0, 20.0)

    def test_groups(self):
        assert gnirs()("group_id").startswith("GN-2026A-Q-1-2_H_ShortBlue_G5540_Bright Objects_Shallow_")
        assert gnirs(OBSTYPE="DARK")("group_id").startswith("Bright Objects_10.0_1_Shallow_")
        flat = gnirs(OBSTYPE="FLAT", ACQMIR="In", SLIT="Acq_G5530")
        assert flat("group_id").endswith("_GNIRS_IMAGE_FLAT")

    def test_prism_motor(self):
        from nightcrew.shared.instruments.gnirs import Gnirs

        assert Gnirs(gnirs(PRSM_ENG="12").headers).prism_motor_steps() == 12
        assert Gnirs(gnirs().headers).prism_motor_steps() is None


class TestGsaoi:
    def test_flats_are_told_by_the_name_of_the_object(self):
        assert gsaoi().tags >= {"GSAOI", "IMAGE"}
        assert {"FLAT", "DOMEFLAT", "LAMPON", "CAL"} <= gsaoi(OBJECT="Domeflat").tags
        assert {"FLAT", "DOMEFLAT", "LAMPOFF"} <= gsaoi(OBJECT="Domeflat OFF").tags
        assert {"FLAT", "TWILIGHT"} <= gsaoi(OBJECT="Twilight", OBSTYPE="FLAT").tags
        assert "IMAGE" not in gsaoi(OBSTYPE="DARK").tags

    def test_each_array_has_its_values(self):
        frame = gsaoi(COADDS=4)
        assert frame("exposure_time") == 10.0
        assert frame("gain") == [2.434, 2.644]
        assert frame("read_noise") == [13.27, 16.13]
        assert frame("saturation_level") == [52400.0, 52300.0]
        assert frame("non_linear_level") == [pytest.approx(38252.0), pytest.approx(39225.0)]
        assert frame("nominal_photometric_zeropoint")[1] == pytest.approx(26.727 - 2.5 * math.log10(2.644))
        assert frame("array_section", pretty=True) == ["[1:2048,1:2048]"] * 2
        assert described(GSAOI, {})("array_name") == [frame("detector_name")] == ["GSAOI"]
        assert gsaoi(LNRS=3)("gain") == [None, None]

    def test_coordinates_are_plain(self):
        frame = gsaoi(RATRACK=1.0)
        assert (frame("wcs_ra"), frame("wcs_dec")) == (150.0, 20.0)
        assert frame.on(0).get("wcs_ra", "TypeError") == "TypeError"
        assert described(GSAOI, ARRAY | {"CTYPE1": "LINEAR"})("wcs_ra") is None
        assert described(GSAOI, {"NAXIS": 2})("wcs_ra") is None
        assert frame("detector_y_offset") == pytest.approx(20.0)

    def test_groups(self):
        assert gsaoi()("group_id").startswith("GN-2026A-Q-1-2_J_10.0_None_")
        assert gsaoi(OBSTYPE="FLAT")("group_id").startswith("J_10.0_GN-2026A-Q-1_None_")


class TestGmos:
    def test_modes(self):
        assert "IMAGE" in gmos().tags
        assert {"IMAGE", "THRUSLIT"} <= gmos(MASKTYP=1, MASKNAME="1.0arcsec").tags
        grating = {"GRATING": "B600+_G5323"}
        assert {"SPECT", "LS"} <= gmos(**grating, MASKTYP=1, MASKNAME="1.0arcsec").tags
        assert {"SPECT", "MOS"} <= gmos(**grating, MASKTYP=1, MASKNAME="GS2015A").tags
        assert {"SPECT", "IFU", "TWOSLIT"} <= gmos(**grating, MASKTYP=-1, MASKNAME="IFU-2").tags
        assert {"IFU", "ONESLIT_RED"} <= gmos(**grating, MASKTYP=-1, MASKNAME="gsifu_slitr_mdf").tags
        assert "IFU" not in gmos(**grating, MASKTYP=-1, MASKNAME="other").tags

    def test_calibrations(self):
        assert {"BIAS", "CAL"} <= gmos(OBSTYPE="BIAS").tags
        assert "IMAGE" not in gmos(OBSTYPE="DARK").tags
        flat = gmos(OBSTYPE="FLAT", GCALLAMP="QH", GCALSHUT="OPEN").tags
        assert {"FLAT", "GCALFLAT"} <= flat
        assert "LAMPON" not in flat
        assert "FLAT" not in gmos(OBSTYPE="FLAT", FILTER1="HartmannA").tags
        assert {"TWILIGHT", "FLAT"} <= gmos(OBJECT="Twilight").tags
        spectrum = {"GRATING": "B600+_G5323", "MASKTYP": 1, "MASKNAME": "1.0arcsec"}
        assert "SLITILLUM" in gmos(OBJECT="Twilight", **spectrum).tags
        assert "DOMEFLAT" in gmos(OBJECT="Domeflat").tags
        assert {"STANDARD", "PROCESSED"} <= gmos(SENSFUNC="x").tags
        assert "NODANDSHUFFLE" in gmos(NODPIX=56).tags

    def test_amplifiers_by_epoch(self):
        assert gmos()("gain") == [1.834, 1.834]
        assert gmos(**{"DATE-OBS": "2010-01-01"})("gain") == [1.626, 1.626]
        assert gmos(**{"DATE-OBS": "2017-02-24"})("read_noise") == [4.04, 4.04]
        assert gmos(AMP | {"AMPNAME": "new"})("gain") == [None]
        assert gmos(filename="x.fits", **{"DATE-OBS": None})("gain") == [None, None]

    def test_read_modes(self):
        assert gmos()("read_mode") == "Normal"
        assert gmos(AMP | {"GAIN": 5.0}, AMPINTEG=1000)("read_mode") == "Bright"
        assert gmos(AMPINTEG=None)("read_speed_setting") is None
        assert gmos(DETTYPE="new").get("read_mode", "AttributeError") == "AttributeError"

    def test_gain_settings_of_prepared_files(self):
        prepared = {"PREPARE": "x"}
        assert gmos(AMP | {"GAINSET": "high"}, **prepared)("gain_setting") == "high"
        assert gmos(AMP | {"GAINORIG": 5.0}, **prepared)("gain_setting") == "high"
        assert gmos(AMP | {"GAINORIG": 1.0, "GAINMULT": 4.0}, **prepared)("gain_setting") == "high"
        assert gmos(AMP, **prepared)("gain_setting") == "low"
        assert gmos(AMP, AMP | {"GAIN": 5.0}, AMP | {"GAIN": None})("gain_setting") is None

    def test_binning(self):
        frame = gmos(AMP | {"CCDSUM": "4 2"})
        assert (frame("detector_x_bin"), frame("detector_y_bin"), frame("binning")) == (4, 2, "4x2")
        assert frame("pixel_scale") == 0.16
        assert gmos(AMP, AMP | {"CCDSUM": "2 2"})("detector_x_bin") is None
        assert gmos(AMP, AMP | {"CCDSUM": "2 2"})("pixel_scale") is None

    def test_regions(self):
        assert gmos()("detector_roi_setting") == "Full Frame"
        assert gmos(DETRO1X=7)("detector_roi_setting") == "Custom"
        assert gmos(DETRO1X=0)("detector_roi_setting") == "Undefined"
        assert gmos()("amp_read_area") == ["'BI5-36-4k-2, 4':[1:512,1:4224]"] * 2

    def test_saturation_is_the_well_or_the_converter(self):
        assert gmos()("saturation_level") == [pytest.approx(118871 / 1.834)] * 2
        assert gmos(AMP | {"CCDSUM": "2 2"})("non_linear_level") == [65535.0]
        assert gmos(AMP | {"AMPNAME": "new"})("saturation_level") == [None]
        subtracted = gmos(AMP | {"CCDSUM": "2 2", "OVERSCAN": 535.0})
        assert subtracted("saturation_level") == [65000.0]
        assert subtracted.on(0)("saturation_level") == pytest.approx(65000.0)
        assert gmos(AMP | {"CCDSUM": "2 2"}, DARKIM="x")("saturation_level") == [65535.0 - 730.0]
        electrons = gmos(AMP | {"CCDSUM": "2 2", "BUNIT": "electron"})
        assert electrons("saturation_level") == [pytest.approx(65535 * 1.834)]

    def test_gratings(self):
        cards = {"GRATING": "B600+_G5323", "CENTWAVE": 492.04, "MASKTYP": 1, "MASKNAME": "NS1.0arcsec"}
        frame = gmos(**cards, PREPARE="x")
        assert frame("disperser", pretty=True) == "B600"
        assert frame("central_wavelength", asNanometers=True, pretty=True) == 492.0
        assert frame("dispersion", asNanometers=True) == [pytest.approx(-0.050424, rel=1e-4)] * 2
        assert frame("slit_width") == 1.0
        assert frame("dispersion_axis") == [1, 1]
        assert frame("group_id").endswith("_B600")
        assert gmos()("dispersion") is None
        assert gmos(GRATING="B600+_G5323").get("dispersion", "TypeError") == "TypeError"

    def test_nod_and_shuffle(self):
        frame = gmos(NODPIX=56, ANODCNT=10, BNODCNT=9, NODAYOFF=-1.0, NODBYOFF=1.0)
        assert [frame(name) for name in ("nod_count", "nod_offsets", "shuffle_pixels")] == [(10, 9), (1.0, -1.0), 56]
        assert [gmos()(name) for name in ("nod_count", "nod_offsets", "shuffle_pixels")] == [None] * 3

    def test_names(self):
        frame = gmos()
        assert frame("instrument") == frame("camera") == "GMOS-S"
        assert frame("instrument", generic=True) == "GMOS"
        assert (frame("detector_name"), frame("detector_name", pretty=True)) == ("BI5-36-4k-2", "Hamamatsu-S")
        assert frame("focal_plane_mask") == "Imaging"
        assert frame("exposure_time") == 10.0
        assert gmos(EXPTIME=20000.0)("exposure_time") is None
        assert frame("overscan_section") == [None, None]
        assert frame("array_section", pretty=True) == ["[1:512,1:4224]"] * 2
        assert frame("nominal_photometric_zeropoint") == [pytest.approx(28.244 - 2.5 * math.log10(1.834))] * 2

    def test_offsets_depend_on_telescope_and_port(self):
        assert gmos(INPORT=1)("detector_x_offset") == pytest.approx(1.17 / 0.08)
        assert gmos(INPORT=1)("detector_y_offset") == pytest.approx(2.34 / 0.08)

    @pytest.mark.parametrize(
        ("changes", "start"),
        [
            ({"OBSTYPE": "BIAS"}, "1_1_Normal"),
            ({"OBSTYPE": "DARK"}, "10.0_1_1_Normal"),
            ({"OBSTYPE": "FLAT"}, "r_1_1_Normal"),
            ({"OBSTYPE": "ARC", "GRATING": "B600", "CENTWAVE": 492.04}, "r_4.92e-07_1_1"),
            ({"SENSFUNC": "x", "GRATING": "B600", "CENTWAVE": 492.0}, "GN-2026A-Q-1-2_r_4.92e-07_1_1"),
            ({}, "GN-2026A-Q-1-2_r_1_1_Normal"),
        ],
    )
    def test_groups(self, changes, start):
        assert gmos(**changes)("group_id").startswith(start)
