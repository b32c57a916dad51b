"""Whatever calibrations there are, a database answers as the rules do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.association import Candidate, Level, Target, associate, survivors, why_not
from nightcrew.shared.association.facts import COMPARED
from support.calmanager import enter_candidates, forget_all
from support.master_darks import ALL, MOMENT, proposed

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.database import Database, Schema


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


@pytest.fixture
def manager(database: Database) -> CalibrationManager:
    return CalibrationManager.open(database)


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
