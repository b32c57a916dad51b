"""A night's own masters go to the calibration manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.files import FileStore
from nightcrew.shared.association import Target
from nightcrew.shared.fits import read_headers
from nightcrew.shared.instruments import describe, science_headers

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.conftest import Reduced
    from nightcrew.shared.database import Database, Schema


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


def test_good_masters_pass_the_gates_and_serve_the_frames_of_the_night(
    tutorial_night: Reduced, database: Database, tmp_path: Path
) -> None:
    manager = CalibrationManager.open(database, files=FileStore(tmp_path / "store"))
    masters = sorted(path for kind in ("dark", "flat", "bpm") for path in tutorial_night.out.glob(f"*_{kind}.fits"))
    assert len(masters) == 4
    for path in masters:
        added = manager.receive(path.name, [path.read_bytes()], who="reducer-1", limit=10**8)
        assert added.verdict is not None
        assert added.verdict.reasons == ()
        assert added.verdict.findings
        assert added.record.state is State.CERTIFIED
    science = _target(tutorial_night.raw / "N20160102S0270.fits")
    (flat,) = manager.associate(science, "processed_flat", mode="sq").matches
    (dark,) = manager.associate(science, "processed_dark", mode="sq").matches
    assert flat.candidate.filename == "N20160102S0373_flat.fits"
    assert dark.candidate.filename == "N20160102S0423_dark.fits"
    # The flat carries the mask of the night, and tells so.
    vetoed = manager.veto("N20160102S0373_bpm.fits", who="ana", why="made with the lamp off")
    assert [product.name for product in vetoed.affected] == ["N20160102S0373_flat.fits"]


def _target(path: Path) -> Target:
    return Target.from_description(describe(science_headers(read_headers(path), path.name)), path.name)
