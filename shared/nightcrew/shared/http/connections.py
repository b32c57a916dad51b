"""Connections: how many, how long a client may take over its headers, and how long those may be.

uvicorn limits none of the three by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

_BETWEEN = len(b": \r\n")
"""Bytes of a header besides its name and value."""

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"
    b"Content-Length: 36\r\nConnection: close\r\n\r\nToo many connections; try once more.\n"
)
_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Gate:
    """What connections may do, and how many there are.

    Parameters
    ----------
    most
        Connections that are served.  As many again are told to come back; those beyond are closed without a word.
    header_bytes
        Bytes of a request line and its headers.
    header_seconds
        Time for them to arrive.
    rest_seconds
        Time for the rest of a body to arrive that was answered before it was read.
    """

    most: int
    header_bytes: int
    header_seconds: float
    rest_seconds: float
    served: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one connection, within the limits of a `Gate`."""

    def __init__(self, *, gate: Gate, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._gate = gate
        self._counted = ""
        self._timer: asyncio.TimerHandle | None = None
        self._in_headers = True
        self._header_bytes = 0
        self._body_arrived = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve the connection, or refuse it if there are too many."""
        gate = self._gate
        if gate.served < gate.most:
            gate.served += 1
            self._counted = "served"
            super().connection_made(transport)
            self._arm(gate.header_seconds, _SLOW)
        elif gate.refused < gate.most:
            gate.refused += 1
            self._counted = "refused"
            self.transport = transport
            transport.write(_BUSY)
            if transport.can_write_eof():
                transport.write_eof()
            self._arm(gate.header_seconds, b"")
        else:
            self.transport = transport
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        if self._counted == "served":
            self._gate.served -= 1
            super().connection_lost(exc)
        elif self._counted == "refused":
            self._gate.refused -= 1
        self._counted = ""

    def data_received(self, data: bytes) -> None:
        """Take what has arrived; of a refused connection nothing is wanted."""
        if self._counted != "served" or self.transport.is_closing():
            return
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > self._gate.header_bytes:
            self._end(_LONG)

    def on_message_begin(self) -> None:
        """Begin with a request: its headers have so much time from now on."""
        super().on_message_begin()
        if not self._in_headers:
            self._header_bytes = 0
        self._in_headers = True
        self._body_arrived = False
        self._arm(self._gate.header_seconds, _SLOW)

    def on_headers_complete(self) -> None:
        """Hand the request on, unless its headers are too long."""
        self._in_headers = False
        self._disarm()
        if len(self.url) + sum(len(name) + len(value) + _BETWEEN for name, value in self.headers) > (
            self._gate.header_bytes
        ):
            self._end(_LONG)
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that all of the body has arrived."""
        self._body_arrived = True
        self._disarm()
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give a body that nobody wants any more some time to end."""
        super().on_response_complete()
        unwanted = self.cycle.response_complete and not self._in_headers and not self._body_arrived
        if unwanted and not self.transport.is_closing():
            self._arm(self._gate.rest_seconds, b"")

    def _arm(self, seconds: float, farewell: bytes) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._end, farewell)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, farewell: bytes) -> None:
        """Close the connection with a last answer."""
        if not self.transport.is_closing():
            if farewell:
                self.transport.write(farewell)
            self.transport.close()
