"""One line of log and two metrics for every request; an error that nobody foresaw becomes a 500."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from nightcrew.calmanager.http.refusing import Refusal, refusal
from nightcrew.shared.http.limits import ALWAYS_ANSWERED

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from nightcrew.calmanager.metrics import Metrics

_log = structlog.stdlib.get_logger("nightcrew.calmanager.http")


class Observing:
    """Watch what is asked and answered.

    Headers, cookies, bodies and queries are not logged: a token may be in them.

    Parameters
    ----------
    app
        Who answers.
    metrics
        Who counts.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered, and note how."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except TimeoutError:
            # Only sending a file has a time limit of its own that ends here: the client takes nothing.
            status = status or 500
            raise
        except Exception:
            _log.exception("failed", method=scope["method"], path=_path(scope))
            if status:
                raise
            why = Refusal(500, "internal", "the service has failed; its log tells how")
            await refusal(scope, why)(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("route"), "path", None)
            self.metrics.responded(scope["method"], route, status or 499, seconds)
            write = _log.debug if scope["path"] in ALWAYS_ANSWERED else _log.info
            client = scope.get("client")
            write(
                "request",
                method=scope["method"],
                path=_path(scope),
                status=status or 499,
                ms=round(1000 * seconds, 2),
                client=client[0] if client else None,
                who=scope.get("state", {}).get("who"),
            )


def _path(scope: Scope) -> str:
    """Return the path as it was sent, percent-encoded, without the query."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "backslashreplace")[:300]
