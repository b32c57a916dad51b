"""Where things are, for links."""

from __future__ import annotations


def file_url(base: str, number: int) -> str:
    """Return where the file of a calibration is."""
    return f"{base}/v1/calibrations/{number}/file"
