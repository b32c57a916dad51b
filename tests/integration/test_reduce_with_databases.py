"""Reductions and the configured databases: who is asked, who is told, what happens when nobody answers."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.cli.caldb.local import open_local
from nightcrew.shared.database import downgrade
from nightcrew.shared.fits import open_frame
from support.archive import archive_server, unused_url
from support.command import nightcrew
from support.frames import write_niri
from support.local_databases import configure, data_dir, empty_database, home, module_marker
from support.niri_masters import master_dark, master_mask
from support.runs import DARK

__all__ = ["data_dir", "empty_database", "home", "module_marker", "nightcrew"]

MASTER = "N20160102S0001_dark.fits"
RECIPE = '''
def dark(p):
    """Subtract the dark, and no more."""
    p.prepare()
    p.ADUToElectrons()
    p.darkCorrect()
'''

MASKED = RECIPE.replace("p.ADUToElectrons()", "p.addDQ()\n    p.ADUToElectrons()")


@pytest.fixture
def work(home, empty_database) -> Path:
    """The working directory, with a database, a frame that needs a dark, and a recipe that wants one."""
    write_niri(Path("N20160102S0100.fits"), np.full((256, 256), 100.0, np.float32))
    Path("mine.py").write_text(RECIPE)
    return empty_database.parent


def darks(work: Path) -> None:
    rng = np.random.default_rng(1)
    for number in (1, 2, 3):
        pixels = rng.normal(100, 3, (256, 256)).astype(np.float32)
        write_niri(work / f"raw/N20160102S{number:04d}.fits", pixels, **DARK)


def subtract_dark(nightcrew, *more: str):
    return nightcrew("reduce", "N20160102S0100.fits", "-r", "mine.dark", *more)


def used(name: str = "N20160102S0100_darkCorrected.fits") -> str:
    return str(open_frame(Path(name)).phu["DARKIM"])


def test_a_master_is_stored_and_found_from_elsewhere(work, home, nightcrew):
    configure(home, f"{work}/cals.db get store")
    darks(work)
    said = nightcrew("reduce", *map(str, sorted(Path("raw").glob("*.fits"))))
    assert said.code == 0
    lines = [line.strip() for line in said.err.splitlines()]
    stored = lines.index(f"{work}/cals.db: Storing calibrations/processed_dark/{MASTER} as processed_dark")
    assert lines[stored + 1] == f"Processed Filename: calibrations/processed_dark/{MASTER}"
    assert nightcrew("caldb", "list").lines[1:] == [f"{MASTER:30} {work}/calibrations/processed_dark"]
    elsewhere = work.parent / "elsewhere"
    elsewhere.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        said = nightcrew("reduce", str(work / "N20160102S0100.fits"), "-r", str(work / "mine.dark"))
        assert said.code == 0, said.err
        assert f"dark {MASTER} (obtained from {work}/cals.db)" in said.err
        assert used() == MASTER
        product = elsewhere / "N20160102S0100_darkCorrected.fits"
    assert nightcrew("caldb", "affected", MASTER).out == f"{product}\n"
    assert nightcrew("caldb", "affected", "N20160102S0001.fits").code == 1
    vetoed = nightcrew("caldb", "veto", MASTER, "--why", "light leak")
    assert vetoed.lines == [f"{MASTER} is vetoed", str(product)]


def test_what_no_database_stores_is_said(work, home, nightcrew):
    configure(home, "./cals.db get")
    darks(work)
    said = nightcrew("reduce", *map(str, sorted(Path("raw").glob("*.fits"))))
    assert f"./cals.db: NOT storing calibrations/processed_dark/{MASTER} as processed_dark" in said.err
    assert nightcrew("caldb", "list").lines[1:] == ["There are no files in the database"]


def test_what_is_vetoed_is_not_used_though_it_lies_here(work, home, nightcrew):
    configure(home, "./cals.db get store")
    master_dark(Path("calibrations/processed_dark") / MASTER)
    nightcrew("caldb", "add", f"calibrations/processed_dark/{MASTER}")
    assert subtract_dark(nightcrew).code == 0
    nightcrew("caldb", "veto", MASTER, "--why", "light leak")
    said = subtract_dark(nightcrew)
    assert said.code == 1
    assert f"{MASTER} is vetoed in ./cals.db" in said.err
    assert "No processed dark listed for" in said.err


def test_the_first_database_that_has_one_answers(work, home, nightcrew):
    nightcrew("caldb", "init", "-d", "second.db")
    master_dark(Path("masters") / MASTER)
    nightcrew("caldb", "add", "-d", "second.db", f"masters/{MASTER}")
    configure(home, "./cals.db get store", "./second.db get")
    assert "(obtained from ./second.db)" in subtract_dark(nightcrew).err
    planned = json.loads(subtract_dark(nightcrew, "-n", "--json").out)
    assert [row["origin"] for row in planned["calibrations"]] == ["./second.db"]
    master_dark(Path("masters") / "N20160102S0002_dark.fits")
    nightcrew("caldb", "add", "-d", "cals.db", "masters/N20160102S0002_dark.fits")
    assert "(obtained from ./cals.db)" in subtract_dark(nightcrew).err
    (work / "other.rc").write_text("[calibs]\ndatabases = ./second.db\n")
    assert "(obtained from ./second.db)" in subtract_dark(nightcrew, "-c", "other.rc").err


def test_a_database_that_only_stores_is_not_asked(work, home, nightcrew):
    configure(home, "./cals.db store")
    master_dark(Path("masters") / MASTER)
    nightcrew("caldb", "add", f"masters/{MASTER}")
    said = subtract_dark(nightcrew)
    assert (said.code, "No processed dark listed for" in said.err) == (1, True)


def test_a_master_that_changed_on_disk_is_not_used(work, home, nightcrew):
    configure(home, "./cals.db get")
    master_dark(Path("masters") / MASTER)
    nightcrew("caldb", "add", f"masters/{MASTER}")
    master_dark(Path("masters") / MASTER, level=7.0)
    said = subtract_dark(nightcrew)
    assert said.code == 1
    assert MASTER in said.err
    assert nightcrew("caldb", "add", f"masters/{MASTER}").code == 0
    assert subtract_dark(nightcrew).code == 0


def test_a_server_that_does_not_answer_is_named_and_worth_another_try(work, home, nightcrew):
    url = unused_url()
    configure(home, "./cals.db get store", f"{url} get")
    said = subtract_dark(nightcrew, "--json")
    document = json.loads(said.out)
    assert (said.code, document["status"], document["code"]) == (1, "retryable", "service")
    assert document["reason"].startswith(
        f"processed dark for N20160102S0100_ADUToElectrons.fits: {url}: cannot be asked"
    )


def test_a_dark_of_our_own_is_used_though_the_server_does_not_answer(work, home, nightcrew):
    url = unused_url()
    configure(home, f"{url} get", "./cals.db get store")
    master_dark(Path("masters") / MASTER)
    nightcrew("caldb", "add", "-d", "cals.db", f"masters/{MASTER}")
    said = subtract_dark(nightcrew, "--json")
    assert said.code == 0
    (caveat,) = json.loads(said.out)["caveats"]
    assert caveat.startswith(f"{MASTER} used, but {url}: cannot be asked")


def test_a_server_that_may_have_a_mask_keeps_no_reduction_waiting(work, home, nightcrew):
    url = unused_url()
    configure(home, f"{url} get")
    Path("masked.py").write_text(MASKED)
    science = ("reduce", "N20160102S0100.fits", "-r", "masked.dark", "--json")
    document = json.loads(nightcrew(*science).out)
    assert document["status"] == "retryable"
    assert document["reason"].startswith("processed dark for")
    dark = master_dark(Path("masters") / MASTER)
    document = json.loads(nightcrew(*science, "--user_cal", f"processed_dark:{dark}").out)
    assert document["status"] == "succeeded"
    (caveat,) = document["caveats"]
    assert caveat.startswith(f"without the observatory's bad-pixel mask: {url}: cannot be asked")


def test_darks_are_stacked_without_the_network(work, home, nightcrew):
    url = unused_url()
    configure(home, f"{url} get")
    darks(work)
    said = nightcrew("reduce", *sorted(map(str, Path("raw").glob("*.fits"))), "--json")
    assert (said.code, Path("calibrations/processed_dark", MASTER).is_file()) == (0, True)
    (caveat,) = json.loads(said.out)["caveats"]
    assert caveat.startswith(f"without the observatory's bad-pixel mask: {url}: cannot be asked")


def test_a_quick_look_does_not_wait_for_the_server(work, home, nightcrew):
    configure(home, f"{unused_url()} get")
    said = subtract_dark(nightcrew, "--ql", "--json")
    assert json.loads(said.out)["status"] == "succeeded"
    assert "cannot be asked" in json.loads(said.out)["caveats"][0]


def test_the_archive_is_asked_and_its_file_is_kept(work, home, nightcrew):
    with archive_server() as archive:
        configure(home, "./cals.db get store", f"{archive.url} get")
        archive.files[MASTER] = master_dark(Path("elsewhere") / MASTER).read_bytes()
        archive.answers["processed_dark"] = [MASTER]
        for _ in range(2):
            said = subtract_dark(nightcrew)
            assert said.code == 0
            assert f"dark {MASTER} (obtained from {archive.url})" in said.err
        assert Path("calibrations/processed_dark", MASTER).read_bytes() == archive.files[MASTER]
        assert archive.downloads == [MASTER]
        archive.answers["processed_dark"] = []
        said = subtract_dark(nightcrew)
        assert (said.code, "No processed dark listed for" in said.err) == (1, True)
        archive.answers["processed_dark"] = [MASTER]
        archive.lies.add(MASTER)
        said = subtract_dark(nightcrew, "--json")
        assert json.loads(said.out)["status"] == "retryable"
        assert "not used, its MD5 is" in said.err


def test_masters_go_to_a_server_only_if_asked_for(work, home, nightcrew):
    darks(work)
    files = [str(path) for path in sorted(Path("raw").glob("*.fits"))]
    with archive_server() as archive:
        configure(home, f"{archive.url} store", upload_cookie="the-secret")
        said = nightcrew("reduce", *files)
        assert f"{archive.url}: NOT storing" in said.err
        assert not archive.uploads
        said = nightcrew("reduce", *files, "--upload", "calibs")
        assert f"{archive.url}: Storing calibrations/processed_dark/{MASTER} as processed_dark" in said.err
        body, cookie = archive.uploads[MASTER]
        assert body == Path("calibrations/processed_dark", MASTER).read_bytes()
        assert cookie == "gemini_fits_upload_auth=the-secret"
        archive.failing = 403
        said = nightcrew("reduce", *files, "--upload", "calibs", "--json")
        assert said.code == 0
        (caveat,) = json.loads(said.out)["caveats"]
        assert "is not stored" in caveat
        assert "the archive is being moved" in caveat
        assert "the-secret" not in said.err + said.out + Path("reduce.log").read_text()


def test_uploads_without_a_server_are_told(work, home, nightcrew):
    configure(home, "./cals.db get store")
    said = nightcrew("reduce", "N20160102S0100.fits", "-n", "--upload", "metrics,calibs")
    assert "--upload metrics: is not known here" in said.err
    assert "--upload: no server with the flag store is configured" in said.err


def test_a_database_that_was_never_made_is_told_and_left_out(work, home, nightcrew):
    configure(home, "./nowhere.db get store", "./cals.db get")
    master_dark(Path("masters") / MASTER)
    nightcrew("caldb", "add", "-d", "cals.db", f"masters/{MASTER}")
    said = subtract_dark(nightcrew)
    assert said.code == 0
    assert "not used: Unable to find calibration database file nowhere.db; make it with" in said.err


def test_a_line_that_cannot_be_understood_stops_everything(work, home, nightcrew):
    configure(home, "./cals.db get put")
    said = subtract_dark(nightcrew)
    assert (said.code, said.err) == (
        1, "reduce: error: ~/.dragons/dragonsrc: ./cals.db: Unknown flag 'put'; 'get', 'store' or both\n",
    )  # fmt: skip


def test_without_configuration_no_server_is_started(work, home, nightcrew, monkeypatch, tmp_path):
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", str(tmp_path / "untouched"))
    assert subtract_dark(nightcrew, "--ql").code == 0
    assert not (tmp_path / "untouched").exists()


def test_a_mask_is_a_mask_and_serves_the_night_before_once_somebody_says_so(work, home, nightcrew):
    configure(home, "./cals.db get store")
    master_dark(Path("masters") / MASTER)
    master_mask(Path("masters/N20160102S0373_bpm.fits"))
    assert nightcrew("caldb", "add", "masters").code == 0
    types = {
        json.loads(line)["name"]: json.loads(line)["caltype"] for line in nightcrew("caldb", "list", "--json").lines
    }
    assert types == {MASTER: "processed_dark", "N20160102S0373_bpm.fits": "processed_bpm"}
    Path("masked.py").write_text(MASKED)
    science = ("reduce", "N20160102S0100.fits", "-r", "masked.dark")
    assert "No BPMs found for" in nightcrew(*science).err
    said = nightcrew("caldb", "certify", "N20160102S0373_bpm.fits", "--why", "no change", "--from", "2016-01-01")
    assert said.code == 0
    said = nightcrew(*science)
    assert said.code == 0
    assert "No BPMs found" not in said.err
    used_files = [row.filename for row in open_frame(Path("N20160102S0100_darkCorrected.fits")).provenance]
    assert "N20160102S0373_bpm.fits" in used_files


@pytest.mark.parametrize(
    ("profile", "size", "used"), [("best", 256, True), ("best", 128, False), ("standard", 256, False)]
)
def test_the_best_profile_takes_a_mask_of_the_morning_after_from_a_database(work, home, nightcrew, profile, size, used):
    configure(home, "./cals.db get store")
    master_dark(Path("masters") / MASTER)
    mask = master_mask(Path("masters/N20160102S0373_bpm.fits"), size=size)
    assert nightcrew("caldb", "add", "masters").code == 0
    Path("masked.py").write_text(MASKED)
    said = nightcrew("reduce", "N20160102S0100.fits", "-r", "masked.dark", "--profile", profile, "--json")
    assert said.code == 0
    files = [row.filename for row in open_frame(Path("N20160102S0100_darkCorrected.fits")).provenance]
    assert (mask.name in files) is used
    told = f"{mask.name}: bad-pixel mask made of frames taken after these, the same night: no older mask is known"
    assert (told in json.loads(said.out)["caveats"]) is used


def test_a_master_that_no_database_takes_is_kept_and_told(work, home, nightcrew):
    configure(home, "postgresql://crew:s3cret@127.0.0.1:9/night get store")
    said = subtract_dark(nightcrew, "--json")
    assert json.loads(said.out)["status"] == "retryable"
    darks(work)
    files = sorted(map(str, Path("raw").glob("*.fits")))
    said = nightcrew("reduce", *files, "-p", "addDQ:static_bpm=None", "--json")
    assert (said.code, Path("calibrations/processed_dark", MASTER).is_file()) == (0, True)
    (caveat,) = json.loads(said.out)["caveats"]
    assert caveat.startswith(
        f"calibrations/processed_dark/{MASTER} is not stored: postgresql://crew:***@127.0.0.1:9/night"
    )
    assert caveat.endswith(f"add it with 'nightcrew caldb add calibrations/processed_dark/{MASTER}'")
    said = subtract_dark(nightcrew, "--json", "--user_cal", f"processed_dark:{MASTER}")
    assert any("was made of is not recorded" in caveat for caveat in json.loads(said.out)["caveats"])
    assert "s3cret" not in said.err + said.out + Path("reduce.log").read_text()


def test_tables_of_an_older_version_are_refused_with_the_command(work, home, nightcrew):
    nightcrew("caldb", "init", "-d", "old.db")
    with closing(open_local(Path("old.db"))) as database:
        downgrade(database, CALIBRATION, "base")
    configure(home, "./old.db get store")
    said = subtract_dark(nightcrew)
    assert (said.code, "run: nightcrew database upgrade -d ./old.db" in said.err) == (1, True)


def test_a_server_that_is_down_does_not_keep_the_others_from_explaining(work, home, nightcrew):
    url = unused_url()
    configure(home, f"{url} get", "./cals.db get store")
    said = nightcrew("caldb", "explain", "N20160102S0100.fits", "--type", "processed_dark")
    assert said.code == 1
    assert f"caldb: error: {url}: cannot be asked" in said.err
    assert said.lines == [
        "N20160102S0100.fits in ./cals.db", "  processed_dark: none", *said.lines[2:-1],
        "     nothing of the kind was ever entered",
    ]  # fmt: skip
