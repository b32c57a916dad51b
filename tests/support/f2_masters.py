"""Small Flamingos-2 master darks, and frames that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from nightcrew.shared.calibrations_http.asking import request_for
from nightcrew.shared.instruments import Headers, describe
from support.frames import F2_PHU

if TYPE_CHECKING:
    from pathlib import Path

TAKEN = "2015-01-03"


def write_master_dark(
    path: Path, *, exposure: float = 4.0, ut: str = "01:02:03.4", mode: str = "sq", seed: int = 1
) -> Path:
    """Write a master dark of 32 x 32 pixels with its variance and mask; `seed` makes its pixels."""
    random = np.random.default_rng(seed)
    phu = fits.Header(
        {
            **F2_PHU,
            "EXPTIME": exposure,
            "UT": ut,
            "UTSTART": ut,
            "DATE-OBS": TAKEN,
            "PROCMODE": mode,
            "PREPARE": "2015-01-04T00:00:00",
            "PROCDARK": "2015-01-04T00:00:00",
        }
    )
    shape = (32, 32)
    sci = random.normal(12.0, 4.0, shape).astype(np.float32)
    hdus: list[Any] = [
        fits.PrimaryHDU(header=phu),
        fits.ImageHDU(sci, name="SCI", ver=1),
        fits.ImageHDU(np.full(shape, 16.0, np.float32), name="VAR", ver=1),
        fits.ImageHDU(np.zeros(shape, np.uint16), name="DQ", ver=1),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def flat_request(
    name: str = "S20150103S0300_flat.fits", *, exposure: float = 4.0, ut: str = "03:00:00.0"
) -> dict[str, Any]:
    """Return the request of a flat that needs a dark: name, tags, descriptors as JSON holds them."""
    phu = fits.Header(
        {**F2_PHU, "OBSTYPE": "FLAT", "OBJECT": "GCALflat", "EXPTIME": exposure, "UT": ut, "DATE-OBS": TAKEN}
    )
    phu["GCALLAMP"], phu["GCALSHUT"] = "IRhigh", "OPEN"
    return request_for(describe(Headers(phu, [fits.Header()], name, [(1, 32, 32)])), name)
