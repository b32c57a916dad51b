"""Frames that no reduction can use are known by their headers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header

from nightcrew.shared.instruments import Description, complaint, describe, no_pointing
from nightcrew.shared.instruments.headers import Headers
from support.runs import f2_frame, niri_frame


def described(shapes: tuple[tuple[int, ...], ...] = ((256, 256),), **wcs: Any) -> Description:
    """Describe a raw NIRI image of the sky, the cards of its extension altered by `wcs` (None leaves one out)."""
    frame = niri_frame("N1.fits")
    header = Header(frame.planes[0].header, copy=True)
    for keyword, value in wcs.items():
        header[keyword] = value
        if value is None:
            del header[keyword]
    return describe(Headers(frame.phu, [header] * len(shapes), "N1.fits", shapes))


def test_a_frame_as_the_archive_ships_it_gives_no_cause_for_complaint() -> None:
    assert complaint(described()) is None
    assert complaint(described(((1, 256, 256),))) is None
    assert no_pointing(described()) is None


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ((), "no science extension"),
        (((256, 256), (256, 256)), "2 science extensions"),
        (((2, 256, 256),), "256 x 256 x 2 pixels"),
        (((0, 256),), "256 x 0 pixels"),
    ],
)
def test_a_frame_of_another_structure_is_named(shapes: tuple[tuple[int, ...], ...], told: str) -> None:
    wrong = complaint(described(shapes))
    assert wrong is not None
    assert wrong.startswith("N1.fits: ")
    assert told in wrong
    assert "archive" in wrong


@pytest.mark.parametrize(
    "wcs",
    [
        {"CRVAL1": None},
        {"CRVAL2": "abc"},
        {"CRPIX1": True},
        {"CD1_1": 0.0, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.0},
        {"CD1_1": "x"},
        {"CD1_1": None, "CD1_2": None, "CD2_1": None, "CD2_2": None},
    ],
)
def test_an_image_of_the_sky_without_a_place_on_it_is_named(wcs: dict[str, Any]) -> None:
    wrong = no_pointing(described(**wcs))
    assert wrong is not None
    assert wrong.startswith("N1.fits: no usable WCS")


def test_scales_of_the_axes_will_do_for_a_matrix() -> None:
    matrix = dict.fromkeys(("CD1_1", "CD1_2", "CD2_1", "CD2_2"))
    assert no_pointing(described(**matrix, CDELT1=-3e-5, CDELT2=3e-5)) is None


def test_f2_is_never_read_in_part() -> None:
    phu = f2_frame(data=np.zeros((1, 8, 8), np.int32)).phu
    assert complaint(describe(Headers(phu, [Header()], "S1.fits", ((1, 2048, 2048),)))) is None
    wrong = complaint(describe(Headers(phu, [Header()], "S1.fits", ((1, 512, 512),))))
    assert wrong == (
        "S1.fits: has 512 x 512 x 1 pixels where F2 always reads 2048 x 2048; take the file as the archive ships it"
    )
