"""The application: routes, limits, and how errors are told."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticSerializationError
from sqlalchemy.exc import DataError as UnfitValue
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException

from nightcrew.calmanager.http.archive import archive_routes
from nightcrew.calmanager.http.health import health_routes
from nightcrew.calmanager.http.observing import Observing
from nightcrew.calmanager.http.own import own_routes
from nightcrew.calmanager.http.refusing import Refusal, refusal, refusal_of
from nightcrew.calmanager.http.security import Guard
from nightcrew.calmanager.http.service import Service
from nightcrew.calmanager.metrics import Metrics
from nightcrew.calmanager.tokens import Tokens
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.http.limits import Limits
from nightcrew.shared.http.workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from nightcrew.calmanager.manager import CalibrationManager
    from nightcrew.calmanager.settings import CalmanagerSettings

_ABOUT = """
Keeps calibrations, judges new masters, and answers which of them belongs to a frame. Routes under `/v1` are nightcrew's
own; the others are the protocol of the Gemini archive, which DRAGONS speaks.
"""
_UNFIT = (UnicodeError, OverflowError, RecursionError, PydanticSerializationError)
"""What values of a request can cause: text that is no Unicode, numbers out of range, lists within lists."""

_UPLOADS = ("/upload_file/", "/upload_processed_cal/", "/v1/calibrations/")


def create_app(manager: CalibrationManager, settings: CalmanagerSettings) -> FastAPI:
    """Return the HTTP application of a calibration manager.

    Parameters
    ----------
    manager
        Who decides.
    settings
        How it is served.

    Raises
    ------
    SettingsError
        If the file of tokens cannot be read.
    """
    questions = Workers(settings.questions, "calmanager-question")
    workers, uploads = Workers(settings.threads, "calmanager"), Workers(settings.uploads, "calmanager-upload")
    guard = Guard(Tokens(manager.database, settings.bootstrap_tokens()), workers, settings.reads_need_token)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        uploads.close()
        questions.close()
        workers.close()

    app = FastAPI(
        title="nightcrew calibration manager",
        description=_ABOUT.strip(),
        version=version("nightcrew-calmanager"),
        license_info={"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    metrics = Metrics()
    service = Service(manager, settings, guard, questions, workers, uploads, metrics)
    routers = [health_routes(service), *own_routes(service)]
    if settings.archive:
        routers.append(archive_routes(service))
    for router in routers:
        app.include_router(router)
    metrics.know_routes(
        (method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods
    )

    def body_bytes(path: str) -> int:
        return settings.max_upload if path.startswith(_UPLOADS) else settings.max_body

    app.add_middleware(
        Limits, most=settings.requests, body_bytes=body_bytes, body_seconds=settings.body_timeout, refuse=refusal
    )
    app.add_middleware(Observing, metrics=metrics)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unrouted)
    for kind in (NightcrewError, StatementError, NoConnectionFree, *_UNFIT):
        app.add_exception_handler(kind, _told)
    return app


async def _told(request: Request, error: Exception) -> Response:
    """Tell an error of ours, or one that the values of the request have caused."""
    if isinstance(error, NightcrewError):
        why = refusal_of(error)
    elif isinstance(error, NoConnectionFree):
        why = Refusal(503, "busy", "all connections to the database are in use; try once more", retry_after=1)
    elif isinstance(error, DBAPIError) and not isinstance(error, UnfitValue):
        raise error
    else:
        why = Refusal(422, "request", "the request holds a value that cannot be compared: not text, or out of range")
    return refusal(request.scope, why)


async def _invalid(request: Request, error: Exception) -> Response:
    """Tell what is wrong with a body or parameter, without repeating it."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    status = 400 if first["type"] == "json_invalid" else 422
    return refusal(request.scope, Refusal(status, "request", f"{where}: {first['msg']}; see /openapi.json"))


async def _unrouted(request: Request, error: Exception) -> Response:
    """Tell that there is no such route or method."""
    assert isinstance(error, HTTPException)
    codes = {
        404: ("route", "there is nothing here; see /openapi.json"),
        405: ("method", "this method is not answered here"),
    }
    code, message = codes.get(error.status_code, ("request", str(error.detail)))
    why = Refusal(error.status_code, code, message)
    why.headers.update(error.headers or {})
    return refusal(request.scope, why)
