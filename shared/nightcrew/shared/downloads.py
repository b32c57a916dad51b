"""Calibrations that were fetched from a server, told apart from those that were made here.

Both lie below `calibrations/`.  What was made here may be used by whoever looks there; a copy of what a server has
is used only on the word of that server, which may have withdrawn it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def _mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.download")


def mark_download(path: Path, url: str, md5: str) -> None:
    """Note where a file comes from; to be done before the file appears."""
    _mark(path).write_text(json.dumps({"url": url, "md5": md5}) + "\n", encoding="utf-8")


def is_download(path: Path) -> bool:
    """Whether a file was fetched from a server."""
    return _mark(path).exists()


def forget_download(path: Path) -> None:
    """Note that a file is now one that was made here."""
    _mark(path).unlink(missing_ok=True)
