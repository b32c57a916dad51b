"""Whether the planner lives and works, as its loop shows."""

from __future__ import annotations

import time
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from nightcrew.planner.housekeeping import Kept
from nightcrew.planner.looked import Looked
from nightcrew.planner.metrics import Metrics
from nightcrew.planner.settings import PlannerSettings
from nightcrew.planner.vitals import Trying, Vitals
from nightcrew.shared.bus import DeliveryOutcome, PublishOutcome, Side
from nightcrew.shared.errors import SettingsError
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


def test_a_planner_is_ready_once_it_has_kept_house_and_not_while_its_database_is_gone(
    pulse: Pulse, metrics: Metrics
) -> None:
    vitals = Vitals(pulse, (metrics,))
    seen = [pulse.waits_for]
    for tell in (lambda: vitals.kept(Kept()), lambda: vitals.trouble("database", "gone"), lambda: vitals.kept(Kept())):
        tell()
        seen.append(pulse.waits_for)
    assert seen == ["the database", "", "the database", ""]
    vitals.trouble("calibrations", "nobody answers")
    assert pulse.waits_for == ""
    assert value(metrics, "nightcrew_planner_trouble_total", what="calibrations") == 1


@pytest.mark.parametrize("sign", ["looked", "kept", "trouble", "reconnecting"])
def test_whatever_the_planner_does_is_a_sign_of_life(sign: str, pulse: Pulse, metrics: Metrics) -> None:
    vitals, trying = Vitals(pulse, (metrics,)), Trying(pulse, metrics.bus)
    signs: dict[str, Any] = {
        "looked": lambda: vitals.looked(date(2026, 11, 28), "NIRI", Looked(), 0.1),
        "kept": lambda: vitals.kept(Kept()),
        "trouble": lambda: vitals.trouble("database", "gone"),
        "reconnecting": lambda: trying.reconnecting(Side.CONSUMING, 1, 0.5, "refused"),
    }
    pulse.stale = 0.0
    assert pulse.hangs()
    time.sleep(0.01)
    before = pulse._at
    signs[sign]()
    assert pulse._at > before


def test_what_the_bus_does_is_counted(pulse: Pulse, metrics: Metrics) -> None:
    trying = Trying(pulse, metrics.bus)
    trying.connected(Side.CONSUMING, up=True)
    trying.published("nightcrew.jobs", PublishOutcome.CONFIRMED)
    trying.settled("plan.frames", DeliveryOutcome.ACKED)
    assert value(metrics, "nightcrew_amqp_connected", service="planner") == 1
    confirmed = {"service": "planner", "exchange": "nightcrew.jobs", "outcome": "confirmed"}
    assert value(metrics, "nightcrew_published_messages_total", **confirmed) == 1


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

    monkeypatch.delenv("NIGHTCREW_PLANNER_CALIBRATIONS", raising=False)
    monkeypatch.setattr(main, "signal", SimpleNamespace(signal=lambda *_: None, SIGTERM=15, SIGINT=2))
    monkeypatch.setattr(main, "configure_logs", lambda *_: None)
    assert main.main([]) == 2
    assert "NIGHTCREW_PLANNER_CALIBRATIONS: name a directory" in capsys.readouterr().err
    monkeypatch.setenv("NIGHTCREW_PLANNER_PORT", "many")
    assert main.main([]) == 2
    assert "NIGHTCREW_PLANNER_PORT" in capsys.readouterr().err
