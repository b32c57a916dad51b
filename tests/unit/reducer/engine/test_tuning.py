"""How a process is settled for a reduction."""

from __future__ import annotations

import gc

from nightcrew.reducer.engine.tuning import COLLECT_AFTER, tune


def test_the_collector_waits_for_many_objects():
    before = gc.get_threshold()
    try:
        tune()
        assert gc.get_threshold()[0] == COLLECT_AFTER
    finally:
        gc.set_threshold(*before)


def test_a_process_that_ends_does_not_look_for_cycles(monkeypatch):
    registered = []
    monkeypatch.setattr("atexit.register", registered.append)
    before = gc.get_threshold()
    try:
        tune()
    finally:
        gc.set_threshold(*before)
    assert registered == [gc.freeze]
