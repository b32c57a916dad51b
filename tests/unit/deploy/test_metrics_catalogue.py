"""The catalogue of metrics is what the services tell of, and rules and boards ask for nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from grafana import make_boards
from prometheus_client.metrics import MetricWrapperBase

from nightcrew.calmanager.metrics import Metrics as CalmanagerMetrics
from nightcrew.ingest.metrics import Metrics as IngestMetrics
from nightcrew.planner.metrics import Metrics as PlannerMetrics
from nightcrew.reducer.worker.metrics import Metrics as ReducerMetrics
from support.composing import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
BOARDS = ROOT / "deploy" / "grafana" / "boards"
CATALOGUE = yaml.safe_load((ROOT / "deploy" / "metrics.yaml").read_text())
RECORDED = {
    rule["record"]
    for path in RULES
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
    if "record" in rule
}
WORDS = set(
    re.findall(r"\w+", "and or unless by on without ignoring group_left group_right bool offset sum max min avg")
)
FORBIDDEN = {"file", "filename", "frame", "target", "object", "program", "job_id", "night", "user"}
"""Labels that would make a series for everything that ever happened."""
MOST = {"instrument": 20, "recipe": 50, "primitive": 100}
"""Values that labels may have where it is more than ten; a reducer tells of primitives that it has met."""


def registries() -> dict[str, CollectorRegistry]:
    return {
        "ingest": IngestMetrics().registry,
        "planner": PlannerMetrics().registry,
        "reducer": ReducerMetrics("reduce.science").registry,
        "calmanager": CalmanagerMetrics().registry,
    }


def told() -> dict[str, dict[str, Any]]:
    """Return what the services tell of, as the catalogue has it."""
    found: dict[str, dict[str, Any]] = {}
    for service, registry in registries().items():
        for metric in registry._collector_to_names:
            if isinstance(metric, MetricWrapperBase):
                name = metric._name + ("_total" if metric._type == "counter" else "")
                about = {"type": metric._type, "labels": list(metric._labelnames)}
                known = found.setdefault(name, {**about, "services": []})
                assert {key: known[key] for key in about} == about, f"{name} of {service} differs from the others'"
                known["services"].append(service)
    return found


def names_in(expression: str) -> set[str]:
    """Return the names of series in a query."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    words = set(re.findall(r"[A-Za-z_:][A-Za-z0-9_:]*(?!\s*\()\b(?!\s*\()", bare))
    return {word for word in words if word not in WORDS and not re.fullmatch(r"e\d+", word)}


def expressions() -> Iterator[tuple[str, str]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield f"{path.stem}: {rule.get('alert', rule.get('record'))}", rule["expr"]
    for path in sorted(BOARDS.glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]
        for annotation in board["annotations"]["list"]:
            yield f"{path.stem}: {annotation['name']}", annotation["expr"]


def test_the_catalogue_is_what_the_services_tell_of() -> None:
    found = told()
    assert {name: {**about, "services": sorted(about["services"])} for name, about in CATALOGUE["ours"].items()} == {
        name: {**about, "services": sorted(about["services"])} for name, about in found.items()
    }


def test_no_label_makes_a_series_for_everything_that_ever_happened() -> None:
    labels = {label for about in CATALOGUE["ours"].values() for label in about["labels"]}
    assert not labels & FORBIDDEN


@pytest.mark.parametrize("name", sorted(CATALOGUE["ours"]))
def test_every_label_has_a_closed_set_of_values(name: str) -> None:
    for label in CATALOGUE["ours"][name]["labels"]:
        values = CATALOGUE["labels"].get(f"{name}.{label}", CATALOGUE["labels"].get(label))
        assert isinstance(values, str) or 0 < len(set(values)) == len(values) <= MOST.get(label, 10), label


def test_no_set_of_values_belongs_to_no_label() -> None:
    used = {
        one
        for name, about in CATALOGUE["ours"].items()
        for label in about["labels"]
        for one in (label, f"{name}.{label}")
    }
    assert set(CATALOGUE["labels"]) <= used


def test_names_end_in_their_unit() -> None:
    for name, about in CATALOGUE["ours"].items():
        assert about["type"] != "counter" or name.endswith("_total"), name
        assert about["type"] not in {"histogram", "summary"} or name.endswith(("_seconds", "_bytes")), name


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda value: None)
def test_rules_and_boards_ask_for_metrics_that_exist(where: str, expression: str) -> None:
    known = set(CATALOGUE["ours"]) | set(CATALOGUE["others"]) | RECORDED
    for name in names_in(expression):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        several = CATALOGUE["ours"].get(base, {}).get("type") in {"histogram", "summary"}
        assert name in known or (several and base != name), f"{where}: {name} is in no catalogue"


def test_names_are_found_in_a_query_where_they_stand() -> None:
    asked = 'sum by (le, queue) (rate(a_bucket{x=~"b|c"}[5m])) / on (queue) max(d:e) > 20e9 or absent(f) == bool 1'
    assert names_in(asked) == {"a_bucket", "d:e", "f"}


@pytest.mark.parametrize("name", sorted(path.name for path in BOARDS.glob("*.json")))
def test_a_board_is_what_its_list_says(name: str) -> None:
    made = make_boards.boards()[name]
    assert (BOARDS / name).read_text() == make_boards.text_of(made), "run deploy/grafana/make_boards.py"


@pytest.mark.parametrize("name", sorted(make_boards.boards()))
def test_a_board_can_be_provisioned_anywhere(name: str) -> None:
    board = make_boards.boards()[name]
    assert re.fullmatch(r"nightcrew-[a-z]+", board["uid"])
    assert "id" not in board
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            for window in re.findall(r"\brate\([^[]*\[([^\]]+)\]", target["expr"]):
                assert window == "$__rate_interval", panel["title"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
    assert len(places) == len(board["panels"])
