"""`nightcrew caldb`: which calibration a frame gets and why, and what becomes of a calibration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nightcrew.shared.fits import md5_of
from support.command import nightcrew
from support.frames import write_niri
from support.local_databases import configure, data_dir, empty_database, home, module_marker
from support.niri_masters import master_dark, master_flat

__all__ = ["data_dir", "empty_database", "home", "module_marker", "nightcrew"]
DARK = "N20160102S0423_dark.fits"
FLAT = "N20160102S0373_flat.fits"
WHY = ("--why", "looked at it")


@pytest.fixture
def caldb(home, nightcrew, empty_database):
    """The command, with an empty database `cals.db` in the working directory."""
    configure(home, "./cals.db get store")
    return lambda *words: nightcrew("caldb", *words)


def test_why_a_frame_gets_its_dark_and_why_not_is_told(caldb):
    master_dark(Path(DARK), UT="12:00:00.0", UTSTART="12:00:00.0")
    master_dark(Path("N9_dark.fits"), COADDS=2)
    caldb("add", DARK, "N9_dark.fits")
    write_niri(Path("N1.fits"), np.zeros((256, 256), np.float32))
    said = caldb("explain", "N1.fits", "--type", "processed_dark", "--type", "processed_flat")
    assert (said.code, said.err) == (0, "")
    assert said.lines[:2] == ["N1.fits in ./cals.db", f"  processed_dark: {DARK}"]
    assert any("2.8 h apart" in line for line in said.lines)
    assert any(line.startswith("     not N9_dark.fits: coadds 2, wanted 1") for line in said.lines)
    assert "  processed_flat: none" in said.lines
    assert "     nothing of the kind was ever entered" in said.lines
    first, *_ = [json.loads(line) for line in caldb("explain", "N1.fits", "--json").lines]
    assert {"database", "caltype", "matches", "near_misses"} <= set(first)
    assert caldb("explain", "nosuch.fits").code == 1
    assert caldb("explain", "N1.fits", "--mode", "best").code == 2


def test_a_calibration_has_a_life_and_its_history_is_told(caldb):
    master_dark(Path(DARK))
    dark_md5 = md5_of(DARK)
    master_flat(Path(FLAT), made_of=[(DARK, dark_md5)])
    caldb("add", DARK, FLAT)
    said = caldb("certify", DARK, *WHY, "--from", "2016-01-01", "--to", "2016-02-01T12:00:00")
    assert (said.code, said.out) == (
        0, f"{DARK} is certified since 2016-01-01T00:00:00 until 2016-02-01T12:00:00\n",
    )  # fmt: skip
    assert caldb("affected", DARK).out == f"{Path.cwd() / FLAT}\n"
    vetoed = caldb("veto", DARK, "--why", "light leak", "--who", "ana")
    assert (vetoed.code, vetoed.lines) == (0, [f"{DARK} is vetoed", f"{Path.cwd() / FLAT}"])
    assert f"{DARK:30} {Path.cwd()}  (vetoed)" in caldb("list").lines
    told = caldb("history", DARK).lines
    assert [line.split()[1] for line in told] == ["add", "certify", "veto"]
    assert told[-1].endswith("veto by ana, certified -> vetoed: light leak")
    assert "certify by jane" in told[1]
    again = caldb("certify", DARK, *WHY)
    assert (again.code, "restore it first" in again.err) == (1, True)
    assert caldb("restore", DARK, *WHY).out == f"{DARK} is candidate\n"
    assert caldb("certify", DARK, *WHY).out == f"{DARK} is certified\n"
    documents = [json.loads(line) for line in caldb("history", DARK, "--json").lines]
    assert [one["event"] for one in documents] == ["add", "certify", "veto", "restore", "certify"]
    assert caldb("affected", FLAT).out == f"No product is known that {FLAT} went into\n"
    assert json.loads(caldb("affected", DARK, "--json").out)["name"] == FLAT
    assert json.loads(caldb("veto", FLAT, *WHY, "--json").out)["record"]["state"] == "vetoed"


@pytest.mark.parametrize("words", [("veto", "x.fits", *WHY), ("history", "x.fits"), ("affected", "x.fits")])
def test_what_is_not_known_is_said(caldb, words):
    said = caldb(*words)
    assert (said.code, "no calibration is called x.fits" in said.err) == (1, True)


def test_a_moment_is_written_in_one_way(caldb):
    said = caldb("certify", DARK, *WHY, "--from", "yesterday")
    assert (said.code, "--from yesterday: write UTC as 2026-11-28" in said.err) == (2, True)


def test_a_reason_is_needed(caldb):
    assert caldb("veto", DARK).code == 2
    master_dark(Path(DARK))
    caldb("add", DARK)
    assert caldb("veto", DARK, "--why", " ").code == 1
