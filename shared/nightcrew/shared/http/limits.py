"""What one request may take: bytes, time, and a place among the others (ASGI middleware)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from nightcrew.shared.http.refusing import Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS_ANSWERED = frozenset({"/healthz", "/readyz", "/metrics"})
"""What watches the service must get through when it is busy."""

_DRAINED = 32 * 2**20
"""Bytes of a refused body that are read before the answer: a client that sends first and listens afterwards would
otherwise see a broken connection instead of the reason."""

_DRAIN_SECONDS = 5.0


class TooLarge(Refusal):
    """A body beyond its limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, "size", f"the body is larger than {limit} bytes, the most that is taken here")


class TooSlow(Refusal):
    """A body of which nothing came for too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(408, "timeout", f"no more of the body within {seconds:g} s; send it again")


class Limits:
    """Keep every request within its limits.

    Parameters
    ----------
    app
        Who answers.
    most
        Requests in work; one more is told to come back.
    body_bytes
        Most bytes of a body, by path.
    body_seconds
        Longest time in which nothing of a body may come.
    refuse
        Makes the response that refuses a request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most: int,
        body_bytes: Callable[[str], int],
        body_seconds: float,
        refuse: Callable[[Scope, Refusal], Response] = refusal,
    ) -> None:
        self.app = app
        self.most = most
        self.body_bytes = body_bytes
        self.body_seconds = body_seconds
        self.refuse = refuse
        self.in_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(receive, self.body_bytes(scope["path"]), self.body_seconds, "expect" in headers)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await body.drain()
            await send(message)

        if self.in_work >= self.most:
            busy = Refusal(503, "busy", "too many requests in work; try once more", retry_after=1)
            await self.refuse(scope, busy)(scope, body.receive, answer)
            return
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > body.limit:
            body.refused = True
            await self.refuse(scope, TooLarge(body.limit))(scope, body.receive, answer)
            return
        self.in_work += 1
        try:
            await self.app(scope, body.receive, answer)
        finally:
            self.in_work -= 1


class _Body:
    """The body of a request, counted while it is read."""

    def __init__(self, receive: Receive, limit: int, seconds: float, asks_first: bool) -> None:
        self._receive = receive
        self._seconds = seconds
        self._left = True
        self._begun = not asks_first
        self._taken = 0
        self.limit = limit
        self.refused = False

    async def receive(self) -> Message:
        """Return the next part."""
        self._begun = True
        if not self._left:
            return await self._receive()
        try:
            async with asyncio.timeout(self._seconds):
                message = await self._receive()
        except TimeoutError as error:
            self._left = False
            raise TooSlow(self._seconds) from error
        self._note(message)
        if self._taken > self.limit:
            self.refused = True
            raise TooLarge(self.limit)
        return message

    async def drain(self) -> None:
        """Read what is left, up to a bound, so that the answer reaches a client that is still sending."""
        end = self._taken + _DRAINED
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while self._left and self._begun and self._taken < end:
                    self._note(await self._receive())
        except TimeoutError:
            self._left = False

    def _note(self, message: Message) -> None:
        self._taken += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._left = False
