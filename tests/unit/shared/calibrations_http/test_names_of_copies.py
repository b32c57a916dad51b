"""A server of calibrations names files; no name of it leads out of the directory for copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.shared.calibrations_http.asking import Offer
from nightcrew.shared.calibrations_http.cache import Cache
from nightcrew.shared.errors import CalibrationError

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    ("name", "caltype"),
    [
        ("../dark.fits", "processed_dark"),
        ("/etc/dark.fits", "processed_dark"),
        (".dark.fits", "processed_dark"),
        ("dark.fits\n", "processed_dark"),
        ("dark.sh", "processed_dark"),
        ("dark.fits", "../processed_dark"),
        ("dark.fits", "/etc"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(tmp_path: Path, name: str, caltype: str) -> None:
    cache = Cache(tmp_path / "copies", shared=tmp_path / "shared")
    offer = Offer(name, "http://127.0.0.1:9/file", MD5)
    for use in (lambda: cache.get(offer, caltype), lambda: cache.put(offer, caltype, [b""])):
        with pytest.raises(CalibrationError, match="tell who runs the server"):
            use()
    assert list(tmp_path.iterdir()) == []
