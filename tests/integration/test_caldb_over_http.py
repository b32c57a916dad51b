"""`nightcrew caldb` and `reduce` with a calibration manager behind HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nightcrew.calmanager.settings import CalmanagerSettings
from nightcrew.calmanager.tokens import Scope, Tokens
from support.calibration_service import manager, manager_and_url, schemas, service, store, writer
from support.command import nightcrew
from support.frames import write_niri
from support.local_databases import configure
from support.niri_masters import master_dark, master_flat, master_mask

__all__ = ["manager", "manager_and_url", "nightcrew", "schemas", "service", "store", "writer"]

DARK = "N20160102S0423_dark.fits"
RECIPE = "def dark(p):\n    p.prepare()\n    p.ADUToElectrons()\n    p.darkCorrect()\n"


@pytest.fixture(scope="module")
def settings() -> CalmanagerSettings:
    """Return the settings of a service that takes masters of NIRI."""
    return CalmanagerSettings.load(max_upload=10**8)


@pytest.fixture
def caldb(service, writer, nightcrew, tmp_path, monkeypatch):
    """The command, with a service that keeps nothing yet and a token for it."""
    for folder in ("home", "work"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DRAGONSRC")
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_TOKEN", writer)
    monkeypatch.chdir(tmp_path / "work")
    configure(tmp_path / "home", f"{service} get store")
    return lambda *words: nightcrew("caldb", *words)


def test_a_master_lives_on_a_server_as_it_does_at_home(caldb, service):
    assert caldb("list").out == f"Database: {service}\nThere are no files in the database\n"
    master_dark(Path(DARK))
    added = caldb("add", DARK, "-v")
    assert added.code == 0
    assert f"Ingested {DARK}" in added.err
    assert caldb("certify", DARK, "--why", "looked at it", "--from", "2016-01-01").out == (
        f"{DARK} is certified since 2016-01-01T00:00:00\n"
    )
    assert caldb("list").lines[1:] == [f"{DARK:30} {service}"]
    write_niri(Path("N1.fits"), np.zeros((256, 256), np.float32))
    said = caldb("explain", "N1.fits", "--type", "processed_dark")
    assert said.lines[:2] == [f"N1.fits in {service}", f"  processed_dark: {DARK}"]
    assert caldb("affected", DARK).out == f"No product is known that {DARK} went into\n"
    assert caldb("veto", DARK, "--why", "light leak", "--who", "ana").lines[0] == f"{DARK} is vetoed"
    assert "light leak" in caldb("history", DARK).out
    assert json.loads(caldb("list", "--json").lines[0])["state"] == "vetoed"
    assert caldb("restore", DARK, "--why", "no leak").code == 0


def test_a_reduction_takes_its_dark_from_the_server_and_tells_it_what_it_made(caldb, service, nightcrew):
    write_niri(Path("N20160102S0100.fits"), np.full((256, 256), 100.0, np.float32))
    Path("mine.py").write_text(RECIPE)
    master_dark(Path("masters") / DARK)
    caldb("add", f"masters/{DARK}")
    caldb("certify", DARK, "--why", "looked at it")
    said = nightcrew("reduce", "N20160102S0100.fits", "-r", "mine.dark", "--upload", "science")
    assert said.code == 0, said.err
    assert f"dark {DARK} (obtained from {service})" in said.err
    product = Path.cwd() / "N20160102S0100_darkCorrected.fits"
    assert caldb("affected", DARK).out == f"{product}\n"
    assert caldb("veto", DARK, "--why", "light leak").lines[1:] == [str(product)]
    said = nightcrew("reduce", "N20160102S0100.fits", "-r", "mine.dark")
    assert (said.code, "No processed dark listed for" in said.err) == (1, True)


def test_masters_are_sent_as_they_are_made(caldb, service, nightcrew):
    master_flat(Path("N9_flat.fits"))
    Path("mine.py").write_text("def keep(p):\n    p.storeProcessedFlat(force=True)\n")
    said = nightcrew("reduce", "N9_flat.fits", "-r", "mine.keep", "--upload", "calibs", "--suffix", "_again")
    assert f"{service}: Storing calibrations/processed_flat/" in said.err, said.err
    assert len(caldb("list").lines) == 2


def test_a_server_needs_a_token_that_allows_it(caldb, service, database, monkeypatch, tmp_path):
    master_dark(Path(DARK))
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_TOKEN", "")
    said = caldb("add", DARK)
    assert said.code == 1
    assert "HTTP 401" in said.err
    assert "NIGHTCREW_CALMANAGER_TOKEN" in said.err
    reader = Tokens(database).create("visitor", [Scope.READ])
    (tmp_path / "token").write_text(f"{reader}\n")
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_TOKEN_FILE", str(tmp_path / "token"))
    said = caldb("add", DARK)
    assert (said.code, "does not allow to write" in said.err) == (1, True)
    assert reader not in said.err + said.out
    monkeypatch.setenv("NIGHTCREW_CALMANAGER_TOKEN_FILE", "/nowhere")
    said = caldb("list")
    assert (said.code, "TOKEN_FILE: /nowhere cannot be read" in said.err) == (1, True)


def test_what_a_server_does_not_do_is_said(caldb, service):
    said = caldb("remove", DARK)
    assert (said.code, "withdraw it with 'nightcrew caldb veto" in said.err) == (1, True)
    said = caldb("init")
    assert (said.code, "only who runs it can make or change" in said.err) == (1, True)
    said = caldb("history", "nosuch.fits")
    assert (said.code, "knows no calibration nosuch.fits" in said.err) == (1, True)
    said = caldb("list", "-d", f"{service}/elsewhere")
    assert (said.code, "there is nothing here" in said.err) == (1, True)


def test_all_pages_of_a_long_list_are_read(caldb, monkeypatch):
    monkeypatch.setattr("nightcrew.shared.calibrations_http.manager.PAGE", 2)
    for number in range(5):
        master_dark(Path(f"N{number}_dark.fits"), level=float(number))
    caldb("add", ".")
    assert [line.split()[0] for line in caldb("list").lines[1:]] == [f"N{number}_dark.fits" for number in range(5)]


def test_a_served_database_is_spoken_to_directly(caldb, service, postgres_url, nightcrew):
    master_dark(Path(DARK))
    assert caldb("add", "-d", postgres_url, DARK).code == 0
    assert caldb("list", "-d", postgres_url).lines[1:] == [f"{DARK:30} {Path.cwd()}"]
    assert DARK in caldb("list").out
    said = caldb("init", "-d", postgres_url)
    assert (said.code, "it has the tables already" in said.err) == (1, True)
    said = caldb("init", "-w", "-d", postgres_url)
    assert (said.code, "others may use it; '-w --yes'" in said.err) == (1, True)
    assert DARK in caldb("list", "-d", postgres_url).out
    assert caldb("init", "-w", "--yes", "-d", postgres_url).code == 0
    assert caldb("list", "-d", postgres_url).lines[1:] == ["There are no files in the database"]
    assert "is up to date" in nightcrew("database", "upgrade", "-d", postgres_url).out


def test_the_database_of_the_suite_is_looked_after(caldb, postgres_url, nightcrew, monkeypatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    said = nightcrew("database", "status")
    assert said.code == 1
    assert ("ledger missing" in said.out, "calibration current" in said.out) == (True, True)
    assert nightcrew("database", "upgrade").code == 0
    assert nightcrew("database", "status").code == 0
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", "postgresql://nobody:pw@127.0.0.1:9/x")
    said = nightcrew("database", "status")
    assert (said.code, "pw" in said.err) == (1, False)
    said = caldb("list", "-d", "postgresql://nobody:s3cret@127.0.0.1:9/x")
    assert (said.code, "s3cret" in said.err + said.out) == (1, False)


@pytest.mark.parametrize(("profile", "used"), [("best", True), ("standard", False)])
def test_the_best_profile_takes_a_mask_of_the_morning_after_from_a_server(caldb, nightcrew, profile, used):
    mask = master_mask(Path("masters/N20160102S0373_bpm.fits"))
    assert caldb("add", str(mask)).code == 0
    assert caldb("certify", mask.name, "--why", "looked at it").code == 0
    write_niri(Path("N1.fits"), np.zeros((256, 256), np.float32))
    Path("mine.py").write_text("def flags(p):\n    p.prepare()\n    p.addDQ()\n")
    said = nightcrew("reduce", "N1.fits", "-r", "mine.flags", "--profile", profile, "--json")
    assert said.code == 0, said.err
    assert any(caveat.startswith(f"{mask.name}: bad-pixel mask made of frames taken after")
               for caveat in json.loads(said.out)["caveats"]) is used  # fmt: skip
