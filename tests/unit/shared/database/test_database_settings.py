"""Settings of the database: what goes before what, and that secrets stay secret."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from nightcrew.shared.database import DatabaseSettings
from nightcrew.shared.errors import SettingsError

URL = "postgresql://night:s3cret@db/crew"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("NIGHTCREW_")]:
        monkeypatch.delenv(name)


def test_without_any_setting_the_embedded_database_is_meant(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/data")
    settings = DatabaseSettings.load()
    assert settings.url() is None
    assert settings.data_dir == Path("/somewhere/data/nightcrew")


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", "postgresql://other/other")
    monkeypatch.setenv("NIGHTCREW_DATABASE_POOL_SIZE", "7")
    given = DatabaseSettings.load(database_url=URL).url()
    assert given is not None
    assert given.host == "db"
    assert DatabaseSettings.load().database_pool_size == 7
    assert DatabaseSettings.load(database_pool_size=3).database_pool_size == 3


def test_the_address_goes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "url").write_text("postgresql://file/crew\n")
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL_FILE", str(tmp_path / "url"))
    from_file = DatabaseSettings.load().url()
    assert from_file is not None
    assert from_file.host == "file"
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", URL)
    from_variable = DatabaseSettings.load().url()
    assert from_variable is not None
    assert from_variable.host == "db"


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", "")
    assert DatabaseSettings.load().url() is None


def test_secrets_are_in_no_representation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", URL)
    settings = DatabaseSettings.load()
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_value_out_of_range_is_named_by_its_variable_without_the_values(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", URL)
    monkeypatch.setenv("NIGHTCREW_DATABASE_POOL_SIZE", "-77")
    with pytest.raises(SettingsError, match="^NIGHTCREW_DATABASE_POOL_SIZE: .*greater than or equal to 1") as refused:
        DatabaseSettings.load()
    assert "-77" not in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"s3cret"])
def test_a_file_without_an_address_is_named_and_not_shown(tmp_path: Path, content: bytes | None):
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="NIGHTCREW_DATABASE_URL_FILE") as refused:
        DatabaseSettings.load(database_url_file=path).url()
    assert str(path) in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_importing_reads_no_environment():
    code = (
        "import os\n"
        "class Watched(dict):\n"
        "    def _seen(self, key): assert not str(key).startswith('NIGHTCREW'), key\n"
        "    def __getitem__(self, key): self._seen(key); return super().__getitem__(key)\n"
        "    def get(self, key, default=None): self._seen(key); return super().get(key, default)\n"
        "    def __iter__(self): raise AssertionError('all of the environment is read')\n"
        "import sqlalchemy, alembic, psycopg, pydantic_settings, platformdirs, multiprocessing\n"
        "os.environ = Watched(os.environ)\n"
        "import nightcrew.shared.database, nightcrew.shared.database.embedded\n"
    )
    environment = {**os.environ, "NIGHTCREW_DATABASE_POOL_SIZE": "nonsense"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
