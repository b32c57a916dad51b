"""Fixtures that all tests see."""

from __future__ import annotations

import os

from support.postgres import database, postgres_server, postgres_url, schemas, tables

__all__ = ["database", "postgres_server", "postgres_url", "schemas", "tables"]


def pytest_configure() -> None:
    """Keep the databases of whoever runs the tests out of them: an empty file is the configuration."""
    os.environ["DRAGONSRC"] = os.devnull
