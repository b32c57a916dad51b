from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nightcrew.cli.clock import clock
from nightcrew.cli.errors import UsageProblem
from nightcrew.reducer.engine.clock import VARIABLE


def test_without_an_epoch_time_passes(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert abs((clock()() - datetime.now(UTC)).total_seconds()) < 5


def test_with_an_epoch_it_stands_still(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1577836800")
    now = clock()
    assert now() == now() == datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "noon", "1.5", "9" * 30])
def test_an_epoch_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(UsageProblem, match="whole seconds since 1970"):
        clock()
