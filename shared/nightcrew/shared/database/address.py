"""Addresses of databases: read, and said without their secrets."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from nightcrew.shared.errors import SettingsError

DRIVER = "postgresql+psycopg"
FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SCHEMES = frozenset({"postgresql", "postgres", DRIVER})


def parse_url(text: str, source: str = "the address of the database") -> URL:
    """Read an address, and name the driver that we use.

    Parameters
    ----------
    text
        ``postgresql://...`` or ``postgres://...``, with the parameters that libpq knows after a question mark.
    source
        Where it comes from, for the error; the address itself is never shown.

    Raises
    ------
    SettingsError
        If it is no such address, or names no database.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(f"{source}: is no address of a database; write {FORM}") from None
    if url.drivername not in _SCHEMES:
        raise SettingsError(f"{source}: only PostgreSQL is spoken here; write {FORM}")
    if not url.database:
        raise SettingsError(f"{source}: names no database; write {FORM}")
    return url.set(drivername=DRIVER)


def safe_url(url: URL | str) -> str:
    """Return the address as it may be shown and logged: every password is three stars.

    Examples
    --------
    >>> safe_url("postgresql://night:secret@db.example.org/nightcrew")
    'postgresql://night:***@db.example.org/nightcrew'
    """
    known = parse_url(url) if isinstance(url, str) else url
    hidden = {key: "***" for key in known.query if "password" in key.lower()}
    return known.set(drivername="postgresql").update_query_dict(hidden).render_as_string(hide_password=True)
