"""How a request is refused: a status, a code for programs, one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from nightcrew.shared.errors import NightcrewError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope


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


def refusal(scope: Scope, why: Refusal) -> Response:  # noqa: ARG001 - others tell it by the path
    """Return the response that refuses a request, as JSON."""
    return JSONResponse({"error": {"code": why.code, "message": str(why)}}, why.status, why.headers)
