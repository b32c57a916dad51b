#!/usr/bin/env python3
"""Write the boards Night and Operations: what they show is said here, the rest follows.

usage: deploy/grafana/make_boards.py

A panel is a title, a kind, a unit, and its questions; three panels stand in a row.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOARDS = Path(__file__).parent / "boards"
WIDTH, HEIGHT, ACROSS = 8, 8, 3
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PROMISE = 120.0
"""Seconds from the shutter in which 95 of 100 quick looks are there."""
KINDS = 'instrument=~"$instrument"'


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Parameters
    ----------
    title, unit
        As Grafana has them.
    asks
        Query and legend of each series.
    kind
        timeseries, stat, heatmap or table.
    stacked
        Whether series stand on one another.
    limit
        A line to be drawn.
    says
        What a reader should know.
    """

    title: str
    unit: str
    asks: tuple[tuple[str, str], ...]
    kind: str = "timeseries"
    stacked: bool = False
    limit: float | None = None
    says: str = ""


def quantile(part: float, metric: str, by: str, where: str = "") -> str:
    """Return the query for a quantile of a histogram."""
    return f"histogram_quantile({part}, sum by (le, {by}) (rate({metric}_bucket{{{where}}}[$__rate_interval])))"


def rate(metric: str, by: str, where: str = "") -> str:
    """Return the query for how often something happens, per second."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


def grown(metric: str, by: str, where: str = "", window: str = "5m") -> str:
    """Return the query for how often something has happened in a time."""
    return f"sum by ({by}) (increase({metric}{{{where}}}[{window}]))"


LATENCY = "nightcrew_frame_latency_seconds"
ON_SKY = f'{KINDS}, stage="product", frame_type=~"science|standard"'

FAILING = grown("nightcrew_qa_checks_total", "metric", KINDS + ', verdict="fail"', "1h")

NIGHT = (
    Panel("Last frame", "s", (("nightcrew:last_frame_age_seconds{" + KINDS + "}", "{{instrument}}"),), "stat"),
    Panel("Last product", "s", (("time() - max(nightcrew_last_product_timestamp_seconds)", "product"),), "stat"),
    Panel(
        "Firing", "short", (('count(ALERTS{alertstate="firing", severity!="none"}) or vector(0)', "alerts"),), "stat"
    ),
    Panel(
        "Frames in 5 minutes",
        "short",
        ((grown("nightcrew_frames_total", "frame_type, outcome", KINDS), "{{frame_type}} {{outcome}}"),),
        stacked=True,
    ),
    Panel(
        "Jobs ended in 5 minutes",
        "short",
        ((grown("nightcrew_jobs_total", "recipe, outcome", KINDS), "{{recipe}} {{outcome}}"),),
        stacked=True,
    ),
    Panel(
        "Jobs that have not ended",
        "short",
        (("sum by (job_class, state) (nightcrew_jobs)", "{{job_class}} {{state}}"),),
        stacked=True,
    ),
    Panel(
        "From the shutter to the quick look",
        "s",
        (
            (quantile(0.5, LATENCY, "instrument", ON_SKY), "{{instrument}} half"),
            (quantile(0.95, LATENCY, "instrument", ON_SKY), "{{instrument}} 95 of 100"),
        ),
        limit=PROMISE,
        says="95 of 100 quick looks within 120 s.",
    ),
    Panel(
        "Latencies",
        "s",
        ((f"sum by (le) (increase({LATENCY}_bucket{{{ON_SKY}}}[$__rate_interval]))", "{{le}}"),),
        "heatmap",
    ),
    Panel("By stage, 95 of 100", "s", ((quantile(0.95, LATENCY, "stage", KINDS), "{{stage}}"),)),
    Panel(
        "Open groups",
        "short",
        (("sum by (instrument, state) (nightcrew_groups_open{" + KINDS + "})", "{{instrument}} {{state}}"),),
        "table",
    ),
    Panel("Waiting", "short", (("max by (reason) (nightcrew_jobs_waiting)", "for {{reason}}"),)),
    Panel(
        "Calibrations given out, by how well they fit",
        "short",
        ((grown("nightcrew_calibration_level_total", "level", KINDS, "15m"), "{{level}}"),),
        stacked=True,
    ),
    Panel(
        "Image quality at the zenith",
        "arcsec",
        (("nightcrew_qa_value{" + KINDS + ', metric="fwhm"}', "{{instrument}} {{band}}"),),
    ),
    Panel("Zero point", "mag", (("nightcrew_qa_value{" + KINDS + ', metric="zeropoint"}', "{{instrument}} {{band}}"),)),
    Panel(
        "Sky",
        "mag/arcsec2",
        (("nightcrew_qa_value{" + KINDS + ', metric="sky_brightness"}', "{{instrument}} {{band}}"),),
    ),
    Panel(
        "Conditions not as asked for, last hour",
        "percentunit",
        (
            (
                FAILING + " / " + grown("nightcrew_qa_checks_total", "metric", KINDS, "1h"),
                "{{metric}}",
            ),
        ),
    ),
    Panel(
        "Age of the newest calibrations",
        "s",
        (
            (
                "time() - (max by (instrument, cal_type) (nightcrew_calibration_newest_timestamp_seconds{"
                + KINDS
                + "}) > 0)",
                "{{instrument}} {{cal_type}}",
            ),
        ),
        "table",
    ),
    Panel(
        "Attempts that failed, last hour",
        "short",
        (
            (
                grown(
                    "nightcrew_jobs_total",
                    "instrument, recipe, outcome",
                    KINDS + ', outcome=~"failed|resource|crash|unprocessable"',
                    "1h",
                )
                + " > 0",
                "{{instrument}} {{recipe}} {{outcome}}",
            ),
        ),
        "table",
        says="`nightcrew jobs list --state failed` names them, `nightcrew explain FRAME` tells a frame's story.",
    ),
)

QUEUE, RECIPE = 'queue=~"$queue"', 'recipe=~"$recipe"'
OPERATIONS = (
    Panel("Queues: ready", "short", (("nightcrew:queue_ready{" + QUEUE + "}", "{{queue}}"),)),
    Panel("Queues: in hand", "short", (("nightcrew:queue_unacked{" + QUEUE + "}", "{{queue}}"),)),
    Panel("Queues: consumers", "short", (("nightcrew:queue_consumers{" + QUEUE + "}", "{{queue}}"),)),
    Panel(
        "Time in the queue, 95 of 100",
        "s",
        ((quantile(0.95, "nightcrew_job_queue_wait_seconds", "queue", QUEUE), "{{queue}}"),),
    ),
    Panel(
        "Publishing",
        "cps",
        ((rate("nightcrew_published_messages_total", "service, outcome"), "{{service}} {{outcome}}"),),
    ),
    Panel("Outbox: oldest", "s", (("max(nightcrew_outbox_oldest_age_seconds)", "age"),), limit=60.0),
    Panel("Dead letters", "short", (('nightcrew:queue_ready{queue=~"dead|unrouted"}', "{{queue}}"),)),
    Panel("Reducers at work", "percentunit", (("avg by (job_class) (nightcrew_worker_busy)", "{{job_class}}"),)),
    Panel("Reducers", "short", (("count by (job_class) (nightcrew_worker_busy)", "{{job_class}}"),)),
    Panel(
        "Primitives, mean, the ten longest",
        "s",
        (
            (
                "topk(10, "
                + rate("nightcrew_primitive_duration_seconds_sum", "primitive", RECIPE)
                + " / "
                + rate("nightcrew_primitive_duration_seconds_count", "primitive", RECIPE)
                + ")",
                "{{primitive}}",
            ),
        ),
        says="CPU time. No histogram: a series for each bucket, primitive, recipe and reducer would be most of all.",
    ),
    Panel(
        "Jobs, half and 95 of 100",
        "s",
        (
            (quantile(0.5, "nightcrew_job_duration_seconds", "recipe", RECIPE), "{{recipe}} half"),
            (quantile(0.95, "nightcrew_job_duration_seconds", "recipe", RECIPE), "{{recipe}} 95 of 100"),
        ),
    ),
    Panel(
        "Peak memory of the last job",
        "bytes",
        (("max by (recipe) (nightcrew_job_peak_rss_bytes{" + RECIPE + "})", "{{recipe}}"),),
    ),
    Panel(
        "CPU by recipe",
        "percentunit",
        ((rate("nightcrew_job_cpu_seconds_total", "recipe", RECIPE), "{{recipe}}"),),
        stacked=True,
    ),
    Panel(
        "Further attempts, by why",
        "short",
        ((grown("nightcrew_job_attempts_total", "recipe, reason", RECIPE), "{{recipe}} {{reason}}"),),
    ),
    Panel("Leases that ran out", "short", ((grown("nightcrew_leases_expired_total", "decision"), "{{decision}}"),)),
    Panel(
        "PostgreSQL: connections",
        "short",
        (("sum by (state) (pg_stat_activity_count)", "{{state}}"), ("max(pg_settings_max_connections)", "most")),
    ),
    Panel("PostgreSQL: locks", "short", (("sum by (mode) (pg_locks_count)", "{{mode}}"),)),
    Panel("Room for products", "bytes", (("min(nightcrew_scratch_free_bytes)", "free"),), limit=20e9),
    Panel(
        "RabbitMQ: memory",
        "bytes",
        (("rabbitmq_process_resident_memory_bytes", "{{instance}}"), ("rabbitmq_resident_memory_limit_bytes", "limit")),
    ),
    Panel(
        "RabbitMQ: alarms",
        "short",
        (
            ("rabbitmq_alarms_free_disk_space_watermark", "disk {{instance}}"),
            ("rabbitmq_alarms_memory_used_watermark", "memory {{instance}}"),
        ),
    ),
    Panel(
        "Restarts in an hour",
        "short",
        (
            ("sum by (job) (changes(process_start_time_seconds[1h]))", "{{job}}"),
            ("sum(increase(nightcrew_worker_children_total[1h]))", "children"),
        ),
    ),
    Panel("Services: memory", "bytes", (("process_resident_memory_bytes", "{{job}} {{instance}}"),)),
    Panel("Calibration manager: answers", "cps", ((rate("http_requests_total", "status"), "{{status}}"),)),
    Panel(
        "Calibration manager: time, 95 of 100",
        "s",
        ((quantile(0.95, "http_request_duration_seconds", "route"), "{{route}}"),),
    ),
)


def target(ask: tuple[str, str], number: int, kind: str) -> dict[str, Any]:
    """Return a query as Grafana has it."""
    at_once = kind in {"stat", "table"}
    made: dict[str, Any] = {
        "datasource": SOURCE,
        "expr": ask[0],
        "legendFormat": ask[1],
        "refId": chr(ord("A") + number),
    }
    made |= {"instant": at_once, "range": not at_once}
    return made | ({"format": "heatmap"} if kind == "heatmap" else {"format": "table"} if kind == "table" else {})


def panel(about: Panel, number: int) -> dict[str, Any]:
    """Return a panel as Grafana has it."""
    custom: dict[str, Any] = {"fillOpacity": 40 if about.stacked else 5, "showPoints": "never"}
    custom |= {"stacking": {"mode": "normal" if about.stacked else "none"}}
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if about.limit is not None:
        custom |= {"thresholdsStyle": {"mode": "line"}}
        steps += [{"color": "red", "value": about.limit}]
    defaults: dict[str, Any] = {"unit": about.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if about.kind == "timeseries":
        defaults |= {
            "custom": custom,
            "min": 0 if about.unit in {"short", "s", "bytes", "percentunit", "cps"} else None,
        }
    return {
        "id": number + 1, "title": about.title, "type": about.kind, "datasource": SOURCE, "description": about.says,
        "gridPos": {"x": number % ACROSS * WIDTH, "y": number // ACROSS * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "targets": [target(ask, place, about.kind) for place, ask in enumerate(about.asks)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}} if about.kind == "timeseries" else {},
    }  # fmt: skip


def variable(name: str, query: str) -> dict[str, Any]:
    """Return a choice at the top of the board."""
    return {
        "name": name, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name}, "refresh": 2,
        "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]},
    }  # fmt: skip


def board(uid: str, title: str, panels: tuple[Panel, ...], variables: dict[str, str]) -> dict[str, Any]:
    """Return a board as Grafana has it."""
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "current": {}, "label": "Prometheus"}
    alerts = {
        "name": "Alerts", "datasource": SOURCE, "enable": True, "iconColor": "red", "titleFormat": "{{alertname}}",
        "expr": 'ALERTS{alertstate="firing", severity=~"page|ticket|warning"}', "step": "60s",
    }  # fmt: skip
    deploys = {
        "name": "Deploys", "datasource": SOURCE, "enable": True, "iconColor": "blue",
        "titleFormat": "{{service}} {{version}}",
        "expr": "sum by (service, version) (changes(nightcrew_build_info[2m])) > 0", "step": "60s",
    }  # fmt: skip
    return {
        "uid": uid, "title": title, "tags": ["nightcrew"], "schemaVersion": 39, "version": 1, "editable": False,
        "timezone": "utc", "refresh": "30s", "time": {"from": "now-12h", "to": "now"}, "graphTooltip": 1,
        "links": [{"title": "nightcrew", "type": "dashboards", "tags": ["nightcrew"], "keepTime": True}],
        "templating": {"list": [source, *(variable(name, query) for name, query in variables.items())]},
        "annotations": {"list": [alerts, deploys]},
        "panels": [panel(about, number) for number, about in enumerate(panels)],
    }  # fmt: skip


def boards() -> dict[str, dict[str, Any]]:
    """Return the boards by file name."""
    instruments = "label_values(nightcrew_sun_altitude_degrees, instrument)"
    queues = "label_values(rabbitmq_detailed_queue_messages_ready, queue)"
    recipes = "label_values(nightcrew_jobs_total, recipe)"
    return {
        "night.json": board("nightcrew-night", "Night", NIGHT, {"instrument": instruments}),
        "operations.json": board(
            "nightcrew-operations", "Operations", OPERATIONS, {"queue": queues, "recipe": recipes}
        ),
    }


def text_of(made: dict[str, Any]) -> str:
    """Return a board as its file holds it."""
    return json.dumps(made, indent=1) + "\n"


def main() -> int:
    """Run the command."""
    for name, made in boards().items():
        (BOARDS / name).write_text(text_of(made), encoding="utf-8")
        print(f"{BOARDS / name}: {len(made['panels'])} panels")
    return 0


if __name__ == "__main__":
    sys.exit(main())
