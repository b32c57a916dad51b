"""Whether the planner lives and works, as its loop shows."""

from __future__ import annotations

import time
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from nightcrew.planner.housekeeping import Kept
from nightcrew.planner.looked import Looked
from nightcrew.planner.metrics import Metrics
from nightcrew.planner.settings import PlannerSettings
from nightcrew.planner.telling import LogWatcher
from nightcrew.planner.vitals import LATE, Vitals
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.ledger.outbox import Pending
from nightcrew.shared.telemetry import Pulse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(stale=0.05, waits_for="the database")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_planner_is_ready_once_it_has_kept_house_and_hears_news_and_tells_what_it_lacks(
    pulse: Pulse, metrics: Metrics
) -> None:
    vitals = Vitals(pulse, (metrics,))
    seen = [pulse.waits_for]
    for tell in (
        lambda: vitals.kept(Kept()),
        lambda: vitals.over("broker"),
        lambda: vitals.trouble("database", "gone"),
        lambda: vitals.trouble("broker", "no answer"),
        lambda: vitals.kept(Kept()),
        lambda: vitals.over("broker"),
    ):
        tell()
        seen.append(pulse.waits_for)
    both = "the database; the broker"
    assert seen == [both, "the broker", "", "the database", f"{both} (no answer)", "the broker (no answer)", ""]
    vitals.trouble("calibrations", "nobody answers")
    assert pulse.waits_for == ""
    assert value(metrics, "nightcrew_planner_trouble_total", what="calibrations") == 1
    assert value(metrics, "nightcrew_planner_trouble_total", what="broker") == 1


def test_messages_that_nobody_takes_are_lacking_too(pulse: Pulse) -> None:
    vitals = Vitals(pulse, ())
    vitals.kept(Kept())
    vitals.over("broker")
    vitals.waiting(Pending(3, LATE - 1))
    assert pulse.waits_for == ""
    vitals.waiting(Pending(3, LATE + 1))
    assert pulse.waits_for == "3 messages to be published, the oldest for 61 s"
    vitals.trouble("relay", "refused")
    assert "the relay (refused)" in pulse.waits_for
    vitals.over("relay")
    vitals.waiting(Pending(0, 0.0))
    assert pulse.waits_for == ""


@pytest.mark.parametrize(
    ("sign", "of_life"), [("looked", True), ("kept", True), ("database", True), ("broker", False), ("relay", False)]
)
def test_whatever_the_loop_does_is_a_sign_of_life_and_nothing_else(
    sign: str, of_life: bool, pulse: Pulse, metrics: Metrics
) -> None:
    vitals = Vitals(pulse, (metrics,))
    signs: dict[str, Any] = {
        "looked": lambda: vitals.looked(date(2026, 11, 28), "NIRI", Looked(), 0.1),
        "kept": lambda: vitals.kept(Kept()),
    }
    pulse.stale = 0.0
    assert pulse.hangs()
    time.sleep(0.01)
    before = pulse._at
    signs.get(sign, lambda: vitals.trouble(sign, "gone"))()
    vitals.over("broker")
    assert (pulse._at > before) is of_life


def test_trouble_is_told_once_and_once_more_when_it_is_over() -> None:
    with capture_logs() as told:
        watcher = LogWatcher()
        for _ in range(3):
            watcher.trouble("broker", "no answer")
        watcher.over("broker")
        watcher.over("broker")
    assert [line["event"] for line in told] == ["trouble", "trouble is over"]


def test_the_token_is_read_from_a_file_and_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("nightcrew_secret\n")
    settings = PlannerSettings.load(calmanager_token_file=secret)
    assert settings.token() == "nightcrew_secret"
    assert "nightcrew_secret" not in repr(settings)
    assert PlannerSettings.load().token() == ""
    with pytest.raises(SettingsError, match="NIGHTCREW_PLANNER_CALMANAGER_TOKEN_FILE must name a file") as refused:
        PlannerSettings.load(calmanager_token_file=tmp_path / "none").token()
    assert str(tmp_path / "none") in str(refused.value)


def test_a_planner_without_a_directory_for_masters_says_what_to_set(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    from nightcrew.planner import main
    from nightcrew.shared import starting

    monkeypatch.delenv("NIGHTCREW_PLANNER_CALIBRATIONS", raising=False)
    monkeypatch.setattr(starting, "signal", SimpleNamespace(signal=lambda *_: None))
    monkeypatch.setattr("nightcrew.shared.logs.configure_logs", lambda *_: None)
    assert main.main([]) == 2
    assert "NIGHTCREW_PLANNER_CALIBRATIONS: name a directory" in capsys.readouterr().err
    monkeypatch.setenv("NIGHTCREW_PLANNER_PORT", "many")
    assert main.main([]) == 2
    assert "NIGHTCREW_PLANNER_PORT" in capsys.readouterr().err
