"""A reducer without a broker is not ready, and says so."""

from __future__ import annotations

from structlog.testing import capture_logs

from nightcrew.reducer.worker.hearing import Hearing
from nightcrew.reducer.worker.metrics import Metrics
from nightcrew.shared.bus import Side
from nightcrew.shared.telemetry import Pulse

REASON = "127.0.0.1:9: nobody listens; is it running?"


def test_a_reducer_without_a_broker_is_not_ready_until_it_is_there_again() -> None:
    metrics, pulse = Metrics("reduce.science"), Pulse(waits_for="")
    with capture_logs() as lines:
        hearing = Hearing(metrics.bus, pulse)
        for attempt in (1, 2, 3):
            hearing.reconnecting(Side.CONSUMING, attempt, 1.0, REASON)
            assert pulse.waits_for == f"the broker ({REASON})"
        hearing.connected(Side.CONSUMING, True)
    assert pulse.waits_for == ""
    assert [(one["log_level"], one["event"]) for one in lines] == [
        ("warning", "the broker is not reached"),
        ("info", "the broker is there again"),
    ]
    labels = {"service": "reducer"}
    assert metrics.registry.get_sample_value("nightcrew_amqp_reconnects_total", labels) == 3
    assert metrics.registry.get_sample_value("nightcrew_amqp_connected", labels) == 1


def test_what_else_a_reducer_waits_for_is_not_forgotten() -> None:
    pulse = Pulse(waits_for="a process for jobs to be warm")
    hearing = Hearing(Metrics("reduce.science").bus, pulse)
    hearing.reconnecting(Side.CONSUMING, 1, 1.0, REASON)
    hearing.connected(Side.CONSUMING, True)
    assert pulse.waits_for == "a process for jobs to be warm"
