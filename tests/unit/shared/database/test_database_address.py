"""Addresses are read in the forms that people write, and shown without passwords."""

from __future__ import annotations

import traceback

import pytest

from nightcrew.shared.database import parse_url, safe_url
from nightcrew.shared.errors import SettingsError


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_the_driver_is_ours_whatever_form_the_address_has(scheme: str):
    url = parse_url(f"{scheme}://night:pa%40ss@db.example.org:5433/crew?sslmode=require")
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password, url.host, url.port, url.database) == (
        "night", "pa@ss", "db.example.org", 5433, "crew",
    )  # fmt: skip
    assert url.query["sslmode"] == "require"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "no address"),
        ("db.example.org/s3cret", "no address"),
        ("postgresql://night:s3cret@db:port/crew", "no address"),
        ("mysql://night:s3cret@db/crew", "only PostgreSQL"),
        ("postgresql+asyncpg://night:s3cret@db/crew", "only PostgreSQL"),
        ("postgresql://night:s3cret@db", "names no database"),
    ],
)
def test_an_address_that_is_none_is_refused_by_its_source_and_never_shown(text: str, rule: str):
    with pytest.raises(SettingsError, match=rule) as refused:
        parse_url(text, "NIGHTCREW_DATABASE_URL")
    said = str(refused.value)
    assert said.startswith("NIGHTCREW_DATABASE_URL: ")
    assert "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" in said
    assert "s3cret" not in said
    assert "s3cret" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://night:s3cret@db/crew",
        "postgresql://night@db/crew?password=s3cret",
        "postgresql://night@db/crew?sslpassword=s3cret&sslmode=require",
    ],
)
def test_no_password_is_ever_shown(text: str):
    assert "s3cret" not in safe_url(text)
    assert "s3cret" not in safe_url(parse_url(text))
    assert safe_url(text).startswith("postgresql://night")
