"""/metrics, /healthz and /readyz of a reducer, for the machine's own network."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.reducer.worker.journal import Pulse
    from nightcrew.reducer.worker.metrics import Metrics

STALE = 120.0
"""Seconds without a turn of the loop after which a reducer is taken to hang: a statement may take a minute."""
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(host: str, port: int, metrics: Metrics, pulse: Pulse) -> Iterator[int]:
    """Answer while the block runs; gives the port.

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
        raise ServiceError(
            f"{host}:{port}: cannot be listened at ({error.strerror}); choose another NIGHTCREW_REDUCER_PORT"
        ) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(path: str, metrics: Metrics, pulse: Pulse) -> tuple[HTTPStatus, bytes]:
    """Return status and body for a path."""
    match path.partition("?")[0]:
        case "/metrics":
            return HTTPStatus.OK, metrics.text()
        case "/healthz":
            age = pulse.age()
            status = HTTPStatus.OK if age < STALE else HTTPStatus.SERVICE_UNAVAILABLE
            return status, f"the loop went round {age:.1f} s ago\n".encode()
        case "/readyz":
            if pulse.ready:
                return HTTPStatus.OK, b"ready\n"
            return HTTPStatus.SERVICE_UNAVAILABLE, b"the process for jobs is not warm yet\n"
        case _:
            return HTTPStatus.NOT_FOUND, b"/metrics, /healthz and /readyz are here\n"
