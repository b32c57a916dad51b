"""Files of calibrations: checked, then sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nightcrew.calmanager.http.refusing import Refusal
from nightcrew.calmanager.http.sending import FileResponse, OpenFile
from nightcrew.calmanager.incoming import digests_of
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from nightcrew.calmanager.http.service import Service
    from nightcrew.calmanager.records import Record


class NoFile(Refusal):
    """A calibration whose file cannot be had."""

    def __init__(self, record: Record, why: str) -> None:
        super().__init__(404, "file", f"{record.name}: {why}; add it again")


def opened(record: Record) -> OpenFile:
    """Open the file of a calibration.

    Raises
    ------
    NoFile
        If it is gone, or not the file any more that was registered.
    """
    path = record.path
    if path is None:
        raise NoFile(record, "its file is in a store that is not at hand here")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise NoFile(record, f"its file cannot be read ({error.strerror or error})") from error
    try:
        status = os.fstat(stream.fileno())
        unchanged = (status.st_size, status.st_mtime_ns) == (record.size, record.modified)
        if not unchanged and not _holds(path, record.sha256):
            raise NoFile(record, "its file has changed since it was registered")
    except BaseException:
        stream.close()
        raise
    return OpenFile(stream, status.st_size)


def file_response(service: Service, request: Request, record: Record, file: OpenFile) -> FileResponse:
    """Return the file of a calibration, or the part of it that a request wants."""
    return FileResponse(
        file,
        name=record.name,
        sha256=record.sha256,
        request_headers=request.headers,
        workers=service.workers,
        seconds=service.settings.send_timeout,
    )


def _holds(path: Path, sha256: str) -> bool:
    try:
        return digests_of(path).sha256 == sha256
    except FrameError:
        return False
