"""What a service tells those who watch it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from nightcrew.shared.bus import DeliveryOutcome, PublishOutcome, Side
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.telemetry import (
    BusMetrics,
    FrameLatency,
    Pulse,
    Stage,
    exposition,
    instrument_label,
    new_registry,
    serve_probes,
)

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_a_registry_says_which_service_runs_here_and_from_which_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_REVISION", "abc1234")
    text = exposition(new_registry("shared")).decode()
    assert 'nightcrew_build_info{revision="abc1234",service="shared",version="' in text
    assert "process_resident_memory_bytes" in text


def test_instruments_that_nobody_knows_share_one_label() -> None:
    assert [instrument_label(name) for name in ("NIRI", "F2", "GMOS-N")] == ["NIRI", "F2", "other"]


def test_a_bus_is_connected_as_long_as_one_side_is() -> None:
    registry = CollectorRegistry()
    metrics = BusMetrics(registry, "planner")
    seen = [value(registry, "nightcrew_amqp_connected", service="planner")]
    for side, up in (
        (Side.PUBLISHING, True),
        (Side.CONSUMING, True),
        (Side.PUBLISHING, False),
        (Side.CONSUMING, False),
    ):
        metrics.connected(side, up)
        seen.append(value(registry, "nightcrew_amqp_connected", service="planner"))
    assert seen == [0, 1, 1, 1, 0]


def test_a_bus_counts_from_0_what_it_may_do() -> None:
    registry = CollectorRegistry()
    metrics = BusMetrics(registry, "planner", queues=["plan.frames"], exchanges=["nightcrew.jobs"])
    lost = {"service": "planner", "queue": "plan.frames", "outcome": "lost"}
    returned = {"service": "planner", "exchange": "nightcrew.jobs", "outcome": "returned"}
    assert value(registry, "nightcrew_messages_total", **lost) == 0
    assert value(registry, "nightcrew_published_messages_total", **returned) == 0
    metrics.settled("plan.frames", DeliveryOutcome.LOST)
    metrics.published("nightcrew.jobs", PublishOutcome.RETURNED)
    metrics.reconnecting(Side.CONSUMING, 1, 0.5, "refused")
    assert value(registry, "nightcrew_messages_total", **lost) == 1
    assert value(registry, "nightcrew_published_messages_total", **returned) == 1
    assert value(registry, "nightcrew_amqp_reconnects_total", service="planner") == 1


def test_latency_counts_from_the_shutter_and_clocks_that_disagree_are_told() -> None:
    registry = CollectorRegistry()
    latency = FrameLatency(registry, [Stage.INGESTED])
    latency.note("NIRI", "science", Stage.INGESTED, NOW - timedelta(seconds=7), NOW)
    latency.note("NIRI", "science", Stage.INGESTED, NOW + timedelta(seconds=7), NOW)
    latency.note("NIRI", "science", Stage.INGESTED, NOW - timedelta(days=4000), NOW)
    latency.note("NIRI", "science", Stage.INGESTED, None, NOW)
    latency.note("GMOS-N", "mask", Stage.INGESTED, NOW, NOW)
    labels = {"instrument": "NIRI", "frame_type": "science", "stage": "ingested"}
    assert value(registry, "nightcrew_frame_latency_seconds_count", **labels) == 1
    assert value(registry, "nightcrew_frame_latency_seconds_sum", **labels) == 7
    assert value(registry, "nightcrew_clock_skew_total", instrument="NIRI") == 1
    other = {"instrument": "other", "frame_type": "other", "stage": "ingested"}
    assert value(registry, "nightcrew_frame_latency_seconds_count", **other) == 1


def test_a_service_is_ready_once_it_waits_for_nothing() -> None:
    pulse = Pulse(waits_for="the database")
    with serve_probes("127.0.0.1", 0, lambda: b"up 1\n", pulse) as port:
        assert asked(port, "/readyz") == (503, "waits for the database\n")
        assert asked(port, "/healthz") == (200, "alive\n")
        pulse.waits_for = ""
        assert asked(port, "/readyz?verbose") == (200, "ready\n")
        assert asked(port, "/metrics") == (200, "up 1\n")
        assert asked(port, "/etc/passwd")[0] == 404


def test_a_loop_that_stands_still_is_neither_alive_nor_ready() -> None:
    pulse = Pulse(stale=0.0, waits_for="")
    with serve_probes("127.0.0.1", 0, lambda: b"", pulse) as port:
        assert [asked(port, path)[0] for path in ("/healthz", "/readyz")] == [503, 503]
    pulse.stale = 60.0
    pulse.beat()
    assert pulse.hangs() == ""


def test_a_port_that_is_taken_is_an_error_that_names_the_setting() -> None:
    with (
        serve_probes("127.0.0.1", 0, lambda: b"", Pulse()) as port,
        pytest.raises(ServiceError, match=f"127.0.0.1:{port}: cannot be listened at.*choose another NIGHTCREW_X_PORT"),
        serve_probes("127.0.0.1", port, lambda: b"", Pulse(), "NIGHTCREW_X_PORT"),
    ):
        pass
