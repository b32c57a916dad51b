from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from nightcrew.cli.main import main
from support.frames import write_f2, write_niri
from support.runs import DARK, LAMP_OFF, LAMP_ON

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Said:
    """What a command returned and printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


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


@pytest.fixture
def nightcrew(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """The command line."""

    def run(*argv: str, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(argv)
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return run
