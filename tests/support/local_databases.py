"""Fixtures: calibration databases of a user, local ones in an embedded server that stays up for a module."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.cli.caldb.local import create_local, open_local
from nightcrew.shared.database.embedded import EmbeddedServer
from support.postgres import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a data directory whose server runs."""
    directory = tmp_path_factory.mktemp("data")
    with EmbeddedServer(directory / "postgres"):
        yield directory


@pytest.fixture(scope="module")
def module_marker(data_dir: Path) -> Iterator[tuple[str, Tables]]:
    """Return the text of the file that stands for this module's database, and the database."""
    path = data_dir / "module.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTCREW_DATA_DIR", str(data_dir))
        create_local(path)
        with closing(open_local(path, "tests")) as database:
            yield path.read_text(), Tables.of(database, (CALIBRATION,))


@pytest.fixture
def empty_database(home: Path, module_marker: tuple[str, Tables]) -> Path:
    """Return the path of an empty database in the working directory; not to be wiped or changed in its tables."""
    text, tables = module_marker
    tables.bring_back()
    path = Path.cwd() / "cals.db"
    path.write_text(text)
    return path


@pytest.fixture
def home(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home directory with nothing in it; the user stands in `work/` beside it."""
    for folder in ("home", "work"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NIGHTCREW_DATA_DIR", str(data_dir))
    monkeypatch.setenv("LOGNAME", "jane")
    monkeypatch.delenv("DRAGONSRC", raising=False)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def configure(home: Path, *lines: str, file: str = ".dragons/dragonsrc", **more: str) -> None:
    """Write the configuration file of a user: one database a line."""
    path = home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "[calibs]\ndatabases = " + "\n    ".join(lines) + "\n"
    path.write_text(text + "".join(f"{key} = {value}\n" for key, value in more.items()))
