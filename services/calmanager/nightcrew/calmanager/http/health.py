"""Whether the service works: for whoever starts, watches and restarts it."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import Response

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.database.newest import newest
from nightcrew.calmanager.http import wire
from nightcrew.shared.database import require
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.telemetry.probes import TEXT

if TYPE_CHECKING:
    from nightcrew.calmanager.http.service import Service
    from nightcrew.calmanager.manager import CalibrationManager

_REFRESH = 300.0
"""Seconds between two looks for the newest calibrations, which read much of the table."""


def health_routes(service: Service) -> APIRouter:
    """Return the routes that need no token."""
    router = APIRouter(tags=["operation"])
    looked: list[float] = []

    @router.get("/healthz", summary="Whether the process answers", response_model=wire.StatusOut)
    async def healthz() -> Response:
        return Response(wire.StatusOut(status="ok").model_dump_json(), media_type="application/json")

    @router.get(
        "/readyz",
        summary="Whether database, schema and store can be used",
        response_model=wire.StatusOut,
        responses={503: {"model": wire.StatusOut, "description": "One of them cannot"}},
    )
    async def readyz() -> Response:
        checks = await service.workers.run(readiness, service.manager)
        good = all(found == "ok" for found in checks.values())
        body = wire.StatusOut(status="ok" if good else "unavailable", checks=checks)
        return Response(body.model_dump_json(), 200 if good else 503, media_type="application/json")

    @router.get("/metrics", summary="Counters and times in Prometheus' text format", response_class=Response,
                responses={200: {"content": {"text/plain": {}}}})  # fmt: skip
    async def metrics() -> Response:
        if not looked or time.monotonic() - looked[-1] > _REFRESH:
            looked[:] = [time.monotonic()]
            await service.workers.run(_refresh, service)
        text = await service.workers.run(service.metrics.text)
        return Response(text, media_type=TEXT)

    return router


def readiness(manager: CalibrationManager) -> dict[str, str]:
    """Return what can be used: `ok`, or one line that says what is wrong, for database, schema and store."""
    checks = {"database": "ok", "schema": "ok", "store": _store(manager)}
    try:
        manager.database.check()
    except NightcrewError as error:
        return checks | {"database": _line(error), "schema": "not known"}
    try:
        require(manager.database, CALIBRATION)
    except NightcrewError as error:
        checks["schema"] = _line(error)
    return checks


def _store(manager: CalibrationManager) -> str:
    if manager.files is None:
        return "ok"
    root = manager.files.root
    probe = root / f".ready-{secrets.token_hex(4)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except OSError as error:
        return f"{root}: cannot be written ({error.strerror}); see NIGHTCREW_CALMANAGER_STORE"
    return "ok"


def _refresh(service: Service) -> None:
    try:
        with service.manager.database.connect() as connection:
            service.metrics.newest(newest(connection))
    except NightcrewError:
        return  # the values of the last look stay; /readyz tells that the database is gone


def _line(error: NightcrewError) -> str:
    return " ".join(str(error).split())
