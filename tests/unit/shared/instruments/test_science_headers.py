"""Science extensions are found whatever names the HDUs have."""

from __future__ import annotations

from nightcrew.shared.instruments import Headers, science_headers

PHU = {"NAXIS": 0}


def image(**cards):
    return {"XTENSION": "IMAGE", "NAXIS": 2, "NAXIS1": 4, "NAXIS2": 3, **cards}


def test_images_without_a_name_are_science_in_file_order():
    one, two = image(EXTVER=-1), image()
    headers = science_headers([PHU, one, two], "N20260130S0001.fits")
    assert list(headers.extensions) == [one, two]
    assert headers.shapes == ((3, 4), (3, 4))
    assert headers.filename == "N20260130S0001.fits"


def test_named_images_are_sorted_by_version():
    two, one = image(EXTNAME="SCI", EXTVER=2), image(EXTNAME="SCI", EXTVER=1)
    assert list(science_headers([PHU, two, one], "").extensions) == [one, two]


def test_a_nameless_image_comes_after_the_named():
    nameless, named = image(), image(EXTNAME="SCI", EXTVER=4)
    assert list(science_headers([PHU, nameless, named], "").extensions) == [named, nameless]


def test_planes_and_tables_beside_the_science_are_not_science():
    sci = image(EXTNAME="SCI", EXTVER=1)
    others = [image(EXTNAME="VAR", EXTVER=1), image(EXTNAME="DQ", EXTVER=1), image(EXTNAME="WHATEVER")]
    tables = [{"XTENSION": "BINTABLE", "EXTNAME": "MDF"}, {"XTENSION": "BINTABLE", "EXTNAME": "SCI", "EXTVER": 1}]
    assert list(science_headers([PHU, sci, *others, *tables], "").extensions) == [sci]


def test_an_only_hdu_with_data_is_both_primary_and_science():
    phu = {"NAXIS": 2, "NAXIS1": 4, "NAXIS2": 3}
    assert science_headers([phu], "").extensions == (phu,)


def test_an_only_hdu_without_data_has_no_science():
    assert science_headers([PHU], "").extensions == ()
    assert science_headers([], "").phu == {}


def test_a_compressed_image_is_an_image():
    packed = {"XTENSION": "BINTABLE", "ZIMAGE": True, "ZNAXIS": 2, "ZNAXIS1": 4, "ZNAXIS2": 3, "NAXIS": 2}
    assert science_headers([PHU, packed], "").shapes == ((3, 4),)


def test_shapes_may_be_given():
    assert Headers(PHU, (image(),), "", ((7, 7),)).shapes == ((7, 7),)
