"""How a request is refused: a status, a code for programs, one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from nightcrew.shared.http import refusing
from nightcrew.shared.http.refusing import Refusal

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

    from nightcrew.shared.errors import NightcrewError

__all__ = ["STATUS", "Refusal", "of_archive", "refusal", "refusal_of"]

STATUS = {
    "unknown": 404,
    "overlap": 409,
    "state": 409,
    "name": 422,
    "request": 400,
    "digest": 422,
    "frame": 422,
    "size": 413,
}
"""HTTP status for the code of an error; others of ours are 422, or 503 if it is worth another try."""


def refusal_of(error: NightcrewError) -> Refusal:
    """Return how an error of the calibration manager is told."""
    if isinstance(error, Refusal):
        return error
    message = " ".join(str(error).split())
    status = STATUS.get(error.code)
    if status is None:
        status = 503 if error.retryable else 422
    return Refusal(status, error.code, message, retry_after=2 if status == 503 else None)


def of_archive(path: str) -> bool:
    """Whether a path belongs to the archive's protocol, whose answers to bad requests are plain text."""
    return path.startswith(
        ("/jsoncalmgr", "/calmgr", "/xmlcalmgr", "/file/", "/upload_file/", "/upload_processed_cal/")
    )


def refusal(scope: Scope, why: Refusal) -> Response:
    """Return the response that refuses a request."""
    if of_archive(scope["path"]):
        return PlainTextResponse(f"{why}", why.status, why.headers)
    return refusing.refusal(scope, why)
