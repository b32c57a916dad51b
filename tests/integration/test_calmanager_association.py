"""What PostgreSQL finds is what the rules say: worked examples, every condition, and at random."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.associating import Asking
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.database import candidates as statements
from nightcrew.calmanager.looking import Looker
from nightcrew.shared.association import Candidate, Level, Target, associate, survivors, why_not
from nightcrew.shared.association.facts import COMPARED
from nightcrew.shared.association.reading import INSTRUMENTS
from nightcrew.shared.errors import CalibrationError
from support.calmanager import enter_candidates, forget_all
from support.examples_association import as_registered, as_stored
from support.examples_association_sql import answer_from_database
from support.examples_io import Report
from support.reference import require_reference
from support.rule_cases import Case, cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nightcrew.shared.database import Database, Schema

MOMENT = datetime(2016, 1, 2, 8, 0, 0, 250000)  # noqa: DTZ001 (UTC)
ALL = 1000


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


@pytest.fixture
def manager(database: Database) -> CalibrationManager:
    return CalibrationManager.open(database)


def niri(name: str = "N.fits", entry: int = 0, **columns: Any) -> Candidate:
    """Return a master dark of NIRI as it is registered, altered by `columns`."""
    usual: dict[str, Any] = {
        **dict.fromkeys(COMPARED),
        "instrument": "NIRI",
        "reduction": "PROCESSED_DARK",
        "observation_type": "DARK",
        "ut_datetime": MOMENT - timedelta(hours=1),
        "data_section": (0, 1024, 0, 1024),
        "read_mode": "Low Background",
        "well_depth_setting": "Shallow",
        "coadds": 1,
        "exposure_time": 20.0,
        "qa_state": "Undefined",
        "processing": "Science-Quality",
    }
    return Candidate(name, usual | columns, frozenset(), None, entry)


def science(**values: Any) -> Target:
    """Return a NIRI frame that needs the dark above."""
    usual = {**niri().columns, "ut_datetime": MOMENT, "detector_binning": "1x1"}
    return Target("NIRI", frozenset({"NIRI", "IMAGE"}), usual | values, "S.fits")


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


# ---- what the statements themselves select, before the rules judge it


def proposed(
    manager: CalibrationManager, target: Target, caltype: str, howmany: int = ALL, *, relaxed: bool = False
) -> list[str]:
    """Return the names that a statement selects, in its order."""
    asking = Asking(target, caltype, None, Level.RELAXED, lambda _: None, Looker())
    assert asking.question is not None
    statement = (statements.relaxed if relaxed else statements.strict)(asking.question, howmany)
    with manager.database.connect() as connection:
        return [row.name for row in connection.exec_driver_sql(statement.text, dict(statement.parameters))]


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


# ---- at random

_INTERVALS = (timedelta(days=1), timedelta(days=90), timedelta(days=180), timedelta(days=365))
_OFFSETS = st.one_of(
    st.sampled_from(
        [
            sign * interval + timedelta(microseconds=off)
            for interval in (*_INTERVALS, timedelta(0))
            for sign in (1, -1)
            for off in (-1, 0, 1)
        ]
    ),
    st.timedeltas(timedelta(seconds=-3), timedelta(seconds=3)),
    st.timedeltas(timedelta(days=-400), timedelta(days=400)),
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "data_section": st.sampled_from([(0, 1024, 0, 1024), (0, 512, 0, 512), None]),
    "read_mode": st.sampled_from(["1", "Low Background", None]),
    "well_depth_setting": st.sampled_from(["Shallow", "Deep"]),
    "coadds": st.sampled_from([1, 1.0, True, 2, None]),
    "exposure_time": st.sampled_from([20.0, 20, 20.004, 20.01, 20.014000000000003, 19.99, 20.05, 30.0, None]),
    "central_wavelength": st.sampled_from([2.2, 2.2005, 2.201, None]),
    "filter_name": st.sampled_from(["H_G0803&Open", "Open&H_G0803", "K", None]),
    "camera": st.sampled_from(["f6", "f14"]),
    "focal_plane_mask": st.sampled_from(["Open", "slit"]),
    "disperser": st.sampled_from(["MIRROR", "Mgrism_G5206"]),
    "lyot_stop": st.sampled_from(["f/16", None]),
    "detector_binning": st.sampled_from(["1x1", "2x2"]),
    "gcal_lamp": st.sampled_from(["IRhigh", "QH", "Off", None]),
    "observation_class": st.sampled_from(["partnerCal", "progCal", "science", None]),
    "observation_type": st.sampled_from(["DARK", "FLAT", "OBJECT", "ARC", "BPM"]),
    "qa_state": st.sampled_from(["Undefined", "Usable", "Fail", "Pass"]),
}
_INSTRUMENTS = st.sampled_from(["NIRI", "F2"])
_TAGS = st.sets(st.sampled_from(["SPECT", "TELLURIC", "STANDARD", "PREPARED"]), max_size=2).map(frozenset)


ALL_TYPES = (
    *("processed_dark", "dark", "processed_flat", "flat", "lampoff_flat", "processed_arc", "arc", "processed_bpm"),
    *("bpm", "photometric_standard", "telluric", "processed_telluric", "standard", "processed_standard"),
)


@st.composite
def a_target(draw: st.DrawFn) -> Target:
    values = {**dict.fromkeys(COMPARED), **{name: draw(value) for name, value in _VALUES.items()}}
    values["ut_datetime"] = draw(st.sampled_from([MOMENT, MOMENT, MOMENT, None]))
    return Target(draw(_INSTRUMENTS), draw(_TAGS), values, "T.fits")


@st.composite
def a_candidate(draw: st.DrawFn, target: Target, number: int) -> Candidate:
    # Mostly what the target wants, so that something is found.
    values = {
        name: draw(value) if draw(st.integers(0, 9)) == 0 else target.values[name] for name, value in _VALUES.items()
    }
    values["observation_type"] = draw(_VALUES["observation_type"])
    offset = draw(st.one_of(st.none(), _OFFSETS, _OFFSETS, _OFFSETS))
    reductions = ["RAW", "PROCESSED_DARK", "PROCESSED_FLAT", "PROCESSED_BPM", "PROCESSED_ARC"]
    columns = {
        **values,
        "instrument": target.instrument if draw(st.integers(0, 9)) else "NIRI",
        "ut_datetime": None if offset is None else MOMENT + offset,
        "reduction": draw(st.sampled_from(reductions)),
        "processing": draw(st.sampled_from(["Science-Quality", "Quick-Look", "Raw", "Quality-Assessment", None])),
        "phot_standard": draw(st.booleans()),
    }
    since, until = (
        draw(st.sampled_from([None, MOMENT, MOMENT - timedelta(days=1)])),
        draw(st.sampled_from([None, MOMENT + timedelta(seconds=1)])),
    )
    own = draw(st.integers(0, 4)) == 0 and (since or until)
    return Candidate(
        f"C{number}.fits",
        columns,
        draw(_TAGS),
        None,
        number,
        draw(st.integers(0, 9)) > 0,
        draw(st.sampled_from(["certified"] * 8 + ["vetoed", "candidate"])),
        valid=(since, until) if own else None,
    )


@st.composite
def a_night(draw: st.DrawFn) -> tuple[Target, list[Candidate]]:
    target = draw(a_target())
    return target, [draw(a_candidate(target, number)) for number in range(draw(st.integers(1, 16)))]


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    night=a_night(),
    asked=st.sets(st.sampled_from(ALL_TYPES), min_size=5, max_size=5),
    mode=st.sampled_from([None, "sq", "qa"]),
    level=st.sampled_from(Level),
)
def test_whatever_there_is_the_database_answers_as_the_rules_do(
    night: tuple[Target, list[Candidate]],
    asked: set[str],
    mode: str | None,
    level: Level,
    manager: CalibrationManager,
    tmp_path: Path,
) -> None:
    target, candidates = night
    forget_all(manager.database)
    enter_candidates(manager.database, candidates, tmp_path, lone=True)
    for caltype in asked:
        expected = associate(target, caltype, candidates, mode=mode, max_level=level)
        if not expected.note and mode is None and level is not Level.SAME_NIGHT:
            strict = [match.candidate.filename for match in expected.matches if not match.relaxed]
            assert proposed(manager, target, caltype) == strict, caltype
        answer = manager.associate(target, caltype, mode=mode, max_level=level, howmany=ALL)
        assert _told(answer.matches) == _told(expected.matches), caltype
        first = manager.associate(target, caltype, mode=mode, max_level=level)
        assert _told(first.matches) == _told(expected.matches[: expected.limit]), caltype
        if not first.matches:
            assert why_not(first) == why_not(expected), caltype
            assert _missed(first) == _missed(expected)[:10], caltype
        explained = manager.explain(target, caltype, mode=mode, max_level=level, howmany=ALL)
        assert _missed(explained) == _missed(expected), caltype
        assert explained.ingested == expected.ingested
        counted = manager.survivors(target, caltype, mode=mode, max_level=level)
        assert _lost(counted) == survivors(expected), caltype


def _told(matches: Any) -> list[tuple[Any, ...]]:
    return [(one.candidate.filename, one.level, one.reasons, one.relaxed, one.caveats) for one in matches]


def _missed(answer: Any) -> list[tuple[str, int]]:
    return [(miss.candidate.filename, miss.passed) for miss in answer.near_misses]


def _lost(counted: Any) -> list[tuple[str, int]]:
    """Return the conditions at which calibrations were lost, as `nightcrew.shared.association.survivors` tells them."""
    return [(wish, left) for (wish, left), (_, before) in zip(counted[1:], counted[:-1], strict=True) if left != before]
