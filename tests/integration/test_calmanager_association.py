"""Association out of a database: what it answers, what it refuses, and why a calibration was not given out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.association import Candidate, Level, associate
from nightcrew.shared.association.reading import INSTRUMENTS
from nightcrew.shared.errors import CalibrationError
from support.calmanager import enter_candidates, forget_all
from support.examples_association import as_registered, as_stored
from support.examples_association_sql import answer_from_database
from support.examples_io import Report
from support.master_darks import ALL, MOMENT, niri, science
from support.reference import require_reference
from support.rule_cases import Case, cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.shared.database import Database, Schema


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


@pytest.fixture
def manager(database: Database) -> CalibrationManager:
    return CalibrationManager.open(database)


@pytest.mark.reference
@pytest.mark.parametrize("register", [as_stored, as_registered])
def test_all_worked_examples_come_out_of_the_database_in_order(
    register: Callable[[Any], Candidate], database: Database, tmp_path: Path
) -> None:
    path = require_reference("spec", "examples", "association.json")
    report = Report()
    answer_from_database(json.loads(path.read_text()), register, database, tmp_path, report)
    assert report.failures == []
    assert report.passed >= 387


def test_the_nearest_dark_is_found_on_either_side_of_the_frame(manager: CalibrationManager, tmp_path: Path) -> None:
    nights = {"before": -2.0, "nearest": 0.5, "after": 3.0}
    darks = [niri(f"{name}.fits", ut_datetime=MOMENT + timedelta(hours=hours)) for name, hours in nights.items()]
    enter_candidates(manager.database, darks, tmp_path)
    answer = manager.associate(science(), "processed_dark", howmany=ALL)
    assert [match.candidate.filename for match in answer.matches] == ["nearest.fits", "before.fits", "after.fits"]
    best = manager.associate(science(), "processed_dark").matches
    assert [match.candidate.path for match in best] == [tmp_path / "nearest.fits"]


def test_equal_seconds_are_decided_by_processing_and_then_by_entry(manager: CalibrationManager, tmp_path: Path) -> None:
    darks = [
        niri("quick.fits", 0, processing="Quick-Look", ut_datetime=MOMENT + timedelta(hours=1)),
        niri("early.fits", 1),
        niri("late.fits", 2, ut_datetime=MOMENT + timedelta(hours=1, milliseconds=300)),
        niri("unlabelled.fits", 3, processing=None),
    ]
    enter_candidates(manager.database, darks, tmp_path)
    answer = manager.associate(science(), "processed_dark", howmany=ALL)
    names = [match.candidate.filename for match in answer.matches]
    assert names == ["late.fits", "early.fits", "quick.fits", "unlabelled.fits"]


def test_a_reduction_in_mode_sq_gets_no_quick_look_master(manager: CalibrationManager, tmp_path: Path) -> None:
    enter_candidates(manager.database, [niri("quick.fits", processing="Quick-Look")], tmp_path)
    assert manager.associate(science(), "processed_dark", mode="sq").best is None
    assert manager.associate(science(), "processed_dark", mode="ql").best is not None


def test_a_validity_of_its_own_replaces_the_limits_on_time(manager: CalibrationManager, tmp_path: Path) -> None:
    old = niri("old.fits", 0, ut_datetime=MOMENT - timedelta(days=900))
    near = niri("near.fits", 1)
    enter_candidates(manager.database, [old, near], tmp_path)
    names = lambda: [m.candidate.filename for m in manager.associate(science(), "processed_dark", howmany=9).matches]  # noqa: E731
    assert names() == ["near.fits"]
    manager.certify("old.fits", who="ana", why="the best we have", since=MOMENT - timedelta(days=1))
    assert names() == ["old.fits", "near.fits"]
    manager.certify("old.fits", who="ana", why="until then only", until=MOMENT)
    assert names() == ["near.fits"]


def test_a_missing_file_is_skipped_and_said(manager: CalibrationManager, tmp_path: Path) -> None:
    darks = [niri(f"D{n}.fits", n, ut_datetime=MOMENT - timedelta(hours=n + 1)) for n in range(12)]
    enter_candidates(manager.database, darks, tmp_path)
    for n in range(10):
        (tmp_path / f"D{n}.fits").unlink()
    answer = manager.associate(science(), "processed_dark")
    assert answer.best is not None
    assert answer.best.candidate.filename == "D10.fits"
    assert "skipped D0.fits: its file is gone" in answer.best.caveats


def test_a_file_that_has_changed_on_disk_is_not_given_out(manager: CalibrationManager, tmp_path: Path) -> None:
    enter_candidates(manager.database, [niri("D.fits")], tmp_path)
    path = tmp_path / "D.fits"
    content = path.read_text()
    path.write_text("something else, as long as")
    answer = manager.associate(science(), "processed_dark")
    assert answer.best is None
    assert answer.near_misses[0].reason == "changed on disk since it was entered; add it again"
    path.write_text(content)  # another time of modification, the same content
    assert manager.associate(science(), "processed_dark").best is not None


def test_nothing_can_be_found_without_a_rule_and_that_is_said(manager: CalibrationManager) -> None:
    assert manager.associate(science(), "processed_fringe").note == "NIRI has no rule for processed_fringe"
    assert manager.explain(science(), "processed_fringe").note
    assert manager.survivors(science(), "processed_fringe") == []
    assert manager.associate(replace(science(), instrument="MICHELLE"), "dark").note


def test_a_request_that_lacks_a_compared_value_is_refused(manager: CalibrationManager) -> None:
    target = science()
    values = {name: value for name, value in target.values.items() if name != "coadds"}
    with pytest.raises(CalibrationError, match="lacks 'coadds'"):
        manager.associate(replace(target, values=values), "processed_dark")


def test_a_relaxed_answer_gives_up_as_little_as_it_can(manager: CalibrationManager, tmp_path: Path) -> None:
    darks = [
        niri("old and other mode.fits", 0, ut_datetime=MOMENT - timedelta(days=200), read_mode="High Background"),
        niri("old.fits", 1, ut_datetime=MOMENT - timedelta(days=300)),
        niri("other section.fits", 2, data_section=(0, 512, 0, 512)),
    ]
    enter_candidates(manager.database, darks, tmp_path)
    assert manager.associate(science(), "processed_dark").best is None
    answer = manager.associate(science(), "processed_dark", max_level=Level.RELAXED, howmany=9)
    assert [match.candidate.filename for match in answer.matches] == ["old.fits", "old and other mode.fits"]
    assert answer.matches[0].provisional


def test_an_explanation_tells_the_nearest_misses_with_both_values(manager: CalibrationManager, tmp_path: Path) -> None:
    darks = [
        niri("two coadds.fits", 0, coadds=2),
        niri("other exposure.fits", 1, exposure_time=30.0),
        niri("vetoed.fits", 2),
        niri("another instrument.fits", 3, instrument="F2"),
    ]
    enter_candidates(manager.database, darks, tmp_path)
    manager.veto("vetoed.fits", who="ana", why="saturated")
    answer = manager.explain(science(), "processed_dark", max_level=Level.RULE)
    assert [miss.candidate.filename for miss in answer.near_misses] == [
        "vetoed.fits",
        "other exposure.fits",
        "two coadds.fits",
    ]
    assert answer.near_misses[0].reason.startswith("vetoed by ana at ")
    assert answer.near_misses[0].reason.endswith(": saturated")
    assert answer.near_misses[2].reason == "coadds 2, wanted 1"
    assert answer.ingested == 3
    counts = dict(manager.survivors(science(), "processed_dark"))
    assert counts["NIRI processed_dark"] == 3
    assert counts["coadds 1"] == 2
    assert counts["certified"] == 0


def test_an_explanation_looks_at_the_calibrations_that_come_nearest(
    manager: CalibrationManager, tmp_path: Path
) -> None:
    far = [niri(f"F{n}.fits", n, data_section=(0, 256, 0, 256)) for n in range(230)]
    near = niri("near.fits", 300, coadds=3, ut_datetime=MOMENT - timedelta(days=100))
    enter_candidates(manager.database, [*far, near], tmp_path)
    answer = manager.explain(science(), "processed_dark", max_level=Level.RULE)
    assert answer.near_misses[0].candidate.filename == "near.fits"
    assert len(answer.near_misses) == 200
    assert answer.ingested == 231


def test_nothing_of_the_kind_was_ever_ingested_is_told_apart(manager: CalibrationManager) -> None:
    assert manager.explain(science(), "processed_dark").ingested == 0


@pytest.mark.parametrize("level", [Level.RULE, Level.SAME_NIGHT])
def test_every_condition_of_every_rule_decides_in_the_database_too(
    level: Level, manager: CalibrationManager, tmp_path: Path
) -> None:
    wrong = []
    for number, case in enumerate(_by_rule()):
        forget_all(manager.database)
        candidates = [replace(case[0].good, filename="good.fits", entry=0)]
        candidates += [replace(one.bad, filename=f"bad{n}.fits", entry=n + 1) for n, one in enumerate(case)]
        enter_candidates(manager.database, candidates, tmp_path / f"{level}{number}")
        one = case[0]
        for mode in (None, "sq"):
            answer = manager.associate(one.target, one.caltype, howmany=ALL, mode=mode, max_level=level)
            expected = associate(one.target, one.caltype, candidates, mode=mode, max_level=level)
            found = [(match.candidate.filename, match.level) for match in answer.matches]
            if found != [(match.candidate.filename, match.level) for match in expected.matches]:
                wrong.append((str(one), mode, found))
    assert wrong == []


def _by_rule() -> list[list[Case]]:
    """Return the cases that ask one rule for one frame, rule by rule."""
    grouped: dict[tuple[str, str, str], list[Case]] = {}
    for case in cases(tuple(INSTRUMENTS)):
        grouped.setdefault((case.instrument, case.caltype, repr(case.target)), []).append(case)
    return list(grouped.values())
