"""Small files to read, and frames to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.shared.frames import Frame, HistoryRow, Plane, ProvenanceRow, Table


@pytest.fixture(scope="session")
def product() -> Frame:
    """A small product with everything a frame can hold, in two extensions."""
    rng = np.random.default_rng(3)
    planes = []
    for number in (1, 2):
        header = fits.Header(
            [("GAIN", 12.3, "e/ADU"), ("NOTHING", fits.card.Undefined(), "no value"), ("EXTVER", number)]
        )
        shape = (7, 5)
        planes.append(
            Plane(
                header,
                rng.normal(size=shape).astype("f4"),
                rng.random(shape).astype("f4"),
                rng.integers(0, 65536, shape).astype("u2"),
                rng.integers(0, 2, shape).astype("u1"),
                Table(
                    np.array([(number, 1.5, "a star")], [("NUMBER", "i4"), ("X", "f8"), ("NAME", "U10")]),
                    {"X": "pixel"},
                ),
            )
        )
    phu = fits.Header(
        [("INSTRUME", "NIRI", "Instrument"), ("PROCSOFT", "nightcrew"), ("ORIGNAME", "N20160102S0270.fits")]
    )
    phu["HISTORY"] = "made by hand"
    refcat = Table(np.array([(10.5,), (11.5,)], [("RAJ2000", "f8")]), {"RAJ2000": "deg"})
    return Frame(
        phu,
        planes,
        "N20160102S0270_image.fits",
        tables={"REFCAT": refcat},
        provenance=[ProvenanceRow("2016-01-02T03:04:05.000001", "N20160102S0270.fits", "0" * 32, "prepare")],
        history=[HistoryRow("prepare", '{"suffix": "_prepared"}', "2016-01-02T03:04:05", "2016-01-02T03:04:06")],
    )


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A raw frame as NIRI writes it: a primary header, and an extension without a name."""
    path = tmp_path / "N20160102S0270.fits"
    data = np.arange(12, dtype="f4").reshape(3, 4)
    phu = fits.PrimaryHDU(header=fits.Header([("INSTRUME", "NIRI"), ("OBJECT", "M 82", "target")]))
    fits.HDUList([phu, fits.ImageHDU(data, fits.Header([("LOWROW", 0)]))]).writeto(path)
    return path
