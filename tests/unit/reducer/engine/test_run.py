"""What the engine does around every primitive."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io.fits import Header

from nightcrew.reducer.engine.memory import Memory, available_memory
from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.engine.run import Run, Running, Surroundings, user_parameters
from nightcrew.reducer.engine.store import Directory
from nightcrew.shared.calibrations import Chain, Chosen, Found, NotFound
from nightcrew.shared.errors import RecipeError
from nightcrew.shared.fits import Scratch
from nightcrew.shared.frames import Frame, Plane


class Add(Parameters):
    suffix: str = parameter("_added", "Filename suffix")
    amount: float = parameter(1.0, "How much to add", ge=0)
    debug_trace: bool = parameter(False, "Trace")


@each_frame("add", Add, stamp="ADDED")
def add(frame, p, run):
    plane = frame.planes[0]
    plane.data = plane.data + np.float32(p.amount)
    return frame


@all_frames("addTwice", Add)
def add_twice(frames, p, run):
    frames = run.call("add", frames, amount=p.amount)
    for frame in frames:
        del frame.phu["ADDED"]
    return run.call("add", frames, amount=p.amount)


PRIMITIVES = {p.name: p for p in (add, add_twice)}


def a_frame(name: str = "N1.fits") -> Frame:
    return Frame(Header({"ORIGNAME": name}), [Plane(Header(), np.zeros((4, 4), np.float32))], name)


@pytest.fixture
def around(tmp_path: Path):
    with Scratch(tmp_path) as scratch:
        memory = Memory(1 << 30, scratch)
        yield Surroundings(
            Chain(()), Directory(tmp_path), memory, clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        )


def a_run(around, *user: str, defaults=None) -> Run:
    run = Run(PRIMITIVES, defaults or {}, "sq", user_parameters(user), around)
    run.streams["main"] = [a_frame("N1.fits"), a_frame("N2.fits")]
    return run


def test_a_primitive_stamps_renames_and_records(around) -> None:
    run = a_run(around, "add:amount=2")
    Running(run).add()
    first = run.stream("main")[0]
    assert first.planes[0].data[0, 0] == 2
    assert first.filename == "N1_added.fits"
    assert first.phu["ADDED"] == first.phu["GEM-TLM"] == "2026-01-02T03:04:05.000000"
    row = first.history[-1]
    assert row.primitive == "add"
    assert json.loads(row.arguments) == {"suffix": "_added", "amount": 2.0}


def test_history_names_files_without_their_places(around, tmp_path) -> None:
    mask = tmp_path / "mask.fits"
    mask.write_bytes(b"")
    run = a_run(around, f"add:suffix={mask}")
    Running(run).add()
    assert json.loads(run.stream("main")[0].history[-1].arguments)["suffix"] == "mask.fits"


def test_a_frame_is_not_treated_twice(around) -> None:
    run = a_run(around)
    Running(run).add()
    Running(run).add()
    assert run.stream("main")[0].planes[0].data[0, 0] == 1
    assert any("already been processed by add" in w for w in run.ledger.warnings)


def test_another_stream_gets_copies(around) -> None:
    run = a_run(around)
    before = run.stream("main")[0]
    Running(run).add(outstream="sky")
    assert before.planes[0].data[0, 0] == 0
    assert run.stream("sky")[0].planes[0].data[0, 0] == 1
    assert run.stream("nosuch") == []


def test_the_recipe_wins_over_the_user_and_the_user_over_the_instrument(around) -> None:
    run = a_run(around, "amount=7", "add:amount=5", defaults={"add": {"amount": 3.0}})
    assert run.parameters("add", {}).amount == 5
    assert run.parameters("add", {"amount": 9.0}).amount == 9
    assert any("enforces a different value (=9.0)" in w for w in run.ledger.warnings)
    assert a_run(around, defaults={"add": {"amount": 3.0}}).parameters("add", {}).amount == 3


def test_what_a_primitive_passes_to_another_wins_over_the_user(around) -> None:
    run = a_run(around, "add:amount=100")
    Running(run).addTwice(amount=2.0)
    assert run.stream("main")[0].planes[0].data[0, 0] == 4
    assert [row.primitive for row in run.stream("main")[0].history] == ["addTwice"]


def test_a_primitive_can_be_skipped_and_its_output_written(around, tmp_path) -> None:
    run = a_run(around, "add:skip_primitive=True")
    Running(run).add()
    assert run.stream("main")[0].filename == "N1.fits"
    run = a_run(around, "add:write_outputs=True")
    Running(run).add()
    assert (tmp_path / "N1_added.fits").exists()


def test_unknown_primitives_and_malformed_parameters_are_refused(around) -> None:
    with pytest.raises(RecipeError, match="no primitive named nosuch"):
        Running(a_run(around)).nosuch()
    with pytest.raises(RecipeError, match="nosign"):
        user_parameters(["nosign"])
    assert user_parameters(["a:b='c d'"])[0].value == "c d"


def test_pixels_beyond_the_budget_are_parked_and_come_back(tmp_path) -> None:
    frames = [a_frame(f"N{i}.fits") for i in range(6)]
    for number, frame in enumerate(frames):
        frame.planes[0].data = np.full((256, 256), number, np.float32)
    with Scratch(tmp_path) as scratch:
        Memory(512 * 1024, scratch, overhead=0).settle(frames)
        assert [f.planes[0].resident().keys() == {"data"} for f in frames] == [True, *[False] * 5]
        assert [f.planes[0].rows("data", 3, 4)[0, 0] for f in frames] == [0, 1, 2, 3, 4, 5]
        assert frames[5].planes[0].data.mean() == 5
    assert list(tmp_path.iterdir()) == []


def test_pixels_that_two_frames_share_are_parked_once_and_by_both(tmp_path) -> None:
    frame = a_frame()
    frame.planes[0].data = np.ones((256, 256), np.float32)
    other = frame.copy()
    with Scratch(tmp_path) as scratch:
        Memory(1024, scratch, overhead=0).settle([frame, other])
        assert not frame.planes[0].resident()
        assert not other.planes[0].resident()
        assert other.planes[0].data.mean() == 1.0
        Memory(1024, scratch, overhead=0).settle([frame, other])
        assert not other.planes[0].resident()


def test_the_control_group_limits_what_may_be_used(tmp_path) -> None:
    (tmp_path / "memory.max").write_text("1048576\n")
    (tmp_path / "meminfo").write_text("MemTotal:       24000 kB\n")
    limits = (tmp_path / "memory.max", tmp_path / "absent")
    assert available_memory(limits, tmp_path / "meminfo") == 1048576
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(limits, tmp_path / "meminfo") == 24000 * 1024
    assert available_memory((), tmp_path / "absent") == 4 << 30


def test_sources_are_asked_in_order_and_all_refusals_are_told() -> None:
    chosen = Chosen({"processed_dark": Path("d.fits")})
    chain = Chain((Chosen({}, "night"), chosen))
    answer = chain.find(a_frame(), "processed_dark")
    assert isinstance(answer, Found)
    assert answer.path == Path("d.fits")
    refused = chain.find(a_frame(), "processed_flat")
    assert isinstance(refused, NotFound)
    assert "night" in refused.reason
    assert "user calibrations" in refused.reason
