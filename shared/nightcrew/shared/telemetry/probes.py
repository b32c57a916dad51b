"""/metrics, /healthz and /readyz of a service that answers nothing else."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STALE = 120.0
"""Seconds without a turn of the loop after which a service is taken to hang: a statement may take a minute."""
TEXT = "text/plain; version=0.0.4; charset=utf-8"
POLL = 0.1
"""Seconds in which the end of the service is noticed."""


@dataclass(slots=True)
class Pulse:
    """When the loop of a service last went round, and what it still waits for; written by one thread, read by another.

    Parameters
    ----------
    stale
        Seconds after which it is taken to hang.
    waits_for
        What keeps it from working; empty once it is ready.
    """

    stale: float = STALE
    waits_for: str = "its first turn"
    _at: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """Note that the loop goes round."""
        self._at = time.monotonic()

    def hangs(self) -> str:
        """Return why the service is taken for dead; empty if it is not."""
        age = time.monotonic() - self._at
        return "" if age < self.stale else f"the loop went round {age:.0f} s ago"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serve_probes(host: str, port: int, metrics: Callable[[], bytes], pulse: Pulse, setting: str = "") -> Iterator[int]:
    """Answer while the block runs; gives the port.

    Parameters
    ----------
    host, port
        Where; port 0: any free one.  Everything that is told is told to everybody who can connect: addresses other
        than loopback belong to a network of the suite's own.
    metrics
        Returns Prometheus' text; is called from other threads.
    pulse
        Whether the service lives and is ready.
    setting
        Name of the setting that holds the port, for the error.

    Raises
    ------
    ServiceError
        If the address cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version, sys_version = "nightcrew", ""

        def do_GET(self) -> None:
            status, body = answer(self.path, metrics, pulse)
            self.send_response(status)
            self.send_header("Content-Type", TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by the base class)
            """Keep silent: probes come every few seconds."""

    try:
        server = _Server((host, port), Handler)
    except OSError as error:
        remedy = f"; choose another {setting}" if setting else ""
        raise ServiceError(f"{host}:{port}: cannot be listened at ({error.strerror}){remedy}") from error
    thread = threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True, name="probes")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(path: str, metrics: Callable[[], bytes], pulse: Pulse) -> tuple[HTTPStatus, bytes]:
    """Return status and body for a path."""
    match path.partition("?")[0]:
        case "/metrics":
            return HTTPStatus.OK, metrics()
        case "/healthz":
            return _verdict(pulse.hangs(), "alive")
        case "/readyz":
            return _verdict(pulse.hangs() or (pulse.waits_for and f"waits for {pulse.waits_for}"), "ready")
        case _:
            return HTTPStatus.NOT_FOUND, b"/metrics, /healthz and /readyz are here\n"


def _verdict(fault: str, good: str) -> tuple[HTTPStatus, bytes]:
    status = HTTPStatus.SERVICE_UNAVAILABLE if fault else HTTPStatus.OK
    return status, f"{fault or good}\n".encode()
