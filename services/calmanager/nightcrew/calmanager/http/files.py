"""Files of calibrations: checked, then sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nightcrew.calmanager.http.refusing import Refusal
from nightcrew.calmanager.http.sending import FileResponse, OpenFile
from nightcrew.calmanager.incoming import digests_of
from nightcrew.shared.errors import FrameError

if TYPE_CHECKING:
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
    try:
        stream = record.path.open("rb")
    except OSError as error:
        raise NoFile(record, f"its file cannot be read ({error.strerror or error})") from error
    try:
        status = os.fstat(stream.fileno())
        unchanged = (status.st_size, status.st_mtime_ns) == (record.size, record.modified)
        if not unchanged and not _same_content(record):
            raise NoFile(record, "its file has changed since it was registered")
    except BaseException:
        stream.close()
        raise
    return OpenFile(stream, status.st_size)


def can_be_had(record: Record) -> bool:
    """Whether the file of a calibration can be sent as it was registered."""
    try:
        opened(record).stream.close()
    except NoFile:
        return False
    return True


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


def _same_content(record: Record) -> bool:
    try:
        return digests_of(record.path).sha256 == record.sha256
    except FrameError:
        return False
