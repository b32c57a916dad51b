"""Real headers, and the reference's products."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.shared.fits import open_frame, read_headers, verify, write_frame
from support.reference import require_reference

pytestmark = pytest.mark.reference

ARRAYS = {"SCI": "data", "VAR": "variance", "DQ": "dq", "OBJMASK": "objmask"}


@pytest.mark.parametrize(
    "name",
    [
        "niri256/raw/N20160102S0270.fits.bz2",
        "niri256/reference/N20160102S0271_image.fits",
        "niri256/reference/N20160102S0373_bpm.fits",
        "niri256/steps/sci/N20160102S0277_sourcesDetected.fits.bz2",
    ],
)
def test_products_of_the_reference_are_read_and_written_again(tmp_path, name):
    path = require_reference("golden", name)
    frame = open_frame(path)
    assert verify(path).ok
    write_frame(frame, tmp_path / "ours.fits")
    assert verify(tmp_path / "ours.fits").ok
    with fits.open(path) as theirs, fits.open(tmp_path / "ours.fits", checksum=True) as ours:
        ours.verify("exception")
        for extname, array in ARRAYS.items():
            assert frame.planes[0].has(array) == (extname in theirs or extname == "SCI")
            if extname in theirs:
                np.testing.assert_array_equal(getattr(frame.planes[0], array), theirs[extname].data)
                np.testing.assert_array_equal(ours[extname].data, theirs[extname].data)
        for hdu in theirs[1:]:
            if isinstance(hdu, fits.BinTableHDU):
                for column in hdu.columns.names:
                    np.testing.assert_array_equal(ours[hdu.name].data[column], hdu.data[column])


def test_headers_of_every_instrument_are_read_without_loss():
    dumps = sorted(require_reference("headers").glob("*/*.hdr"))
    assert len(dumps) > 100
    for dump in dumps:
        for lines in hdus_of(dump)[:2]:
            check(lines)


def hdus_of(dump: Path) -> list[list[str]]:
    """Return the cards of each HDU of a dump: runs of 80-character lines that begin one."""
    found: list[list[str]] = []
    for line in dump.read_text(encoding="latin-1").splitlines():
        if line.startswith(("SIMPLE  =", "XTENSION=")):
            found.append([])
        if found and len(line) == 80 and not line.startswith(("--", "END ")):
            found[-1].append(line)
    return found


def check(lines: list[str]) -> None:
    from nightcrew.shared.fits import cards

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = cards.parse("".join(lines).encode("latin-1"))
        values = list(header.values())
    assert len(values) == len(header.cards)
    assert cards.images(header) == lines


def test_a_real_header_survives_the_disk(tmp_path):
    lines = hdus_of(require_reference("headers", "NIRI", "N20120118S0441.hdr"))
    path = tmp_path / "N20120118S0441.fits"
    header = fits.Header.fromstring("".join(lines[0]))
    fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(np.zeros((4, 4), "f4"))]).writeto(path)
    assert read_headers(path)[0]["INSTRUME"] == "NIRI"
    assert len(open_frame(path).planes) == 1
