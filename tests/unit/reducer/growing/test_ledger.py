"""Ledger, sequence and shelf: what is remembered between two frames."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from nightcrew.reducer.engine.describing import describe_frame
from nightcrew.reducer.growing.ledger import Ledger, Seen, Status
from nightcrew.reducer.growing.sequence import Sequence, is_first_exposure, shows_sky_only
from nightcrew.reducer.growing.shelf import Shelf
from nightcrew.reducer.growing.sky import SkySum
from nightcrew.shared.errors import FrameError, ServiceError
from nightcrew.shared.fits import open_frame
from nightcrew.shared.frames import Table
from support.fields import exposure
from support.growing import Site, taken

ONE = Seen("N1.fits", "N1.fits.bz2", "0123", begin="2016-01-02T09:10:00", seconds=20.0, sources=7, fwhm=4.25, kept=1)
TWO = Seen("N2.fits", "N2.fits", "4567", status=Status.MISPLACED, reason="far off, by 100 %", matched=2)


def test_the_table_holds_everything_that_the_ledger_knows() -> None:
    again = Ledger.read(Ledger((ONE, TWO)).table())
    for ours, theirs in zip(again, (ONE, TWO), strict=True):
        assert repr(replace(ours, status=str(ours.status))) == repr(replace(theirs, status=str(theirs.status)))
    assert math.isnan(again.rows[1].fwhm)
    assert [row.name for row in again.added] == ["N1.fits"]
    assert [row.name for row in again.excluded] == ["N2.fits"]
    assert [row.name for row in again.kept] == ["N1.fits"]


def test_what_is_said_of_a_frame_later_replaces_what_was_said_before() -> None:
    ledger = Ledger((ONE, TWO)).with_row(replace(ONE, status=Status.MISSHAPEN))
    assert len(ledger) == 2
    assert ledger.added == ()
    assert [row.kept for row in ledger.keeping(["N2.fits"])] == [0, 1]


def test_a_table_without_a_column_is_not_a_ledger() -> None:
    with pytest.raises(KeyError, match="MD5"):
        Ledger.read(Table(np.zeros(1, [("NAME", "U4")])))


def sequence(**cards):
    return Sequence.of(describe_frame(exposure(1, **cards)))


def test_frames_of_one_observation_and_setup_are_a_sequence() -> None:
    assert sequence() == Sequence.of(describe_frame(exposure(2, p=5.0)))
    others = [{"OBSID": "GN-2016A-Q-1-2"}, {"FILTER1": "H_G0203"}, {"EXPTIME": 30.0}, {"DATE_OBS": "2016-01-03"}]
    assert len({sequence(**cards).digest for cards in ({}, *others)}) == 5
    assert sequence(OBSID=None).as_dict()["observation"] == "test field"


def test_an_observation_that_passes_midnight_is_one_sequence() -> None:
    before = sequence(DATE_OBS="2016-01-02", UT="23:50:00.0")
    assert before == sequence(DATE_OBS="2016-01-03", UT="00:10:00.0")


def test_the_first_exposure_of_an_observation_is_told_by_its_label() -> None:
    assert is_first_exposure("GN-2016A-Q-1-1-001")
    assert not any(map(is_first_exposure, ("GN-2016A-Q-1-1-011", "GN-2016A-Q-1-1-100", "")))


def test_only_offsets_of_a_field_or_more_show_the_sky_alone() -> None:
    assert shows_sky_only((400.0, 30.0), 120.0, 1.0)
    assert not shows_sky_only((60.0, 60.0), 120.0, 1.0)
    assert not shows_sky_only((400.0, 30.0), 120.0, None)
    assert not shows_sky_only(None, 120.0, 1.0)


@pytest.fixture
def shelf(tmp_path):
    return Shelf.of(sequence(), "N20160102S0001.fits", tmp_path)


def test_a_sequence_keeps_the_name_of_the_frame_that_came_first(shelf, tmp_path) -> None:
    assert Shelf.of(sequence(), "N20160102S0009.fits", tmp_path).product == "N20160102S0001_growing.fits"
    assert Shelf.of(sequence(EXPTIME=30.0), "N20160102S0009.fits", tmp_path).product == "N20160102S0009_growing.fits"


def test_what_was_seen_is_remembered_before_there_is_a_stack(shelf) -> None:
    shelf.note(Ledger((TWO,)))
    ledger, stack = shelf.load()
    assert [row.reason for row in ledger] == ["far off, by 100 %"]
    assert stack is None


def test_the_sum_of_a_frame_that_was_never_written_down_is_ignored(shelf) -> None:
    for shown in (3, 4):
        shelf.save_sum(replace(SkySum.empty((4, 4)), total=np.full((4, 4), shown, np.float32)), "target", shown)
    assert shelf.load_sum("sky", 9) is None
    assert shelf.load_sum("target", 3).total[0, 0] == 3
    shelf.tidy([], 3, product=True)
    assert [path.name for path in shelf.folder.glob("*.fits")] == ["sum_target_3.fits"]


def test_a_note_that_is_damaged_or_of_another_version_is_refused(shelf, tmp_path) -> None:
    note = shelf.folder / "sequence.json"
    for text, said in (
        ("{", "is damaged"),
        (json.dumps({"version": 0, "product": "x"}), "another version"),
        ("[]", "is"),
    ):
        note.write_text(text)
        with pytest.raises(FrameError, match=said):
            Shelf.of(sequence(), "N1.fits", tmp_path)


def test_a_directory_that_cannot_be_written_is_the_disks_fault(tmp_path) -> None:
    (tmp_path / ".growing").write_text("a file where a directory is needed")
    with pytest.raises(ServiceError, match="check the permissions"):
        Shelf.of(sequence(), "N1.fits", tmp_path)


@pytest.fixture
def grown(tmp_path):
    site = Site(tmp_path)
    site.show(taken(1))
    (product,) = tmp_path.glob("*_growing.fits")
    return site, product


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.phu.set("NCGROVER", 7), "another version"),
        (lambda f: f.phu.set("NCGROSEQ", "other"), "no growing stack of this sequence"),
        (lambda f: f.tables.pop("GROWTH"), "GROWTH is damaged"),
    ],
)
def test_a_product_that_is_not_what_it_was_is_not_continued(grown, change, said) -> None:
    from nightcrew.shared.fits import write_frame

    site, product = grown
    frame = open_frame(product)
    change(frame)
    write_frame(frame, product)
    with pytest.raises(FrameError, match=said):
        site.show(taken(2))


def test_a_product_that_was_taken_away_begins_anew(grown) -> None:
    site, product = grown
    product.unlink()
    assert site.show(taken(2)).frames == 1
    assert product.exists()
