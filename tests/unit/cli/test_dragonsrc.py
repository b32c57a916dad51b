"""The configuration file: lines and what they mean, where it is looked for, what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightcrew.cli.caldb.configuration import Config, Kind, parse_config, read_config, without_password
from nightcrew.shared.errors import SettingsError

HOME = Path("/home/jane")
FILES = {"./own.sqlite", "/data/flats"}
DIRECTORIES = {"/data/nights", "/home/jane/cals"}
LOCAL, SERVER, POSTGRESQL = Kind.LOCAL, Kind.HTTP, Kind.POSTGRESQL

LINES = [
    ("~/.dragons/dragons.db get store", "/home/jane/.dragons/dragons.db", LOCAL, True, True),
    ("~/.dragons/dragons.db", "/home/jane/.dragons/dragons.db", LOCAL, True, False),
    ("./cal_manager.db get", "./cal_manager.db", LOCAL, True, False),
    ("cal_manager.db store", "cal_manager.db", LOCAL, False, True),
    ("/data/nights store get", "/data/nights/cal_manager.db", LOCAL, True, True),
    ("~/cals get", "/home/jane/cals/cal_manager.db", LOCAL, True, False),
    ("/not/there/yet/", "/not/there/yet/cal_manager.db", LOCAL, True, False),
    ("/data/flats", "/data/flats", LOCAL, True, False),
    ('"/with blank/cal.db" get', "/with blank/cal.db", LOCAL, True, False),
    ("https://archive.gemini.edu get", "https://archive.gemini.edu", SERVER, True, False),
    ("http://cal.example:8080/prefix/ get store", "http://cal.example:8080/prefix", SERVER, True, True),
    ("HTTP://cal.example", "HTTP://cal.example", SERVER, True, False),
    ("localhost:8080", "http://localhost:8080", SERVER, True, False),
    ("postgresql://crew:pw@db/night get store", "postgresql://crew:pw@db/night", POSTGRESQL, True, True),
    ("postgres:///night", "postgres:///night", POSTGRESQL, True, False),
]


def parse(text: str) -> Config:
    return parse_config(text, "dragonsrc", HOME, FILES.__contains__, DIRECTORIES.__contains__)


@pytest.mark.parametrize(("line", "name", "kind", "get", "store"), LINES)
def test_a_line_names_a_database_and_what_it_is_for(line, name, kind, get, store):
    (one,) = parse(f"[calibs]\ndatabases = {line}\n").databases
    assert (one.name, one.kind, one.get, one.store) == (name, kind, get, store)


def test_the_databases_stand_one_below_the_other():
    config = parse(
        "[calibs]\n"
        "Databases = ~/.dragons/dragons.db get store\n"
        "            ~/other/dir/ get\n"
        "\n"
        "            https://archive.gemini.edu get\n"
        "upload_cookie = 100%% secret\n"
        "system_calcache_dir = ~/cache\n"
        "system_calcache_gbs = 1.5\n"
        "[interactive]\ntheme = dark\n"
    )
    assert [one.shown for one in config.databases] == [
        "/home/jane/.dragons/dragons.db", "/home/jane/other/dir/cal_manager.db", "https://archive.gemini.edu",
    ]  # fmt: skip
    assert config.upload_cookie == "100% secret"
    assert (config.system_cache, config.system_cache_bytes) == (HOME / "cache", 1_500_000_000)
    assert not config.warnings
    assert "secret" not in repr(config)


def test_the_tutorial_of_2020_still_has_its_database():
    config = parse("[calibs]\nstandalone = True\ndatabase_dir = ~/niri_tutorial\n")
    (one,) = config.databases
    assert (one.name, one.get, one.store) == ("/home/jane/niri_tutorial/cal_manager.db", True, False)
    assert config.warnings == (
        "dragonsrc: database_dir and standalone are out of use; write 'databases = ~/niri_tutorial get'",
    )
    assert parse("[calibs]\ndatabase_dir = ~/x/cal.db").warnings == (
        "dragonsrc: database_dir is out of use; write 'databases = ~/x/cal.db get'",
    )


@pytest.mark.parametrize("text", ["", "[interactive]\nbrowser = x\n", "[calibs]\n", "[calibs]\ndatabases =\n"])
def test_no_line_is_no_database(text):
    assert parse(text).databases == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[calibs]\ndatabases = x.db put", "x.db: Unknown flag 'put'; 'get', 'store' or both"),
        ("[calibs]\ndatabases = cal.example:8080/prefix get", "a server needs its scheme; write http://cal.example:80"),
        ("[calibs]\ndatabases = archive.gemini.edu get", "a server or a file? Write https://archive.gemini.edu or ./a"),
        ("[calibs]\ndatabases = ftp://u:pw@cal.example", "ftp://u@cal.example: a path, http(s):// or postgresql://"),
        ("[calibs]\ndatabases = http://[nonsense get", "http://...: is no address of a server; write http://HOST:PORT"),
        ("[calibs]\ndatabases = http://:80", "is no address of a server"),
        ("[calibs]\ndatabases = http://cal.example:port", "is no address of a server"),
        ('[calibs]\ndatabases = "x.db', 'No closing quotation; close the quotation'),
        ("databases = x.db", "contains no section headers"),
        ("[calibs]\ndatabases = a.db\ndatabases = b.db", "already exists"),
        ("[calibs]\nupload_cookie = 50%", "must be followed by"),
        ("[calibs]\nsystem_calcache_gbs = much", "much: a number of gigabytes is expected"),
        ("[calibs]\nsystem_calcache_gbs = -1", "-1: a number of gigabytes is expected"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_told_in_one_line(text, says):
    with pytest.raises(SettingsError) as told:
        parse(text)
    assert says in str(told.value)
    assert str(told.value).startswith("dragonsrc: ")
    assert "\n" not in str(told.value)


def test_a_slip_in_a_key_is_told():
    assert parse("[calibs]\ndatabase = x.db\n").warnings == (
        "dragonsrc: [calibs] knows no 'database'; did you mean databases?",
    )


def test_a_password_is_not_shown():
    assert without_password("postgresql://crew:pw@db:5433/night") == "postgresql://crew@db:5433/night"
    assert without_password("/data/x:y@z.db") == "/data/x:y@z.db"
    (one,) = parse("[calibs]\ndatabases = postgresql://crew:pw@db/night?password=pw").databases
    assert "pw" not in one.shown + repr(one)


def write(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[calibs]\ndatabases = {name}.db\n")


def test_the_file_is_the_named_one_else_the_variables_else_that_of_the_home(tmp_path):
    assert read_config(None, {}, tmp_path) == Config()
    write(tmp_path / ".geminidr/rsys.cfg", "legacy")
    legacy = read_config(None, {}, tmp_path)
    assert (legacy.file, legacy.databases[0].name) == ("~/.geminidr/rsys.cfg", "legacy.db")
    assert legacy.warnings == ("~/.geminidr/rsys.cfg is out of use; write ~/.dragons/dragonsrc instead",)
    write(tmp_path / ".dragons/dragonsrc", "home")
    home = read_config(None, {"DRAGONSRC": ""}, tmp_path)
    assert (home.file, home.databases[0].name, home.warnings) == ("~/.dragons/dragonsrc", "home.db", ())
    write(tmp_path / "variable", "variable")
    variable = read_config(None, {"DRAGONSRC": "~/variable"}, tmp_path)
    assert (variable.file, variable.databases[0].name) == ("~/variable", "variable.db")
    write(tmp_path / "named", "named")
    assert read_config(tmp_path / "named", {"DRAGONSRC": "~/variable"}, tmp_path).databases[0].name == "named.db"


def test_a_file_that_is_named_must_exist(tmp_path):
    with pytest.raises(SettingsError, match="--config: there is no file nowhere"):
        read_config(Path("nowhere"), {}, tmp_path)
    with pytest.raises(SettingsError, match="DRAGONSRC: there is no file /nowhere"):
        read_config(None, {"DRAGONSRC": "/nowhere"}, tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "rc").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="rc: cannot be read"):
        read_config(tmp_path / "rc", {}, tmp_path)
