"""The parent's end of a child, with children that misbehave."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from nightcrew.reducer.worker import process
from nightcrew.reducer.worker.crew import Crew
from nightcrew.reducer.worker.limits import Share
from nightcrew.reducer.worker.process import Child, Died, child_environment, how_it_ended
from nightcrew.reducer.worker.wire import Order, Said
from nightcrew.shared.errors import ServiceError

SHARE = Share(1 << 30, 1)
NOTE = r"print('{\"event\": \"note\", \"text\": \"here\"}', flush=True)"


@pytest.fixture
def child_that(tmp_path, monkeypatch):
    """Start a child that runs other code; killed at the end."""
    started = []

    def start(code: str) -> tuple[Child, threading.Event]:
        name = f"child_{len(started)}"
        (tmp_path / f"{name}.py").write_text(f"import os, sys, time\n{code}\n")
        monkeypatch.setattr(process, "MODULE", name)
        woken = threading.Event()
        started.append(Child(SHARE, woken.set, {**os.environ, "PYTHONPATH": str(tmp_path)}))
        return started[-1], woken

    yield start
    for child in started:
        if not child.dead:
            child.destroy("the test ends")


def all_news(child: Child) -> list[object]:
    heard: list[object] = []
    end = time.monotonic() + 20
    while not child.dead:
        heard += child.news()
        assert time.monotonic() < end
        time.sleep(0.01)
    return heard


def test_what_a_child_says_is_heard_and_its_end_comes_last(child_that):
    child, woken = child_that(f"{NOTE}\nsys.exit(3)")
    assert all_news(child) == [Said(event="note", text="here"), Died("the process of the job exited with 3")]
    assert woken.is_set()
    assert list(child.news()) == []


def test_a_child_that_says_nonsense_is_killed(child_that):
    child, _ = child_that("print('hello', flush=True)\ntime.sleep(60)")
    (died,) = all_news(child)
    assert died == Died("it said what cannot be understood: b'hello\\n'")


def test_the_signal_is_named_by_which_a_child_died(child_that):
    child, _ = child_that("os.kill(os.getpid(), 11)")
    assert all_news(child) == [Died("the process of the job was killed by SIGSEGV")]


def test_a_child_that_closes_its_pipe_and_goes_on_is_ended(child_that, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.3)
    child, _ = child_that("os.close(1)\nos.close(0)\ntime.sleep(60)")
    assert all_news(child) == [Died("it closed its pipe and went on")]


def test_a_child_goes_when_it_is_let_go_and_is_killed_if_it_does_not(child_that, monkeypatch):
    obedient, _ = child_that("sys.stdin.read()")
    obedient.retire()
    assert obedient.dead
    monkeypatch.setattr(process, "PATIENCE", 0.3)
    stubborn, _ = child_that(f"{NOTE}\ntime.sleep(60)")
    stubborn.retire()
    assert stubborn.dead


def test_an_order_for_a_dead_child_is_no_error(child_that, tmp_path):
    child, _ = child_that("pass")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    child.give(Order(request={}, directory=tmp_path, budget=1, threads=1))
    assert child.busy
    assert all_news(child)[-1] == Died("the process of the job exited with 0")


def test_children_that_die_at_the_start_again_and_again_end_the_reducer(monkeypatch):
    crew = Crew(SHARE, lambda: None, os.environ, 10, 1 << 30)
    monkeypatch.setattr(process, "MODULE", "no_such_module")

    def tend_until_it_gives_up() -> None:
        for _ in range(2000):
            assert crew.tend() is None
            time.sleep(0.01)

    with pytest.raises(ServiceError, match="3 processes for jobs died at the start; the last: .* exited with 1"):
        tend_until_it_gives_up()
    crew.close()


@pytest.mark.parametrize(
    ("code", "out_of_memory", "said"),
    [
        (0, False, "exited with 0"),
        (-signal.SIGKILL, False, "killed by SIGKILL"),
        (-signal.SIGKILL, True, "killed by SIGKILL: the system ran out of memory"),
        (-signal.SIGBUS, True, "killed by SIGBUS"),
        (-63, False, "killed by signal 63"),
    ],
)
def test_an_end_is_told_in_words(code, out_of_memory, said):
    assert how_it_ended(code, out_of_memory=out_of_memory).endswith(said)


def test_recipes_see_no_secrets_and_libraries_no_threads():
    given = {"NIGHTCREW_DATABASE_URL": "s", "NIGHTCREW_RABBITMQ_URL_FILE": "s", "HOME": "/h", "OMP_NUM_THREADS": "4"}
    assert child_environment(given) == {
        "HOME": "/h", "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    }  # fmt: skip
