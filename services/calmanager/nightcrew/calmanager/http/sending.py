"""Sending a file: whole or a part of it, as it is on disk."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from starlette.responses import Response

from nightcrew.calmanager.http.ranges import Part, Unsatisfiable, names_etag, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from nightcrew.shared.http.workers import Workers

_CHUNK = 2**19


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file opened for sending; that it stays open keeps its bytes, whatever happens to its name."""

    stream: BinaryIO
    size: int


class FileResponse(Response):
    """A file, or the part of it that was asked for.

    Parameters
    ----------
    file
        The file; closed when it was sent.
    name
        What the client shall call it.
    sha256
        Its digest, which is its entity tag.
    request_headers
        Of the request: `Range`, `If-Range`, `If-None-Match`.
    workers
        Where it is read.
    seconds
        Time in which the client must take a part.

    Notes
    -----
    Never with a content encoding: a client compares the digest of what it receives.
    """

    def __init__(
        self,
        file: OpenFile,
        *,
        name: str,
        sha256: str,
        request_headers: Mapping[str, str],
        workers: Workers,
        seconds: float,
    ) -> None:
        etag = f'"{sha256}"'
        headers = {
            "Content-Type": "application/fits",
            "Content-Disposition": f'attachment; filename="{name}"',
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "X-Content-Type-Options": "nosniff",
        }
        self._file = file
        self._workers = workers
        self._seconds = seconds
        self._part: Part | None = Part(0, file.size - 1)
        status = 200
        if names_etag(request_headers.get("if-none-match"), etag):
            status, self._part = 304, None
        elif request_headers.get("if-range", etag) == etag:
            wanted = part_of(request_headers.get("range"), file.size)
            if isinstance(wanted, Unsatisfiable):
                status, self._part = 416, None
                headers["Content-Range"] = f"bytes */{file.size}"
            elif wanted is not None:
                status, self._part = 206, wanted
                headers["Content-Range"] = f"bytes {wanted.first}-{wanted.last}/{file.size}"
        length = self._part.length if self._part else 0
        super().__init__(status_code=status, headers=headers)
        if status != 304:
            self.headers["Content-Length"] = str(length)
        elif "content-length" in self.headers:
            del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it, no faster than the client takes it; a client that takes nothing is left."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or self._part is None:
                await send({"type": "http.response.body", "body": b""})
                return
            left, start = self._part.length, self._part.first
            while left > 0:
                chunk = await self._workers.run(_read, self._file.stream, start, min(left, _CHUNK))
                left, start = left - len(chunk), start + len(chunk)
                async with asyncio.timeout(self._seconds):
                    await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
                if not chunk:
                    return
            if not self._part.length:
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._file.stream.close()


def _read(stream: BinaryIO, start: int, size: int) -> bytes:
    return os.pread(stream.fileno(), size, start)
