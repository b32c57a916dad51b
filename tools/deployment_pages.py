"""What of the deployment follows from the code: metrics, boards, rules for a cluster."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from label_sets import label_sets
from prometheus_client.metrics import MetricWrapperBase

from nightcrew.calmanager.metrics import Metrics as CalmanagerMetrics
from nightcrew.ingest.metrics import Metrics as IngestMetrics
from nightcrew.planner.metrics import Metrics as PlannerMetrics
from nightcrew.reducer.worker.metrics import Metrics as ReducerMetrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "deploy" / "metrics.yaml"
MADE = "<!-- written by `make docs`: edit the code instead -->"
ABOUT = """
Every service tells at `/metrics` what it does; what is a state of the suite, only the planner tells, as the ledger has
it. Base units are seconds and bytes. Labels are closed sets: instruments, recipes, outcomes, never names of files,
targets or programmes; `deploy/metrics.yaml` lists them. A series exists for what can happen: what alerts ask about is
0 from the start, the rest begins when it first happens. A histogram has `_bucket`, `_sum` and `_count`. Who asks:
`deploy/prometheus/`, and the boards in `deploy/grafana/`.
"""


def _registries() -> dict[str, CollectorRegistry]:
    return {
        "ingest": IngestMetrics().registry,
        "planner": PlannerMetrics().registry,
        "calmanager": CalmanagerMetrics().registry,
        "reducer": ReducerMetrics("reduce.science").registry,
    }


def _told() -> dict[str, dict[str, Any]]:
    """Return what the services tell of, by name: type, labels, services, meaning."""
    found: dict[str, dict[str, Any]] = {}
    for service, registry in _registries().items():
        for metric in registry._collector_to_names:
            if isinstance(metric, MetricWrapperBase):
                name = metric._name + ("_total" if metric._type == "counter" else "")
                about = {"type": metric._type, "labels": list(metric._labelnames)}
                known = found.setdefault(name, {**about, "services": [], "means": metric._documentation})
                known["services"].append(service)
    return dict(sorted(found.items()))


def metrics() -> str:
    """Return the page of the metrics."""
    lines = [f"# Metrics\n\n{MADE}\n{ABOUT}", "| metric | type | labels | of | |", "|---|---|---|---|---|"]
    for name, about in _told().items():
        labels = ", ".join(f"`{label}`" for label in about["labels"])
        services = ", ".join(about["services"])
        lines.append(
            f"| `{name}` | {about['type']} | {labels} | {services} | {about['means'][0].lower()}{about['means'][1:]} |"
        )
    return "\n".join(lines) + "\n"


def catalogue() -> str:
    """Return the catalogue of metrics; what others tell of stays as it is."""
    _, mark, others = CATALOGUE.read_text(encoding="utf-8").partition("others:\n")
    lines = [
        "# Every metric that the suite's own services tell of (written by `make docs`), and those of others that rules"
    ]
    lines += ["# and boards use.  tests/unit/deploy/test_metrics_catalogue.py holds it against all of them.", "ours:"]
    for name, about in _told().items():
        labels, services = ", ".join(about["labels"]), ", ".join(about["services"])
        lines.append(f"  {name}:\n    {{type: {about['type']}, labels: [{labels}], services: [{services}]}}")
    lines += ["# Closed sets: the values of a label, of all metrics or (METRIC.LABEL) of one.", "labels:"]
    for name, values in label_sets().items():
        text = (
            values if isinstance(values, str) else yaml.safe_dump(values, default_flow_style=None, width=10_000).strip()
        )
        lines.append(f"  {name}: {text}")
    return "\n".join(lines) + f"\n{mark}{others}"


def _script(path: str) -> Any:
    """Return a script of the deployment as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "deploy" / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


_BOARDS, _RULES = _script("grafana/make_boards.py"), _script("kubernetes/make_rules.py")


def _board(name: str) -> Callable[[], str]:
    return lambda: str(_BOARDS.text_of(_BOARDS.boards()[name]))


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "docs/reference/metrics.md": metrics,
    CATALOGUE: catalogue,
    ROOT / "deploy/kubernetes/components/monitoring/rules.yaml": lambda: str(_RULES.text()),
    **{ROOT / "deploy/grafana/boards" / name: _board(name) for name in _BOARDS.boards()},
}
