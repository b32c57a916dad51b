"""cleanReadout."""

from __future__ import annotations

import numpy as np

from support.fields import exposure
from support.runs import running


def striped(number: int = 1):
    frame = exposure(number, sources=(), sky=0.0, noise=2.0)
    pattern = np.where(np.arange(16) < 8, 30.0, -30.0)
    frame.planes[0].data = (frame.planes[0].data + np.tile(pattern, 8)).astype(np.float32)
    return frame


def test_it_does_nothing_unless_asked(tmp_path) -> None:
    frame = striped()
    with running(tmp_path, frame) as run:
        before = frame.planes[0].data
        run.step("cleanReadout", {})
        assert frame.planes[0].data is before
        assert "CLNRDOUT" not in frame.phu


def test_a_strong_pattern_is_taken_off_once(tmp_path) -> None:
    frame = striped()
    with running(tmp_path, frame, user=("clean=default",)) as run:
        run.step("cleanReadout", {})
        assert frame.planes[0].data.std() < 3.0
        assert frame.filename == "N20160102S0001_readoutCleaned.fits"
        before = frame.planes[0].data
        run.step("cleanReadout", {})
        assert frame.planes[0].data is before
        assert any("already been processed by cleanReadout" in warning for warning in run.ledger.warnings)
