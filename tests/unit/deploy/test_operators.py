"""Kinds of operators hold nothing that the schemas of their makers do not know."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from support import operator_kinds
from support.manifests import OPERATORS, OVERLAYS, built, name_of, of_kind

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT = {
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"): "no registry has its schema: held against its documented fields"
}
"""Kinds that no package has the schema of, and what is done instead."""
installed = pytest.mark.skipif(bool(operator_kinds.missing()), reason=operator_kinds.missing())


def resources(*kinds: str) -> list[dict[str, Any]]:
    """Return what overlays apply of published kinds, of all or of some, to be changed as one likes."""
    found = [one for overlay in OVERLAYS for one in built(overlay) if operator_kinds.published(one) is not None]
    return copy.deepcopy([one for one in found if not kinds or one["kind"] in kinds])


def test_every_kind_has_a_schema_or_a_reason() -> None:
    found = {(one["apiVersion"], one["kind"]) for overlay in OVERLAYS for one in built(overlay)}
    found = {one for one in found if one[0].startswith(OPERATORS)}
    known = {(version, kind) for version, kinds in operator_kinds.PUBLISHED.items() for kind in kinds}
    assert found == known | set(WITHOUT)


@installed
def test_no_field_is_unknown_to_an_operator(tmp_path: Path) -> None:
    assert operator_kinds.strange_fields(resources(), tmp_path) == ""


@installed
def test_no_value_is_strange_to_an_operator() -> None:
    assert operator_kinds.strange_values(resources()) == ""


@installed
def test_unknown_fields_and_wrong_types_are_found(tmp_path: Path) -> None:
    scaled, job, database, backup, monitor, rule = (
        resources(kind)[0]
        for kind in ("ScaledObject", "ScaledJob", "Cluster", "ScheduledBackup", "PodMonitor", "PrometheusRule")
    )
    scaled["spec"]["fallback"]["replcas"] = 1
    job["spec"]["jobTargetRef"]["template"]["spec"]["containers"][0]["livenessProbe"]["httpGet"]["pth"] = "/"
    database["spec"]["postgresql"]["synchronous"]["method"] = "every"
    backup["spec"]["schedule"] = 5
    monitor["spec"]["podMetricsEndpoints"][0]["prt"] = "http"
    rule["spec"]["groups"][0]["rules"][0]["alrt"] = "x"
    said = operator_kinds.strange_fields([scaled, job, database, backup, monitor, rule], tmp_path)
    for word in ("replcas", "pth", "every", "'number'", "prt", "alrt"):
        assert word in said


@installed
def test_wrong_values_are_found() -> None:
    scaled, monitor = resources("ScaledObject")[0], resources("PodMonitor")[0]
    scaled["spec"]["maxReplicaCount"] = 4.5
    monitor["spec"]["podMetricsEndpoints"][0]["interval"] = "soon"
    said = operator_kinds.strange_values([scaled, monitor])
    assert f"{name_of(scaled)}: data/spec/maxReplicaCount must be integer" in said
    assert "interval must match pattern" in said


def broker() -> dict[str, Any]:
    (found,) = of_kind("production", "RabbitmqCluster")
    return copy.deepcopy(found)


def test_the_broker_has_no_field_that_its_operator_does_not_document() -> None:
    assert operator_kinds.strange_broker(broker()) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("replica",), 3),
        (("replicas",), "3"),
        (("rabbitmq", "additionalPlugins"), ["rabbitmq-management"]),
        (("rabbitmq", "additionalConfig"), "#" * 2001),
        (("persistence", "storage"), "20 GB"),
        (("resources", "limit"), {}),
        (("affinity", "antiAffinity"), {}),
        (("override", "statefulSet", "spec", "template", "spec", "container"), []),
        (("override", "statefulSet", "spec", "template", "spec", "containers"), [{"name": "rabbitmq", "mounts": []}]),
    ],
)
def test_what_the_brokers_operator_would_refuse_is_found(path: tuple[str, ...], value: object) -> None:
    changed = broker()
    part = changed["spec"]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    said = operator_kinds.strange_broker(changed)
    assert path[-1] in said
