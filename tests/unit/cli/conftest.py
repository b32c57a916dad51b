from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.command import nightcrew
from support.frames import write_f2, write_niri
from support.runs import DARK, LAMP_OFF, LAMP_ON

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["nightcrew"]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a few raw frames in `raw/`."""
    raw = tmp_path / "raw"
    write_niri(raw / "N1_dark.fits", **DARK, EXPTIME=20.001)
    write_niri(raw / "N2_dark.fits", **DARK, EXPTIME=1.001)
    write_niri(raw / "N3_flat.fits", **LAMP_ON)
    write_niri(raw / "N4_flat.fits", **LAMP_OFF)
    write_niri(raw / "N5_target.fits", OBJECT="FS 17", OBSCLASS="partnerCal")
    write_f2(raw / "S1_dark.fits")
    monkeypatch.chdir(tmp_path)
    return tmp_path
