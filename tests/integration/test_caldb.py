"""`nightcrew caldb`: databases that are made, filled, emptied and listed; databases of DRAGONS."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.cli.caldb.local import open_local
from nightcrew.shared.database import downgrade
from nightcrew.shared.fits import md5_of
from support.command import nightcrew
from support.frames import write_niri
from support.local_databases import configure, data_dir, empty_database, home, module_marker
from support.niri_masters import master_dark, master_flat

__all__ = ["data_dir", "empty_database", "home", "module_marker", "nightcrew"]
DARK = "N20160102S0423_dark.fits"
FLAT = "N20160102S0373_flat.fits"


@pytest.fixture
def caldb(home, nightcrew, empty_database):
    """The command, with an empty database `cals.db` in the working directory."""
    configure(home, "./cals.db get store")
    return lambda *words: nightcrew("caldb", *words)


@pytest.fixture
def own_caldb(home, nightcrew):
    """The same, with a database that is nobody else's."""
    configure(home, "./cals.db get store")
    assert nightcrew("caldb", "init").code == 0
    return lambda *words: nightcrew("caldb", *words)


def test_a_database_is_made_filled_and_emptied_as_in_the_manual(home, nightcrew):
    configure(home, "./cals.db get store")
    made = nightcrew("caldb", "init", "-v")
    assert (made.code, made.out, made.err) == (0, "", "Initializing ./cals.db...\n")
    assert nightcrew("caldb", "list").out == "Database: ./cals.db\nThere are no files in the database\n"
    work = Path.cwd()
    master_flat(work / FLAT)
    master_dark(work / "calibrations/processed_dark" / DARK)
    added = nightcrew("caldb", "add", FLAT, f"calibrations/processed_dark/{DARK}", "-v")
    assert (added.code, added.out, added.err) == (0, "", f"Ingested {FLAT}\nIngested {DARK}\n")
    assert nightcrew("caldb", "list").out == (
        "Database: ./cals.db\n"
        f"N20160102S0373_flat.fits       {work}\n"
        f"N20160102S0423_dark.fits       {work}/calibrations/processed_dark\n"
    )
    removed = nightcrew("caldb", "remove", f"elsewhere/{DARK}", "-v")
    assert (removed.code, removed.out, removed.err) == (0, "", f"Removed {DARK}\n")
    assert nightcrew("caldb", "list").lines[1:] == [f"N20160102S0373_flat.fits       {work}"]
    assert (work / "calibrations/processed_dark" / DARK).exists()


def test_the_configuration_is_shown_as_the_reference_does(home, nightcrew):
    configure(home, "/data/cal_manager.db get store")
    assert nightcrew("caldb", "config").out == (
        "\nUsing configuration files: ('~/.dragons/dragonsrc',)\n\n"
        "/data/cal_manager.db\n  Type:  LocalDB\n  Get:   True\n  Store: True\n\n\n"
        "Database file: /data/cal_manager.db\n\n"
        "The calibration dbs are all local, meaning that remote calibrations will not be downloaded \n"
    )


def test_servers_are_shown_without_their_passwords(home, nightcrew):
    configure(home, "postgresql://crew:pw@db/night store", "https://archive.gemini.edu", upload_cookie="pw")
    out = nightcrew("caldb", "config").out
    assert "postgresql://crew@db/night\n  Type:  PostgreSQL\n  Get:   False\n  Store: True\n" in out
    assert "Remote calibrations will be downloaded from https://archive.gemini.edu" in out
    assert "pw" not in out


def test_a_database_that_is_there_is_not_overwritten(own_caldb):
    caldb = own_caldb
    master_dark(Path(DARK))
    caldb("add", DARK)
    said = caldb("init")
    assert said.code == 1
    assert said.err == (
        "caldb: error: Error creating database file cals.db: it exists; 'nightcrew caldb init -w' empties it\n"
    )
    assert len(caldb("list").lines) == 2
    before = Path("cals.db").read_text()
    assert caldb("init", "--wipe").code == 0
    assert Path("cals.db").read_text() != before
    assert caldb("list").lines[1:] == ["There are no files in the database"]


def test_who_removes_the_file_is_rid_of_the_database_and_who_moves_it_is_not(caldb):
    master_dark(Path(DARK))
    caldb("add", DARK)
    Path("cals.db").rename("moved.db")
    missing = caldb("list")
    assert (missing.code, missing.out) == (1, "Database: ./cals.db\n")
    assert "Unable to find calibration database file cals.db" in missing.err
    assert DARK in caldb("list", "-d", "moved.db").out


def test_a_directory_stands_for_the_file_in_it(home, nightcrew):
    Path("night").mkdir()
    assert nightcrew("caldb", "init", "-d", "night").code == 0
    assert Path("night/cal_manager.db").read_text().startswith("# nightcrew calibration database\n")
    assert nightcrew("caldb", "list", "-d", "night").lines[0] == "Database: night/cal_manager.db"
    assert nightcrew("caldb", "list", "-d", "./night/cal_manager.db").code == 0


def test_what_is_no_database_of_ours_is_left_alone(home, nightcrew):
    Path("notes.db").write_text("my notes")
    for words in (("list",), ("init",), ("init", "-w"), ("add", "notes.db")):
        said = nightcrew("caldb", *words, "-d", "notes.db")
        assert said.code == 1
        assert "notes.db: is no calibration database" in said.err
    assert Path("notes.db").read_text() == "my notes"


def test_a_database_whose_server_is_gone_says_so(caldb):
    text = Path("cals.db").read_text()
    server = next(line for line in text.splitlines() if line.startswith("server"))
    Path("cals.db").write_text(text.replace(server, "server = /nowhere"))
    said = caldb("list")
    assert said.code == 1
    assert "cals.db: its server /nowhere is gone; restore it, or begin anew with 'nightcrew caldb init -w'" in said.err
    assert caldb("init", "-w").code == 0
    assert caldb("list").code == 0


def test_a_database_that_somebody_dropped_is_told(caldb):
    text = Path("cals.db").read_text()
    Path("cals.db").write_text(text.replace("database = calibrations_", "database = calibrations_0")[:-2] + "\n")
    said = caldb("list")
    assert said.code == 1
    assert "is gone; restore it, or begin anew with 'nightcrew caldb init -w'" in said.err


def test_without_any_configuration_it_is_told_what_to_write(home, nightcrew):
    for words in (("list",), ("init",), ("config",), ("add", "."), ("remove", "x")):
        said = nightcrew("caldb", *words)
        assert said.code == 1
        assert "caldb: error: Cannot read config file: there is no ~/.dragons/dragonsrc; write one" in said.err


def test_several_local_databases_must_be_named(home, nightcrew):
    configure(home, "./a.db", "./b.db")
    said = nightcrew("caldb", "list")
    assert (said.code, "Multiple local database files are listed" in said.err) == (1, True)
    assert nightcrew("caldb", "init", "-d", "a.db").code == 0
    shown = nightcrew("caldb", "config")
    assert (shown.code, "Database file" in shown.out) == (0, False)
    configure(home, "https://a.example", "https://b.example")
    assert "Multiple servers are listed" in nightcrew("caldb", "list").err
    (home / ".dragons/dragonsrc").write_text("[calibs]\n")
    assert "No local database file is listed in the config file" in nightcrew("caldb", "list").err


def test_the_configuration_may_be_another_file(home, nightcrew):
    configure(home, "./other.db store", file="other.rc")
    assert nightcrew("caldb", "init", "-c", str(home / "other.rc")).code == 0
    assert Path("other.db").exists()
    said = nightcrew("caldb", "list", "--config", "nowhere.rc")
    assert (said.code, "there is no file nowhere.rc" in said.err) == (1, True)


def test_no_subcommand_is_no_command(nightcrew):
    said = nightcrew("caldb")
    assert (said.code, said.out) == (2, "")
    assert "No action specified for caldb" in said.err
    assert "history" in said.err


def test_files_of_an_at_file_are_added(caldb):
    master_dark(Path(DARK))
    master_flat(Path(FLAT))
    Path("masters.lis").write_text(f"# made yesterday\n{DARK}\n{FLAT}  # the better one\n")
    assert caldb("add", "@masters.lis").code == 0
    assert len(caldb("list").lines) == 3
    assert caldb("remove", "@masters.lis").code == 0
    assert caldb("list").lines[1:] == ["There are no files in the database"]


def test_of_a_directory_the_fits_files_are_added_and_below_it_on_request(caldb):
    master_dark(Path("night") / DARK)
    master_flat(Path("night/deeper") / FLAT)
    write_niri(Path("night/N1.fits"))
    Path("night/notes.txt").write_text("clear")
    said = caldb("add", "night", "-v")
    assert (said.code, f"Ingested {DARK}" in said.err, FLAT in said.err) == (0, True, False)
    assert "caldb: warning: left out: N1.fits: no rule gives such a frame" in said.err
    assert caldb("add", "night", "--walk").code == 0
    assert [line.split()[0] for line in caldb("list").lines[1:]] == [FLAT, DARK]


def test_junk_is_refused_and_the_rest_is_added(caldb):
    Path("junk.fits").write_text("no FITS")
    master_dark(Path(DARK))
    said = caldb("add", "junk.fits", DARK)
    assert said.code == 1
    assert "caldb: error: Ingest failed for file junk.fits: " in said.err
    assert [line.split()[0] for line in caldb("list").lines[1:]] == [DARK]
    write_niri(Path("N1.fits"))
    assert caldb("add", "N1.fits").code == 1
    Path("empty").mkdir()
    assert (caldb("add", "empty").code, "nothing was added" in caldb("add", "empty").err) == (1, True)


def test_a_file_that_does_not_exist_is_told_before_anything_is_added(caldb):
    master_dark(Path(DARK))
    said = caldb("add", DARK, "nosuch.fits")
    assert (said.code, said.err) == (1, "File nosuch.fits does not exist.\n")
    assert len(caldb("list").lines) == 2
    assert caldb("list").lines[1] == "There are no files in the database"


def test_a_name_that_is_not_in_the_list_is_reported(caldb):
    master_dark(Path(DARK))
    caldb("add", DARK)
    said = caldb("remove", "nosuch.fits", DARK, "-v")
    assert said.code == 1
    assert said.err.splitlines() == [
        "caldb: error: nosuch.fits: is not in ./cals.db; 'nightcrew caldb list' shows what is",
        f"Removed {DARK}",
    ]


def test_the_same_file_is_entered_once_and_a_changed_one_takes_its_place(caldb):
    master_dark(Path(DARK))
    caldb("add", DARK)
    Path("copy").mkdir()
    Path("copy", DARK).write_bytes(Path(DARK).read_bytes())
    assert caldb("add", f"copy/{DARK}").code == 0
    assert caldb("list").lines[1:] == [f"{DARK:30} {Path.cwd()}"]
    master_dark(Path(DARK), level=6.0)
    caldb("add", DARK)
    (record,) = [json.loads(line) for line in caldb("list", "--json").lines]
    assert record["md5"] == md5_of(DARK)


def test_a_list_for_programs_tells_everything(caldb):
    master_dark(Path(DARK))
    caldb("add", DARK)
    (line,) = caldb("list", "--json").lines
    record = json.loads(line)
    assert {key: record[key] for key in ("name", "directory", "instrument", "caltype", "state", "added_by")} == {
        "name": DARK, "directory": str(Path.cwd()), "instrument": "NIRI", "caltype": "processed_dark",
        "state": "certified", "added_by": "jane",
    }  # fmt: skip


def dragons_database(path: Path, *files: Path) -> Path:
    """Write a database as DRAGONS keeps it, as far as its list goes."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE header (id INTEGER, instrument TEXT)")
        connection.execute("CREATE TABLE diskfile (id INTEGER, filename TEXT, path TEXT, present INT, canonical INT)")
        rows = [(number, file.name, str(file.parent), 1, 1) for number, file in enumerate(files)]
        gone = (99, "N0_gone.fits", "/nowhere", 0, 0)
        connection.executemany("INSERT INTO diskfile VALUES (?, ?, ?, ?, ?)", [*rows, gone])
    return path


def test_a_database_of_dragons_is_recognised_and_never_harmed(home, nightcrew):
    configure(home, "./cals.db get store")
    before = dragons_database(Path("cals.db")).read_bytes()
    for words in (("list",), ("init",), ("init", "-w")):
        said = nightcrew("caldb", *words)
        assert said.code == 1
        assert "is a database of DRAGONS" in said.err
        assert "nightcrew caldb init --import-from cals.db" in said.err
    assert Path("cals.db").read_bytes() == before


def test_what_a_database_of_dragons_lists_is_taken_over(home, nightcrew):
    work = Path.cwd()
    dark, flat = master_dark(work / DARK), master_flat(work / FLAT)
    configure(home, "./cals.db get store")
    before = dragons_database(Path("cals.db"), dark, flat).read_bytes()
    said = nightcrew("caldb", "init", "--import-from", "cals.db", "-v")
    assert (said.code, said.err.splitlines()) == (
        0, ["Initializing ./cals.db...", f"Ingested {FLAT}", f"Ingested {DARK}"],
    )  # fmt: skip
    assert [line.split()[0] for line in nightcrew("caldb", "list").lines[1:]] == [FLAT, DARK]
    assert Path("cals.db.dragons").read_bytes() == before
    old = dragons_database(Path("old.db"), dark, work / "lost_dark.fits")
    said = nightcrew("caldb", "init", "-d", "new.db", "--import-from", str(old))
    assert (said.code, "Ingest failed for file" in said.err) == (1, True)
    assert old.exists()


@pytest.mark.parametrize("content", [b"junk", b"SQLite format 3\0junk"])
def test_what_is_no_database_of_dragons_is_not_imported(home, nightcrew, content):
    Path("old.db").write_bytes(content)
    said = nightcrew("caldb", "init", "-d", "new.db", "--import-from", "old.db")
    assert (said.code, "old.db: cannot be read as a database of DRAGONS" in said.err) == (1, True)
    assert not Path("new.db").exists()
    with closing(sqlite3.connect("empty.db")) as connection, connection:
        connection.execute("CREATE TABLE x (y INT)")
    assert "lists no files" in nightcrew("caldb", "init", "-d", "new.db", "--import-from", "empty.db").err


def test_tables_of_another_version_are_refused_with_the_command(own_caldb, nightcrew):
    with closing(open_local(Path("cals.db"))) as database:
        downgrade(database, CALIBRATION, "base")
    said = own_caldb("list")
    assert said.code == 1
    assert "run: nightcrew database upgrade -d ./cals.db" in said.err
    status = nightcrew("database", "status")
    assert (status.code, "./cals.db: calibration missing, revision none" in status.out) == (1, True)
    assert json.loads(nightcrew("database", "status", "--json").out)["standing"] == "missing"
    upgraded = nightcrew("database", "upgrade", "-d", "./cals.db")
    assert (upgraded.code, "calibration none -> " in upgraded.out) == (0, True)
    assert nightcrew("database", "upgrade").out == "./cals.db: calibration is up to date\n"
    assert own_caldb("list").code == 0
    assert nightcrew("database", "status").code == 0


def test_databases_that_are_not_there_are_named(home, nightcrew):
    assert "no database is configured" in nightcrew("database", "status").err
    configure(home, "./nowhere.db", "https://archive.gemini.edu")
    for word in ("status", "upgrade"):
        said = nightcrew("database", word)
        assert (said.code, "nowhere.db" in said.err, "archive" in said.err) == (1, True, False)


def test_a_disk_that_refuses_leaves_nothing_half_made(home, nightcrew):
    if os.geteuid() == 0:
        Path("folder").write_text("a file")
    else:
        Path("folder").mkdir(mode=0o500)
    said = nightcrew("caldb", "init", "-d", "folder/sub/cals.db")
    assert said.code == 1
    assert "folder" in said.err
