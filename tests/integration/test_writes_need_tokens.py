"""Whatever changes something over HTTP needs a token: every route of every service is asked, also those to come."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import text

from nightcrew.calmanager.http.app import create_app
from nightcrew.calmanager.tokens import Scope, Tokens
from nightcrew.ingest import http as ingest
from nightcrew.ingest.settings import IngestSettings
from nightcrew.shared.telemetry import Pulse, serve_probes
from support.calibration_service import manager, manager_and_url, schemas, service, settings, store, stranger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from starlette.routing import BaseRoute

    from nightcrew.calmanager import CalibrationManager
    from nightcrew.calmanager.settings import CalmanagerSettings
    from nightcrew.shared.database import Database

__all__ = ["manager", "manager_and_url", "schemas", "service", "settings", "store", "stranger"]
TELL = {"GET", "HEAD"}
QUESTIONS = {
    *(("POST", "/v1/associate"), ("POST", "/v1/explain")),
    *(("POST", f"/{form}calmgr/{{words:path}}") for form in ("", "json", "xml")),
}
"""What is asked with a body, and changes nothing."""
VALUES = {"name": "N1_dark.fits", "which": "1", "path": "N1_dark.fits", "words": "processed_dark"}
REFUSED = {401, 403}


def routes(found: FastAPI) -> set[tuple[str, str]]:
    """Return methods and paths of all routes, also of those that no document tells of."""
    return {(method, path) for path, methods in _walked(found.router.routes) for method in methods}


def _walked(listed: list[BaseRoute]) -> Iterator[tuple[str, set[str]]]:
    for one in listed:
        below = getattr(one, "routes", None) or getattr(getattr(one, "original_router", None), "routes", None)
        if below:
            yield from _walked(below)
        else:
            yield getattr(one, "path"), set(getattr(one, "methods", None) or {"GET"})  # noqa: B009 (of all kinds of routes)


def filled_in(path: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: VALUES[found[1]], path)


def kept(database: Database) -> dict[str, int]:
    """Return how many rows each table has."""
    with database.begin() as connection:
        names = connection.execute(
            text("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('calibration', 'ledger')")
        ).scalars()
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


def test_the_calibration_service_takes_nothing_from_strangers_or_readers(
    stranger: httpx.Client, manager: CalibrationManager, settings: CalmanagerSettings, database: Database
) -> None:
    writes = {one for one in routes(create_app(manager, settings)) if one[0] not in TELL} - QUESTIONS
    assert len(writes) >= 8
    documented = stranger.get("/openapi.json").json()["paths"]
    told = {(method.upper(), path) for path, methods in documented.items() for method in methods}
    assert told <= {(method, re.sub(r":\w+\}", "}", path)) for method, path in routes(create_app(manager, settings))}
    reader = {"Authorization": f"Bearer {Tokens(database).create('reader', [Scope.READ])}"}
    before = kept(database)
    for method, path in sorted(writes):
        for headers in ({}, {"Authorization": "Bearer nightcrew_guessed"}, reader):
            answer = stranger.request(method, filled_in(path), headers=headers, content=b"{}")
            assert answer.status_code in REFUSED, (method, path, answer.text)
    for method, path in QUESTIONS:
        assert stranger.request(method, filled_in(path), content=b"{}").status_code not in REFUSED
    assert kept(database) == before


def test_ingest_takes_nothing_from_strangers(database: Database, tmp_path) -> None:
    (tmp_path / "tokens").write_text("t" * 32)
    app = ingest.create_app(
        database,
        IngestSettings.load(directories=str(tmp_path), uploads=tmp_path / "kept", token_file=tmp_path / "tokens"),
        watcher=None,
        health=dict, ready=dict, metrics=bytes,
    )  # fmt: skip
    writes = {one for one in routes(app) if one[0] not in TELL}
    assert writes == {("POST", "/frames")}

    async def asked() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
            return [
                (await client.request(method, path, headers=headers, content=b"{}")).status_code
                for method, path in writes
                for headers in ({}, {"Authorization": "Bearer guessed"})
            ]

    assert set(asyncio.run(asked())) <= REFUSED
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_what_watches_planner_and_reducer_can_change_nothing(method: str) -> None:
    with serve_probes("127.0.0.1", 0, lambda: b"", Pulse()) as port, httpx.Client(timeout=5) as client:
        for path in ("/", "/metrics", "/healthz", "/readyz"):
            assert client.request(method, f"http://127.0.0.1:{port}{path}", content=b"x").status_code == 501


def test_a_route_without_a_token_would_be_found(manager: CalibrationManager, settings: CalmanagerSettings) -> None:
    app = create_app(manager, settings)
    before = routes(app)

    @app.delete("/v1/everything", include_in_schema=False)
    def everything() -> None:
        """Whoever forgets the token writes this."""

    assert routes(app) - before == {("DELETE", "/v1/everything")}
