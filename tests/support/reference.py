"""Where the reference's headers, worked examples and golden nights are, if they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def reference_dir() -> Path | None:
    """Return the directory `shared` beside the checkout, or None where there is none."""
    beside = ROOT.parent / "shared"
    return beside if (beside / "spec").is_dir() else None


def require_reference(*parts: str) -> Path:
    """Return a path below `shared`, or skip the test, saying what it would have checked against."""
    base = reference_dir()
    wanted = Path(*parts) if parts else Path()
    if base is None or not (base / wanted).exists():
        pytest.skip(f"no ../shared/{wanted}: not compared with the reference")
    return base / wanted
