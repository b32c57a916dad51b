"""What a directory may hold besides frames, and what is said about it."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits

from nightcrew.cli.night.asking import DatabaseDesk
from nightcrew.cli.night.collecting import collect
from nightcrew.reducer.engine.digests import Digests
from nightcrew.shared.errors import FrameError
from support.frames import write_niri

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.cli.night.collecting import Collection
    from nightcrew.planner.core.model import Plan


def planned(found: Collection) -> Plan:
    return found.plan(DatabaseDesk((), found.paths, Digests(), "sq"))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Three frames of a dither."""
    for number in (1, 2, 3):
        label, start = f"GN-1-{number}", f"09:1{number}:00.0"
        write_niri(tmp_path / f"N20160102S000{number}.fits", DATALAB=label, UT=start, UTSTART=start)
    return tmp_path


def test_links_that_lead_nowhere_and_pipes_are_named_and_nobody_waits_for_them(raw: Path) -> None:
    (raw / "lost.fits").symlink_to(raw / "nosuch.fits")
    (raw / "loop.fits").symlink_to(raw / "loop.fits")
    os.mkfifo(raw / "pipe.FITS")
    (raw / "zero.fits.gz").touch()
    found = collect(raw)
    assert len(found.paths) == 3
    assert {damage.file: damage.code for damage in found.damaged} == {
        "lost.fits": "unreadable",
        "loop.fits": "unreadable",
        "pipe.FITS": "unreadable",
        "zero.fits.gz": "empty",
    }


def test_hidden_files_directories_and_other_kinds_of_files_are_no_frames(raw: Path) -> None:
    (raw / ".N20160102S0004.fits").write_text("half copied")
    (raw / "old.fits").mkdir()
    (raw / "notes.txt").touch()
    found = collect(raw)
    assert (len(found.paths), found.damaged, planned(found).left_out) == (3, (), ())


def test_a_name_that_is_not_text_is_told_in_letters_that_can_be_printed(raw: Path) -> None:
    (raw / "N20160102S0003.fits").rename(raw / os.fsdecode(b"N\xff.fits"))
    (damage,) = collect(raw).damaged
    assert "its name is not UTF-8" in damage.reason
    assert damage.reason.isprintable()
    damage.reason.encode()


@pytest.mark.parametrize("name", ["copy of 2.fits", "N20160102S0002 (2).fits", "A0002.fits.gz"])
def test_a_copy_is_left_out_under_whatever_name(name: str, raw: Path) -> None:
    original = raw / "N20160102S0002.fits"
    if name.endswith(".gz"):
        (raw / name).write_bytes(gzip.compress(original.read_bytes()))
    else:
        (raw / name).symlink_to(original)
    found = planned(collect(raw))
    twins = {"A0002.fits.gz": ("N20160102S0002.fits", "A0002.fits.gz")}
    left, kept = twins.get(name, (name, original.name))
    assert found.left_out == ((left, f"the same as {kept}"),)
    assert [len(group.inputs) for group in found.groups] == [3]


def test_a_frame_without_a_place_on_the_sky_does_not_keep_the_others_from_being_stacked(raw: Path) -> None:
    with fits.open(raw / "N20160102S0002.fits", mode="update") as hdus:
        del hdus[1].header["CRVAL1"]
    write_niri(raw / "N20160102S0003.fits", np.zeros((2, 32, 32), np.float32))
    found = collect(raw)
    assert [damage.code for damage in found.damaged] == ["keyword", "keyword"]
    assert "CRVAL1" in found.damaged[0].reason
    assert "32 x 32 x 2 pixels" in found.damaged[1].reason
    assert set(found.paths) == {"N20160102S0001.fits"}


def test_a_directory_without_frames_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FrameError, match="no FITS files"):
        collect(tmp_path)
