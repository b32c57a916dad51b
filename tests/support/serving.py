"""The calibration service for the tests: in a thread of the test, or as the process that operators start."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from nightcrew.calmanager.http.app import create_app
from nightcrew.calmanager.serve import server_for
from nightcrew.calmanager.settings import CalmanagerSettings
from support.logged_process import PATIENCE, LoggedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.calmanager import CalibrationManager


@contextmanager
def serving(manager: CalibrationManager, settings: CalmanagerSettings) -> Iterator[str]:
    """Serve a manager in a thread, its log held back; give its address."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = server_for(create_app(manager, settings), settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the service did not start"
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the service does not end"


@dataclass
class ServiceProcess(LoggedProcess):
    """`nightcrew-calmanager serve` as a process of its own.

    Parameters
    ----------
    database_url, store
        Where it keeps calibrations.
    environment
        More variables.
    """

    database_url: str
    store: Path
    environment: dict[str, str] = field(default_factory=dict)
    url: str = ""
    log: list[str] = field(default_factory=list)

    def __enter__(self) -> ServiceProcess:
        self.launch(
            "-m", "nightcrew.calmanager.serve", "serve", "--port", "0", "--store", str(self.store),
            environment={"NIGHTCREW_DATABASE_URL": self.database_url, **self.environment},
        )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while not self.url and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        return self

    def hear(self, line: str) -> None:
        self.log.append(line)
        if '"listening"' in line:
            self.url = json.loads(line)["url"]


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of an address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def exchange(url: str, request: bytes, *, patience: float = PATIENCE) -> bytes:
    """Send bytes as they are, and return everything that comes until the other side closes."""
    with socket.create_connection(address_of(url), timeout=patience) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Return everything that comes until the other side closes."""
    received = bytearray()
    while part := connection.recv(65536):
        received += part
    return bytes(received)


def split(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers (names in lower case) and body of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, body
