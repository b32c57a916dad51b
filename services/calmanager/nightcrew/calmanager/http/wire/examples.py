"""What requests and answers look like, for `/openapi.json`."""

from __future__ import annotations

from typing import Any

TARGET: dict[str, Any] = {
    "name": "S20131121S0284_flat.fits",
    "tags": ["F2", "FLAT", "GCALFLAT", "GEMINI", "IMAGE", "SOUTH"],
    "descriptors": {
        "instrument": "F2",
        "ut_datetime": "2013-11-21T03:43:04.400000",
        "exposure_time": 20.0,
        "read_mode": "1",
        "detector_binning": "1x1",
    },
}
"""A frame that needs a calibration."""

RECORD: dict[str, Any] = {
    "id": 17,
    "name": "S20131120S0115_dark.fits",
    "instrument": "F2",
    "caltype": "processed_dark",
    "state": "certified",
    "ut_datetime": "2013-11-20T12:01:33.700000",
    "md5": "8a917cab1c7f42c53cd83f2eba9808b2",
    "sha256": "0f343b0931126a20f133d67c2b018a3b5b0c7ed0a5cf5b4b0b6a7d2b5b6f2b8c",
    "size": 33583680,
    "stored": True,
    "current": True,
    "added_at": "2026-11-28T04:10:00+00:00",
    "added_by": "reducer-3",
    "valid_since": "2013-11-01T00:00:00",
    "valid_until": "2013-12-01T00:00:00",
    "url": "http://127.0.0.1:8100/v1/calibrations/17/file",
}
"""A calibration as it stands."""
