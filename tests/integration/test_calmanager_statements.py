"""What the statements of association select by themselves, before the rules judge it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.database import CALIBRATION
from support.calmanager import enter_candidates
from support.master_darks import MOMENT, niri, proposed, science

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.database import Database, Schema


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


@pytest.fixture
def manager(database: Database) -> CalibrationManager:
    return CalibrationManager.open(database)


_EDGE = timedelta(days=180)
_INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("column", "inside", "outside"),
    [
        ("exposure_time", [20.0, 20, 19.9901, 20.0099], [20.0 + 0.01, 20.0 - 0.01, "20", True, None]),
        ("coadds", [1, 1.0], [True, 2, None, "1"]),
        ("read_mode", ["Low Background"], ["low background", "Low Background ", None]),
        ("data_section", [(0, 1024, 0, 1024)], [(0, 1024, 0, 512), None, "Section(x1=0, x2=1024, y1=0, y2=1024)"]),
        ("qa_state", ["Pass", "CHECK", None], ["Fail"]),
        ("ut_datetime", [MOMENT - _EDGE + _INSTANT, MOMENT + _EDGE - _INSTANT], [MOMENT - _EDGE, MOMENT + _EDGE, None]),
    ],
)
def test_a_statement_keeps_to_the_edges(
    column: str, inside: list[Any], outside: list[Any], manager: CalibrationManager, tmp_path: Path
) -> None:
    values = [*inside, *outside]
    enter_candidates(
        manager.database, [niri(f"{n}.fits", n, **{column: value}) for n, value in enumerate(values)], tmp_path
    )
    assert sorted(proposed(manager, science(), "processed_dark")) == [f"{n}.fits" for n in range(len(inside))]


def test_a_column_that_was_never_recorded_is_unknown(manager: CalibrationManager, tmp_path: Path) -> None:
    dark = niri("old.fits")
    columns = {name: value for name, value in dark.columns.items() if name not in {"read_mode", "qa_state"}}
    enter_candidates(manager.database, [replace(dark, columns=columns)], tmp_path)
    assert proposed(manager, science(read_mode=None), "processed_dark") == ["old.fits"]
    assert proposed(manager, science(), "processed_dark") == []


def test_a_mask_of_the_same_instant_serves_and_a_later_one_does_not(
    manager: CalibrationManager, tmp_path: Path
) -> None:
    times = {"before.fits": -_INSTANT, "same.fits": timedelta(0), "after.fits": _INSTANT}
    masks = [
        niri(name, n, reduction="PROCESSED_BPM", detector_binning="1x1", ut_datetime=MOMENT + offset)
        for n, (name, offset) in enumerate(times.items())
    ]
    enter_candidates(manager.database, masks, tmp_path)
    assert proposed(manager, science(), "processed_bpm") == ["same.fits", "before.fits"]


def test_a_validity_begins_at_its_first_instant_and_ends_before_its_last(
    manager: CalibrationManager, tmp_path: Path
) -> None:
    validities = {
        "begins.fits": (MOMENT, None),
        "begins too late.fits": (MOMENT + _INSTANT, None),
        "ends.fits": (None, MOMENT),
        "ends just after.fits": (None, MOMENT + _INSTANT),
    }
    darks = [replace(niri(name, n), valid=valid) for n, (name, valid) in enumerate(validities.items())]
    enter_candidates(manager.database, [*darks, niri("by the rule.fits", 9)], tmp_path, lone=True)
    names = ["ends just after.fits", "begins.fits", "by the rule.fits"]
    assert proposed(manager, science(), "processed_dark") == names
    assert proposed(manager, science(), "processed_dark", 1) == names[:1]


@pytest.mark.parametrize("side", [-1, 1])
def test_the_best_of_many_of_one_second_is_selected_wherever_it_lies(
    side: int, manager: CalibrationManager, tmp_path: Path
) -> None:
    moment = MOMENT + side * timedelta(hours=1)
    darks = [niri(f"{n}.fits", n, processing="Quick-Look", ut_datetime=moment) for n in range(12)]
    darks[0] = niri("0.fits", 0, ut_datetime=moment)
    darks[6] = niri("6.fits", 6, ut_datetime=moment)
    enter_candidates(manager.database, darks, tmp_path)
    assert proposed(manager, science(), "processed_dark", 3) == ["6.fits", "0.fits", "11.fits"]


def test_of_relaxed_ones_those_that_break_least_are_selected(manager: CalibrationManager, tmp_path: Path) -> None:
    darks = [
        niri("two.fits", 0, read_mode="High Background", exposure_time=20.05),
        niri("one.fits", 1, ut_datetime=MOMENT - timedelta(days=200)),
        niri("none.fits", 2),
        niri("too much.fits", 3, ut_datetime=MOMENT - timedelta(days=365)),
        niri("vetoed.fits", 4, exposure_time=20.05),
    ]
    darks[4] = replace(darks[4], state="vetoed")
    enter_candidates(manager.database, darks, tmp_path)
    assert proposed(manager, science(), "processed_dark", relaxed=True) == ["one.fits", "two.fits"]
    assert proposed(manager, science(), "processed_dark", 1, relaxed=True) == ["one.fits"]
