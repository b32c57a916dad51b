"""Fixtures that all tests see."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
import structlog

from support.postgres import database, postgres_server, postgres_url, schemas, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["database", "postgres_server", "postgres_url", "schemas", "tables"]


def pytest_configure() -> None:
    """Keep the databases of whoever runs the tests out of them: an empty file is the configuration."""
    os.environ["DRAGONSRC"] = os.devnull


@pytest.fixture(autouse=True, scope="module")
def _default_log() -> Iterator[None]:
    """Let no module of tests leave the log in another form: servers within the process set it up for a module."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Let no test leave the log in another form: commands set it up for the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configured, before = structlog.is_configured(), structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    if configured:
        structlog.configure(**before)
