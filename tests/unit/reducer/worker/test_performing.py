"""What a child does with an order, in this process."""

from __future__ import annotations

import io
import json
import os
import queue
from pathlib import Path

import pytest
from pydantic import ValidationError

from nightcrew.reducer.engine.digests import Digests
from nightcrew.reducer.engine.executing import peak_memory
from nightcrew.reducer.worker import child
from nightcrew.reducer.worker.performing import perform
from nightcrew.reducer.worker.warming import warm_up
from nightcrew.reducer.worker.wire import Begun, Ended, Finished, Order, Ready, Said, Taken, read_event
from nightcrew.shared.fits import md5_of
from nightcrew.shared.outcomes import Status
from support.reducers import EPOCH, raw_darks, raw_sky, request_of


@pytest.fixture
def order(tmp_path):
    def make(request: dict, **changes: object) -> Order:
        directory = tmp_path / "out"
        directory.mkdir(exist_ok=True)
        given = {"request": request, "directory": directory, "budget": 1 << 30, "threads": 1, **changes}
        return Order.model_validate(given)

    return make


def done(order: Order) -> tuple[Finished, list[object]]:
    heard: list[object] = []
    return perform(order, heard.append, Digests(), {"SOURCE_DATE_EPOCH": EPOCH}), heard


def test_products_come_with_previews_and_with_what_they_are(order, tmp_path):
    files = raw_darks(tmp_path / "raw")
    finished, heard = done(order(request_of(files, [None] * 3)))
    assert finished.outcome.ok, finished
    assert {one.name: one.kind for one in finished.made} == {
        "N20160102S0400_dark.fits": "processed_dark",
        "N20160102S0400_dark.png": "preview",
    }
    for one in finished.made:
        path = tmp_path / "out" / one.name
        assert (path.stat().st_size, md5_of(path)) == (one.size, one.md5)
        assert path.stat().st_mode & 0o222 == 0
    assert finished.cpu_seconds > 0
    assert finished.peak_rss > 10_000_000
    begun = [one.primitive for one in heard if isinstance(one, Begun)]
    ended = [one.primitive for one in heard if isinstance(one, Ended)]
    assert sorted(begun) == sorted(ended)
    assert begun[0] == "prepare"
    assert any(isinstance(one, Said) for one in heard)


def test_what_was_measured_lies_beside_the_product(order, tmp_path):
    sky = raw_sky(tmp_path / "raw")
    request = request_of([sky], [None], recipe="quickLook", mode="ql", provides=None, kind="quick-look", product=None)
    finished, _ = done(order(request))
    record = json.loads((tmp_path / "out" / "N20160102S0001_quicklook.json").read_text())
    assert record["files"] == [sky.name]
    assert [one["kind"] for one in record["measurements"]] == [one["kind"] for one in finished.measurements]
    assert "image_quality" in {one["kind"] for one in record["measurements"]}


def test_a_preview_that_cannot_be_drawn_is_a_caveat(order, tmp_path):
    files = raw_darks(tmp_path / "raw")
    made = order(request_of(files, [None] * 3))
    (made.directory / "N20160102S0400_dark.png").mkdir()
    finished, _ = done(made)
    assert finished.outcome.ok
    assert any("N20160102S0400_dark.png" in caveat for caveat in finished.outcome.caveats)


@pytest.mark.parametrize(("last", "status"), [(False, Status.RETRYABLE), (True, Status.UNPROCESSABLE)])
def test_a_missing_file_is_waited_for_until_the_last_attempt(order, last, status):
    finished, _ = done(order(request_of([Path("/nowhere/N1.fits")], [None]), last=last))
    assert finished.outcome.status is status
    assert finished.outcome.reason.startswith("/nowhere/N1.fits: cannot be read (No such file or directory)")


def test_a_missing_calibration_is_named(order, tmp_path):
    files = raw_darks(tmp_path / "raw", 1)
    given = [{"caltype": "processed_bpm", "path": "/nowhere/bpm.fits"}]
    finished, _ = done(order(request_of(files, [None], calibrations=given)))
    assert "processed_bpm /nowhere/bpm.fits" in finished.outcome.reason


def test_files_of_another_content_are_named(order, tmp_path):
    files = raw_darks(tmp_path / "raw", 1)
    finished, _ = done(order(request_of(files, [5]), hashes={5: "0" * 64}))
    assert finished.outcome.reason.startswith(f"{files[0]}: has changed since it came in")
    wrong = [{"caltype": "processed_bpm", "path": str(files[0]), "md5": "0" * 32}]
    finished, _ = done(order(request_of(files, [5], calibrations=wrong)))
    assert "is not the processed_bpm that was certified" in finished.outcome.reason


def test_measurements_that_the_disk_does_not_take_are_tried_again(order, tmp_path):
    sky = raw_sky(tmp_path / "raw")
    made = order(request_of([sky], [None], recipe="quickLook", mode="ql", provides=None))
    (made.directory / "N20160102S0001_quicklook.json").mkdir()
    finished, _ = done(made)
    assert finished.outcome.status is Status.RETRYABLE
    assert finished.made == ()


def test_what_a_killed_process_left_of_its_first_reduction_goes_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old, new = tmp_path / "nightcrew-warm-old", tmp_path / "nightcrew-warm-new"
    for path in (old, new):
        path.mkdir()
        (path / "N1.fits").write_text("")
    os.utime(old, (1, 1))
    warm_up(1 << 30, 1)
    assert list(tmp_path.iterdir()) == [new]


def test_a_child_is_warm_before_it_says_so_and_begins_what_it_is_given(order, tmp_path, monkeypatch):
    monkeypatch.setattr("nightcrew.reducer.engine.tuning.tune", lambda: None)  # settles a process, and this is not one
    monkeypatch.setattr(os, "environ", {**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    orders.put(order({"version": 9}).line())
    orders.put(b"nonsense")
    out = io.BytesIO()
    with pytest.raises(ValidationError):
        child._serve(out, orders, 1 << 30, 1)
    ready, taken, finished = map(read_event, out.getvalue().splitlines())
    assert isinstance(ready, Ready)
    assert "quickLook" in ready.recipes
    assert isinstance(taken, Taken)
    assert isinstance(finished, Finished)
    assert finished.outcome.status is Status.UNPROCESSABLE


def test_the_memory_of_an_earlier_job_is_not_counted_again(order, tmp_path):
    earlier = bytearray(b"x" * 400_000_000)
    before = peak_memory()
    del earlier
    finished, _ = done(order(request_of(raw_darks(tmp_path / "raw"), [None] * 3)))
    assert finished.outcome.ok, finished
    assert finished.peak_rss < before - 200_000_000
