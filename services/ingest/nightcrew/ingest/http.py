"""Ingest over HTTP: frames that are handed in, and what watches the service."""

from __future__ import annotations

import hmac
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from nightcrew.ingest.core.naming import printable
from nightcrew.ingest.intake import Inbox, Unfinished, name_of, take_in, within
from nightcrew.ingest.recording import NotRecorded, Recorded
from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.http.limits import Limits
from nightcrew.shared.http.refusing import Refusal, refusal
from nightcrew.shared.http.workers import Workers
from nightcrew.shared.ledger import ArrivalState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from nightcrew.ingest.settings import IngestSettings
    from nightcrew.ingest.watching import Watcher
    from nightcrew.shared.database import Database

_MOST_JSON = 2**16
_STATUS = {ArrivalState.ACCEPTED: 201, ArrivalState.DUPLICATE: 200, ArrivalState.QUARANTINED: 422}


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets requests pass that carry a good token.

    Parameters
    ----------
    tokens
        The tokens that are good; none of them: nobody may hand in anything.
    """

    tokens: tuple[str, ...]

    def admit(self, request: Request) -> None:
        """Let a request pass, or raise `Refusal`; the time that takes tells nothing about the tokens."""
        if not self.tokens:
            raise Refusal(403, "token", "nobody may hand in frames here: set NIGHTCREW_INGEST_TOKEN_FILE")
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        given = sha256(secret.strip().encode()).digest()
        good = False
        for token in self.tokens:
            good |= hmac.compare_digest(sha256(token.encode()).digest(), given)
        if scheme.lower() != "bearer" or not good:
            raise Refusal(
                401, "token", "send a good token: `Authorization: Bearer TOKEN`", challenge='Bearer realm="nightcrew"'
            )


def create_app(
    database: Database,
    settings: IngestSettings,
    watcher: Watcher,
    *,
    health: Callable[[], Mapping[str, str]],
    ready: Callable[[], Mapping[str, str]],
    metrics: Callable[[], bytes],
) -> FastAPI:
    """Return the HTTP application of ingest.

    Parameters
    ----------
    database
        Holds the ledger.
    settings
        What is watched, who may hand in frames, and where these are kept.
    watcher
        Is told of frames that were handed in.
    health, ready
        Checks by name: `ok`, or what is wrong.  The first tells whether the process is to be started anew.
    metrics
        Gives the text that Prometheus scrapes.

    Raises
    ------
    SettingsError
        If the file of tokens cannot be read.
    """
    guard = Guard(settings.tokens())
    workers, uploads = Workers(2, "ingest-http"), Workers(settings.max_uploads, "ingest-upload")
    watch = settings.watch

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        uploads.close()
        workers.close()

    app = FastAPI(
        title="nightcrew ingest",
        description="Takes in raw frames: verified, described, recorded and announced, each content once.",
        version=version("nightcrew-ingest"),
        license_info={"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )

    @app.get("/healthz", summary="Whether ingest works")
    async def healthz() -> Response:
        return _checked(await workers.run(health))

    @app.get("/readyz", summary="Whether database, directories and broker can be used")
    async def readyz() -> Response:
        return _checked(await workers.run(ready))

    @app.get("/metrics", summary="Counters and times in Prometheus' text format")
    async def scraped() -> Response:
        text = await workers.run(metrics)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.post(
        "/frames",
        summary="Hand in a frame: its bytes with ?name=, or {\"path\": ...} of one that is in a watched directory",
        status_code=201,
    )  # fmt: skip
    async def hand_in(request: Request) -> Response:
        guard.admit(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            path = str(within(_path_in(await _small_body(request)), watch.directories))
            taken = await workers.run(take_in, database, watch.archive, path, most=watch.most)
            handed = path
        else:
            if settings.inbox is None:
                raise Refusal(409, "uploads", "no place for uploads: set NIGHTCREW_INGEST_UPLOADS")
            name = name_of(request.query_params.getlist("name"))
            inbox = Inbox(database, settings.inbox, settings.quarantine, watch.most)
            taken = await uploads.run_with_body(lambda parts: inbox.receive(name, parts), request.stream())
            handed = name
        if isinstance(taken, Recorded):
            watcher.recorded(taken, 0.0)
            if taken.trouble:
                watcher.trouble("files", taken.trouble)
        return _told(handed, taken)

    def body_bytes(_: str) -> int:
        return settings.max_frame

    app.add_middleware(
        Limits, most=4 * settings.max_uploads + 16, body_bytes=body_bytes, body_seconds=settings.body_timeout
    )
    app.add_exception_handler(NightcrewError, _refused)
    app.add_exception_handler(HTTPException, _unrouted)
    return app


def _told(handed: str, taken: Recorded | NotRecorded | Unfinished) -> Response:
    """Return how a frame that was handed in has ended."""
    if isinstance(taken, Unfinished):
        return JSONResponse({"state": str(ArrivalState.SETTLING), "reason": taken.reason}, 202)
    if isinstance(taken, NotRecorded):
        reason = taken.reason or f"{printable(handed)}: another ingest sees to it; ask again"
        raise Refusal(503, "service", reason, retry_after=2)
    told: dict[str, Any] = {"state": str(taken.state), "code": taken.code, "reason": taken.reason}
    if taken.frame is not None:
        frame = taken.frame
        told |= {
            "frame": taken.frame_id, "name": frame.name, "path": printable(frame.path), "sha256": frame.sha256,
            "instrument": frame.instrument, "kind": frame.kind, "night": frame.night.isoformat(),
        }  # fmt: skip
    return JSONResponse(told, _STATUS[taken.state])


def _checked(checks: Mapping[str, str]) -> Response:
    good = all(found == "ok" for found in checks.values())
    return JSONResponse({"status": "ok" if good else "unavailable", "checks": dict(checks)}, 200 if good else 503)


async def _small_body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_JSON:
            raise Refusal(413, "size", f"the body is larger than {_MOST_JSON} bytes")
    return bytes(body)


def _path_in(body: bytes) -> str:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    path = read.get("path") if isinstance(read, dict) else None
    if not isinstance(path, str) or set(read) != {"path"}:
        raise Refusal(422, "request", 'send {"path": "/absolute/path/of/a/frame.fits"}')
    return path


async def _refused(request: Request, error: Exception) -> Response:
    """Tell an error of ours."""
    assert isinstance(error, NightcrewError)
    if not isinstance(error, Refusal):
        status = 503 if error.retryable else 422
        message = " ".join(str(error).split())
        error = Refusal(status, error.code, message, retry_after=2 if status == 503 else None)
    return refusal(request.scope, error)


async def _unrouted(request: Request, error: Exception) -> Response:
    """Tell that there is no such route or method."""
    assert isinstance(error, HTTPException)
    codes = {404: ("route", "there is nothing here; see /openapi.json"), 405: ("method", "this is not answered here")}
    code, message = codes.get(error.status_code, ("request", str(error.detail)))
    why = Refusal(error.status_code, code, message)
    why.headers.update(error.headers or {})
    return refusal(request.scope, why)
