"""A server that speaks the archive's protocol, as far as the tests need it, on a port of its own."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Archive:
    """What the archive holds, and what it was asked.

    Parameters
    ----------
    files
        Bytes by name.
    answers
        Names of the calibrations to give, by type.
    lies
        Names of files whose announced MD5 is wrong.
    broken
        Names of files whose transfer breaks off in the middle.
    failing
        HTTP status with which everything is answered, or 0.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)
    lies: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    failing: int = 0
    document: Any = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    uploads: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def answer(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Return status, content type and body of the answer to a POST."""
        if self.failing:
            return self.failing, "text/plain", b"the archive is being moved\n"
        _, word, *parts = path.split("/")
        if word == "upload_file":
            self.uploads[parts[0]] = (body, self.headers[-1].get("Cookie", ""))
            return 200, "application/json", b"[]"
        if word != "jsoncalmgr":
            return 404, "text/html", b"<html>Not Found</html>"
        self.asked.append((path, json.loads(body)))
        if self.document is not None:
            return 200, "application/json", json.dumps(self.document).encode()
        cals = [
            {
                "label": "GN-1",
                "name": name,
                "md5": "0" * 32 if name in self.lies else hashlib.md5(self.files[name]).hexdigest(),
                "url": f"{self.url}/file/{name}",
            }
            for name in self.answers.get(parts[0], [])
        ]
        info = {"error": False, "type": parts[0], "cals": cals}
        return 200, "application/json", json.dumps([{"label": "t", "cal_info": [info]}]).encode()


class _Handler(BaseHTTPRequestHandler):
    archive: Archive
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.archive.headers.append(dict(self.headers))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._send(*self.archive.answer(self.path, body))

    def do_GET(self) -> None:
        self.archive.headers.append(dict(self.headers))
        name = self.path.rpartition("/")[2]
        self.archive.downloads.append(name)
        if name in self.archive.broken:
            self._break_off(self.archive.files[name])
        elif name in self.archive.files:
            self._send(200, "application/fits", self.archive.files[name])
        else:
            self._send(404, "text/plain", b"no such file\n")

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _break_off(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        pass


@contextmanager
def archive_server() -> Iterator[Archive]:
    """Run an empty archive."""
    archive = Archive()
    handler = type("Handler", (_Handler,), {"archive": archive})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        archive.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield archive
        finally:
            server.shutdown()
            thread.join()


def unused_url() -> str:
    """Return an address at which nobody answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        return f"http://127.0.0.1:{server.server_address[1]}"
