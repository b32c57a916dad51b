"""Whether the files of a request are still those that it was written for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nightcrew.shared.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nightcrew.reducer.engine.digests import Digests
    from nightcrew.reducer.worker.requests import JobRequest


def complaint(request: JobRequest, hashes: Mapping[int, str], digests: Digests) -> str:
    """Return what is wrong with the first file that is missing or has another content; empty if all are as they were.

    Parameters
    ----------
    request
        Names the files.
    hashes
        SHA-256 of frames, by number, as they were when they came in.
    digests
        Tells the md5 of calibrations.
    """
    for file in request.files:
        expected = hashes.get(file.frame) if file.frame is not None else None
        try:
            with file.path.open("rb") as content:
                if expected is not None and hashlib.file_digest(content, "sha256").hexdigest() != expected:
                    return _changed(file.path, "has changed since it came in; bring it in again under a new name")
        except OSError as error:
            return _changed(file.path, f"cannot be read ({error.strerror}); put it back where it was")
    for one in request.calibrations:
        try:
            found = digests.md5(one.path)
        except ServiceError as error:
            return f"{one.caltype} {error}"
        if one.md5 and found != one.md5:
            return _changed(one.path, f"is not the {one.caltype} that was certified (md5 {found}, not {one.md5})")
    return ""


def _changed(path: Path, what: str) -> str:
    return f"{path}: {what}"
