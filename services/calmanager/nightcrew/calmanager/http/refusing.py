"""How a request is refused: a status, a code for programs, one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse

from nightcrew.shared.errors import NightcrewError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

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


class Refusal(NightcrewError):
    """A request that is not answered as asked.

    Parameters
    ----------
    status
        HTTP status.
    code
        What happened, for programs.
    message
        The same, for people.
    retry_after
        Seconds after which to try again.
    challenge
        What `WWW-Authenticate` says.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None, challenge: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code  # type: ignore[misc]  # of each refusal, not of the class
        self.headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
        if challenge is not None:
            self.headers["WWW-Authenticate"] = challenge


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
    return JSONResponse({"error": {"code": why.code, "message": str(why)}}, why.status, why.headers)
