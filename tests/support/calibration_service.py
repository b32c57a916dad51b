"""Fixtures: a calibration manager with tables and a store of its own, served over HTTP in the test's process."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import httpx
import pytest

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.files import FileStore
from nightcrew.calmanager.settings import CalmanagerSettings
from nightcrew.calmanager.tokens import Scope, Tokens
from support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.database import Database, Schema
    from support.postgres import Tables

CERTIFYING = {"who": "ana", "why": "looked at it"}


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    """Return whose tables the database has."""
    return (CALIBRATION,)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory in which this module's service keeps files."""
    return tmp_path_factory.mktemp("service") / "store"


@pytest.fixture(scope="module")
def settings() -> CalmanagerSettings:
    """Return the settings that the service is served with; a module overrides them."""
    return CalmanagerSettings.load(max_upload=10**6)


@pytest.fixture(scope="module")
def manager_and_url(
    tables: Tables, store: Path, settings: CalmanagerSettings
) -> Iterator[tuple[CalibrationManager, str]]:
    """Give this module's manager, and the address at which it is served."""
    manager = CalibrationManager.open(tables.database, files=FileStore(store))
    with serving(manager, settings) as url:
        yield manager, url


@pytest.fixture
def manager(manager_and_url: tuple[CalibrationManager, str], database: Database, store: Path) -> CalibrationManager:
    """Return this module's manager, which keeps nothing yet."""
    shutil.rmtree(store, ignore_errors=True)
    store.unlink(missing_ok=True)
    return manager_and_url[0]


@pytest.fixture
def service(manager_and_url: tuple[CalibrationManager, str], manager: CalibrationManager) -> str:
    """Return the address of a service that keeps nothing yet."""
    return manager_and_url[1]


@pytest.fixture
def writer(database: Database) -> str:
    """Return a token that may read and write."""
    return Tokens(database).create("reducer-3", list(Scope))


@pytest.fixture
def client(service: str, writer: str) -> Iterator[httpx.Client]:
    """Give a client that may write."""
    with httpx.Client(base_url=service, headers={"Authorization": f"Bearer {writer}"}, timeout=20) as client:
        yield client


@pytest.fixture
def stranger(service: str) -> Iterator[httpx.Client]:
    """Give a client without a token."""
    with httpx.Client(base_url=service, timeout=20) as client:
        yield client
