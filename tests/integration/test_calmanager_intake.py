"""How calibrations come in: registered where they lie, or received, judged and kept."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from astropy.io import fits

from nightcrew.calmanager import CalibrationManager, Listing
from nightcrew.calmanager.core.states import State
from nightcrew.calmanager.database import CALIBRATION
from nightcrew.calmanager.errors import BadName, DigestMismatch, NotACalibration, Unknown
from nightcrew.calmanager.files import FileStore
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import md5_of
from support.frames import write_f2, write_niri
from support.masters import chunks_of, write_master

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.calmanager import Added
    from nightcrew.shared.database import Database, Schema

DARK, FLAT, BPM = "N20160102S0423_dark.fits", "N20160102S0373_flat.fits", "N20160102S0373_bpm.fits"
LIMIT = 10**7


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


@pytest.fixture
def manager(database: Database, tmp_path: Path) -> CalibrationManager:
    return CalibrationManager.open(database, files=FileStore(tmp_path / "store"))


def receive(manager: CalibrationManager, path: Path, **said: str) -> Added:
    return manager.receive(path.name, chunks_of(path), who="reducer-1", limit=LIMIT, **said)


# ---- registered in place


def test_a_file_is_registered_where_it_lies_and_certified_by_who_adds_it(
    manager: CalibrationManager, tmp_path: Path
) -> None:
    path = write_master(tmp_path / DARK)
    added = manager.add(path, who="ana")
    record = added.record
    assert added.new
    assert (record.name, record.path, record.stored, record.state) == (DARK, path, False, State.CERTIFIED)
    assert (record.instrument, record.caltype, record.md5) == ("NIRI", "processed_dark", md5_of(path))
    assert manager.get(DARK) == manager.get(record.id) == record
    assert [(line.event, line.who, line.after) for line in manager.history(DARK)] == [("add", "ana", State.CERTIFIED)]


@pytest.mark.parametrize(
    ("kind", "caltype"), [("dark", "processed_dark"), ("flat", "processed_flat"), ("bpm", "processed_bpm")]
)
def test_masters_are_known_for_what_they_are(
    kind: str, caltype: str, manager: CalibrationManager, tmp_path: Path
) -> None:
    assert manager.add(write_master(tmp_path / f"M_{kind}.fits", kind), who="ana").record.caltype == caltype


def test_a_mask_made_of_flats_is_a_mask(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / BPM, "bpm", OBSTYPE="FLAT", OBJECT="GCALflat", GCALLAMP="IRhigh", GCALSHUT="OPEN")
    assert manager.add(path, who="ana").record.caltype == "processed_bpm"


def test_raw_darks_and_flats_are_calibrations_too(manager: CalibrationManager, tmp_path: Path) -> None:
    dark = write_niri(tmp_path / "N20160102S0001.fits", OBSTYPE="DARK", OBJECT="Dark")
    assert manager.add(dark, who="ana").record.caltype == "dark"
    assert manager.add(write_f2(tmp_path / "S20150103S0001.fits"), who="ana").record.caltype == "dark"


def test_a_science_frame_is_no_calibration(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_niri(tmp_path / "N20160102S0271.fits", OBSTYPE="OBJECT", OBSCLASS="science")
    with pytest.raises(NotACalibration, match=r"N20160102S0271\.fits: no rule gives such a frame"):
        manager.add(path, who="ana")
    assert manager.list() == []


def test_what_is_no_fits_file_is_refused_by_name(manager: CalibrationManager, tmp_path: Path) -> None:
    (tmp_path / "notes.fits").write_text("bring coffee")
    with pytest.raises(FrameError, match=r"notes\.fits"):
        manager.add(tmp_path / "notes.fits", who="ana")
    with pytest.raises(FrameError, match=r"missing\.fits"):
        manager.add(tmp_path / "missing.fits", who="ana")
    with pytest.raises(BadName):
        manager.add(tmp_path / "notes.txt", who="ana")
    assert manager.list() == []


def test_the_same_file_again_is_no_second_entry(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    first = manager.add(path, who="ana")
    copy = tmp_path / "elsewhere" / DARK
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    for again in (path, copy):
        added = manager.add(again, who="ben")
        assert not added.new
        assert added.record == first.record


def test_a_file_that_was_moved_is_found_again_when_it_is_added(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    first = manager.add(path, who="ana").record
    moved = tmp_path / "archive" / DARK
    moved.parent.mkdir()
    path.rename(moved)
    added = manager.add(moved, who="ana")
    assert (added.new, added.record.id, added.record.path) == (False, first.id, moved)
    assert [line.event for line in manager.history(DARK)] == ["add", "relocate"]


def test_other_content_takes_the_name_over(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    old = manager.add(path, who="ana").record
    new = manager.add(write_master(path, seed=2), who="ben")
    assert new.new
    assert manager.get(DARK) == new.record
    assert [record.id for record in manager.list()] == [new.record.id]
    before = manager.get(old.id)
    assert (before.state, before.canonical) == (State.SUPERSEDED, False)
    assert [line.event for line in manager.history(old.id)] == ["add", "replace"]
    assert [record.id for record in manager.list(Listing(everything=True))] == [old.id, new.record.id]


def test_a_vetoed_file_does_not_come_back_certified_under_any_name(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    manager.add(path, who="ana")
    manager.veto(DARK, who="ana", why="saturated")
    assert manager.add(path, who="ben").record.state is State.VETOED
    other = tmp_path / "other_dark.fits"
    other.write_bytes(path.read_bytes())
    added = manager.add(other, who="ben")
    assert added.record.state is State.CANDIDATE
    assert f"the same content was vetoed as {DARK}" in manager.history(added.record.id)[0].reason
    manager.add(write_master(path, seed=2), who="ben")  # the name goes to another file, the veto stays
    (vetoed,) = manager.list(Listing(state=State.VETOED, everything=True))
    assert not vetoed.canonical


def test_a_removed_file_comes_back_when_it_is_added_again(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    number = manager.add(path, who="ana").record.id
    assert manager.remove(DARK, who="ana") == 1
    assert manager.list() == []
    assert path.exists()
    assert manager.remove(DARK, who="ana") == 0
    assert manager.remove("unknown.fits", who="ana") == 0
    added = manager.add(path, who="ana")
    assert (added.record.id, added.record.present, added.record.state) == (number, True, State.CERTIFIED)
    assert [line.event for line in manager.history(number)] == ["add", "remove", "relocate"]


def test_calibrations_are_listed_by_name_and_page_by_page(manager: CalibrationManager, tmp_path: Path) -> None:
    for number in (3, 1, 2):
        manager.add(write_master(tmp_path / f"N{number}_dark.fits", seed=number), who="ana")
    manager.add(write_master(tmp_path / "N0_flat.fits", "flat"), who="ana", certified=False)
    names = [record.name for record in manager.list()]
    assert names == ["N0_flat.fits", "N1_dark.fits", "N2_dark.fits", "N3_dark.fits"]
    (first,) = manager.list(Listing(caltype="processed_dark", limit=1))
    rest = manager.list(Listing(caltype="processed_dark", after=(first.name, first.id)))
    assert [record.name for record in (first, *rest)] == names[1:]
    assert [record.name for record in manager.list(Listing(state=State.CANDIDATE))] == ["N0_flat.fits"]
    assert manager.list(Listing(instrument="F2")) == []
    assert [record.name for record in manager.list(Listing(name="N2_dark.fits"))] == ["N2_dark.fits"]


@pytest.mark.parametrize("which", ["unknown.fits", 4711])
def test_an_unknown_calibration_is_said_to_be_unknown(which: Any, manager: CalibrationManager) -> None:
    for ask in (manager.get, manager.history, manager.affected):
        with pytest.raises(Unknown, match=str(which)):
            ask(which)


# ---- received


@pytest.mark.parametrize("kind", ["dark", "flat", "bpm"])
def test_a_good_master_is_received_kept_and_certified(kind: str, manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / f"N20160102S0001_{kind}.fits", kind)
    added = receive(manager, path, md5=md5_of(path))
    assert added.verdict is not None
    assert added.verdict.passed, added.verdict.reasons
    assert (added.new, added.record.state, added.record.stored) == (True, State.CERTIFIED, True)
    assert added.record.path is not None
    assert added.record.path.read_bytes() == path.read_bytes()
    again = receive(manager, path)
    assert (again.new, again.record) == (False, added.record)


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"counts": 5000.0}, "median of the good pixels"),
        ({"noise": 300.0}, "noise"),
        ({"bad": 10_000}, "fraction of bad pixels"),
        ({"unit": "adu"}, "its unit is adu"),
        ({"noise": float("nan")}, "median of the good pixels unknown"),
    ],
)
def test_a_bad_master_stays_a_candidate_with_the_reason(
    change: dict[str, Any], gate: str, manager: CalibrationManager, tmp_path: Path
) -> None:
    added = receive(manager, write_master(tmp_path / DARK, **change))
    assert added.record.state is State.CANDIDATE
    assert added.verdict is not None
    assert added.verdict.reasons[0].startswith(gate)
    (line,) = manager.history(DARK)
    assert gate in line.reason
    findings: Any = line.details["findings"]
    assert len([finding for finding in findings if not finding["passed"]]) == len(added.verdict.reasons)


def test_a_master_is_compared_with_the_one_before_it(manager: CalibrationManager, tmp_path: Path) -> None:
    assert receive(manager, write_master(tmp_path / DARK)).record.state is State.CERTIFIED
    same = receive(manager, write_master(tmp_path / "N20160103S0001_dark.fits", seed=2))
    assert same.record.state is State.CERTIFIED
    changed = receive(manager, write_master(tmp_path / "N20160104S0001_dark.fits", seed=3, counts=200.0))
    assert changed.verdict is not None
    assert changed.verdict.reasons[0].startswith("change from the previous master 120")
    other = receive(manager, write_master(tmp_path / "N20160104S0002_dark.fits", seed=4, counts=200.0, COADDS=5))
    assert other.record.state is State.CERTIFIED  # of another kind


def test_a_previous_master_that_is_gone_is_no_hindrance(manager: CalibrationManager, tmp_path: Path) -> None:
    first = receive(manager, write_master(tmp_path / DARK)).record
    assert first.path is not None
    first.path.unlink()
    assert receive(manager, write_master(tmp_path / "N2_dark.fits", seed=2)).record.state is State.CERTIFIED


def test_frames_without_gates_are_taken_as_they_are(manager: CalibrationManager, tmp_path: Path) -> None:
    added = receive(manager, write_f2(tmp_path / "S20150103S0001.fits"))
    assert added.record.state is State.CERTIFIED
    assert added.verdict is not None
    assert added.verdict.note == "there are no gates for a dark of F2"


def test_what_is_refused_leaves_neither_file_nor_entry(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    for error, refused in [
        (DigestMismatch, lambda: receive(manager, path, md5="0" * 32)),
        (BadName, lambda: manager.receive("../x.fits", chunks_of(path), who="x", limit=LIMIT)),
        (FrameError, lambda: manager.receive(DARK, [b"no fits"], who="x", limit=LIMIT)),
        (FrameError, lambda: manager.receive(DARK, chunks_of(path)[:-1], who="x", limit=LIMIT)),
        (NotACalibration, lambda: receive(manager, write_niri(tmp_path / "N1.fits", OBSCLASS="science"))),
    ]:
        with pytest.raises(error):
            refused()
    assert manager.list(Listing(everything=True)) == []
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_a_file_with_a_wrong_checksum_is_refused(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    content = bytearray(path.read_bytes())
    with fits.open(path) as hdus:
        content[hdus["SCI"].fileinfo()["datLoc"] + 1000] ^= 1
    with pytest.raises(FrameError, match=rf"^{DARK}: .*DATASUM"):
        manager.receive(DARK, [bytes(content)], who="x", limit=LIMIT)


def test_without_a_store_nothing_can_be_received(database: Database, tmp_path: Path) -> None:
    manager = CalibrationManager.open(database)
    with pytest.raises(ServiceError, match="NIGHTCREW_CALMANAGER_STORE"):
        receive(manager, write_master(tmp_path / DARK))


def test_a_received_file_is_registered_in_place_only_if_the_store_has_lost_it(
    manager: CalibrationManager, tmp_path: Path
) -> None:
    path = write_master(tmp_path / DARK)
    stored = receive(manager, path).record
    assert manager.add(path, who="ana").record == stored
    assert stored.path is not None
    stored.path.unlink()
    assert manager.add(path, who="ana").record == replace(
        stored, path=path, stored=False, modified=path.stat().st_mtime_ns
    )


def test_two_who_bring_the_same_file_at_once_make_one_entry(manager: CalibrationManager, tmp_path: Path) -> None:
    path = write_master(tmp_path / DARK)
    start = threading.Barrier(8)
    added: list[Added] = []

    def bring(number: int) -> None:
        start.wait()
        added.append(receive(manager, path) if number % 2 else manager.add(path, who=f"user {number}"))

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(added) == 8
    assert sum(one.new for one in added) == 1
    assert len({one.record.id for one in added}) == 1
    assert len(manager.list(Listing(everything=True))) == 1
    assert [line.event for line in manager.history(DARK)] == ["add"]


def test_the_sweep_removes_what_nobody_knows_and_tells_what_is_missing(database: Database, tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    later = datetime.now(UTC) + timedelta(hours=2)
    manager = CalibrationManager.open(database, files=FileStore(tmp_path / "store"), clock=lambda: later)
    kept = receive(manager, write_master(tmp_path / DARK)).record
    lost = receive(manager, write_master(tmp_path / FLAT, "flat")).record
    assert kept.path is not None
    assert lost.path is not None
    lost.path.unlink()
    orphan = tmp_path / "store" / "ab" / ("ab" + 62 * "0") / "orphan_dark.fits"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"12345")
    swept = manager.sweep()
    assert (swept.orphans, swept.bytes_freed, swept.missing) == ((orphan,), 5, (FLAT,))
    assert not orphan.exists()
    assert kept.path.exists()
    now = CalibrationManager.open(database, files=FileStore(tmp_path / "store"))
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"12345")
    assert now.sweep().orphans == ()  # it may be on its way into the database
