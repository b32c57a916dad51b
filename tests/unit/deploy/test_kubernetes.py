"""What is applied to a cluster: built by kustomize, valid by the schemas of Kubernetes, and restricted.

Kinds of operators (KEDA, Prometheus, CloudNativePG, RabbitMQ) have their schemas in test_operators.py; what they refer
to is checked here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml
from kubernetes import make_rules

from support.composing import ROOT, services
from support.manifests import KUBERNETES, OPERATORS, OVERLAYS, built, name_of, of_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("1.29", "1.34", "1.37")
CLASSES = ("realtime", "calibration", "science", "large")
STORE = tuple(f"NIGHTCREW_STORE_{name}_FILE" for name in ("URL", "ACCESS_KEY", "SECRET_KEY"))


def pods(overlay: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield the name, labels and specification of every kind of pod."""
    for one in of_kind(overlay, "Deployment", "StatefulSet", "Job", "ScaledJob"):
        spec = one["spec"].get("jobTargetRef", one["spec"])
        yield name_of(one), spec["template"]["metadata"]["labels"], spec["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_everything(version: str) -> None:
    different = {json.dumps(one, sort_keys=True): one for overlay in OVERLAYS for one in built(overlay)}
    for one in different.values():
        if not one["apiVersion"].startswith(OPERATORS):
            kubernetes_validate.validate(one, version, strict=True)


def test_every_file_is_applied_by_an_overlay() -> None:
    applied = {(one["kind"], one["metadata"]["name"]) for overlay in OVERLAYS for one in built(overlay)}
    for path in KUBERNETES.rglob("*.yaml"):
        for one in yaml.safe_load_all(path.read_text()):
            if one["kind"] not in {"Kustomization", "Component"}:
                assert (one["kind"], one["metadata"]["name"]) in applied, path


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_in_the_namespace_which_is_restricted(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for one in built(overlay):
        assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == "nightcrew", name_of(one)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_may_nothing_that_they_do_not_need(overlay: str) -> None:
    for name, _, pod in pods(overlay):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert not any("hostPath" in volume for volume in pod["volumes"]), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_limits_probes_versions_and_time_to_stop(overlay: str) -> None:
    for name, _, pod in pods(overlay):
        (container,) = pod["containers"]
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name
        _, _, tag = container["image"].rpartition(":")
        assert tag[:1].isdigit(), f"{name}: {container['image']}"
        if not name.startswith("Job/"):
            assert pod["terminationGracePeriodSeconds"] >= 30, name
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_mounted_one_by_one_and_never_in_the_environment(overlay: str) -> None:
    assert not of_kind(overlay, "Secret")
    for name, _, pod in pods(overlay):
        (container,) = pod["containers"]
        assert "envFrom" not in container, name
        assert all("valueFrom" not in one for one in container.get("env", ())), name
        mounted = [volume["projected"] for volume in pod["volumes"] if "projected" in volume]
        for source in (one for projected in mounted for one in projected["sources"]):
            assert source["secret"]["items"], name
            if overlay != "single-node" and source["secret"]["items"][0]["key"] == "uri":
                assert source["secret"]["name"] == "nightcrew-database-app", name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_mount_is_there(overlay: str) -> None:
    claims = {one["metadata"]["name"] for one in of_kind(overlay, "PersistentVolumeClaim")}
    for name, _, pod in pods(overlay):
        named = {one["name"] for one in pod["volumes"]}
        (container,) = pod["containers"]
        templates = {"data"} if name.startswith("StatefulSet/") else set()
        assert {one["name"] for one in container["volumeMounts"]} <= named | templates, name
        for volume in pod["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_reducer_is_given_longer_to_stop_than_it_takes_to_drain(overlay: str) -> None:
    found = set()
    for name, labels, pod in pods(overlay):
        if labels.get("nightcrew/component") == "reducer":
            (container,) = pod["containers"]
            told = {one["name"]: one["value"] for one in container["env"]}
            drain = float(told["NIGHTCREW_REDUCER_DRAIN"])
            assert pod["terminationGracePeriodSeconds"] >= drain + 15, name
            job_class = labels["nightcrew/job-class"]
            assert container["args"][:2] == ["--class", job_class]
            assert container["resources"]["requests"]["memory"]
            found.add(job_class)
    assert found == set(CLASSES)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_are_told_the_same_as_in_compose(overlay: str) -> None:
    composed = services()
    own = {"NIGHTCREW_REDUCER_DRAIN", "NIGHTCREW_REDUCER_IDLE_EXIT", *(STORE if overlay == "object-store" else ())}
    for name, labels, pod in pods(overlay):
        about = composed.get(labels["app.kubernetes.io/name"])
        (container,) = pod["containers"]
        if about is not None and container["image"].startswith("nightcrew/"):
            told = {one["name"]: one["value"] for one in container["env"] if one["name"] not in own}
            assert told == {key: str(value) for key, value in about["environment"].items() if key not in own}, name
            assert container.get("args", []) == [str(word) for word in about.get("command", ())], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_reaches_anything_but_what_is_written(overlay: str) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay, "NetworkPolicy")}
    deny = policies["default-deny"]
    assert deny["podSelector"] == {}
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in deny
    assert "egress" not in deny
    for name, spec in policies.items():
        for rule in spec.get("ingress", ()):
            assert rule["from"], name
            assert rule["ports"], name
        for rule in spec.get("egress", ()):
            assert rule["ports"], name
    asked = {
        name
        for name, labels, pod in pods(overlay)
        for one in pod["containers"][0].get("env", ())
        if one["name"] == "NIGHTCREW_RABBITMQ_URL_FILE" and labels["app.kubernetes.io/name"] not in _allowed(policies)
    }
    assert not asked, "these are told of the broker, and may not reach it"


def _allowed(policies: dict[str, Any]) -> list[str]:
    (expression,) = policies["to-broker"]["podSelector"]["matchExpressions"]
    values: list[str] = expression["values"]
    return values


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_lead_to_pods(overlay: str) -> None:
    ports = {
        labels["app.kubernetes.io/name"]: {port["name"] for port in pod["containers"][0].get("ports", ())}
        for _, labels, pod in pods(overlay)
    }
    for service in of_kind(overlay, "Service"):
        target = service["spec"]["selector"]["app.kubernetes.io/name"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[target], name_of(service)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_budgets_are_about_pods_that_somebody_starts_again(overlay: str) -> None:
    replaced = {one["metadata"]["name"] for one in of_kind(overlay, "Deployment")}
    for budget in of_kind(overlay, "PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] in replaced


def test_with_an_object_store_no_pod_shares_products_and_those_that_need_them_reach_the_store() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("object-store", "NetworkPolicy")}
    (expression,) = policies["to-store"]["podSelector"]["matchExpressions"]
    with_store = set()
    for name, labels, pod in pods("object-store"):
        (container,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        told = {one["name"]: one["value"] for one in container.get("env", ()) if one["name"] in STORE}
        assert "persistentVolumeClaim" not in volumes.get("products", {}), name
        mounted = {
            f"/run/secrets/{item['path']}"
            for source in volumes.get("secrets", {}).get("projected", {}).get("sources", ())
            for item in source["secret"]["items"]
            if source["secret"]["name"] == "nightcrew-store"
        }
        assert set(told.values()) == mounted, name
        if told:
            assert set(told) == set(STORE), name
            assert "emptyDir" in volumes["calibrations"], name
            with_store.add(labels["app.kubernetes.io/name"])
    assert with_store == set(expression["values"]) == {"planner", *(f"reducer-{one}" for one in CLASSES)}


def test_keda_scales_by_the_queue_of_each_class() -> None:
    deployments = {one["metadata"]["name"]: one for one in of_kind("production", "Deployment")}
    scaled = {}
    for one in of_kind("production", "ScaledObject"):
        target = one["spec"]["scaleTargetRef"]["name"]
        assert "replicas" not in deployments[target]["spec"], target
        (trigger,) = one["spec"]["triggers"]
        scaled[trigger["metadata"]["queueName"]] = target
    (large,) = of_kind("production", "ScaledJob")
    (trigger,) = large["spec"]["triggers"]
    scaled[trigger["metadata"]["queueName"]] = large["metadata"]["name"]
    assert scaled == {f"reduce.{one}": f"reducer-{one}" for one in CLASSES}
    assert large["spec"]["rollout"]["strategy"] == "gradual"
    told = {
        one["name"]: one["value"] for one in large["spec"]["jobTargetRef"]["template"]["spec"]["containers"][0]["env"]
    }
    assert float(told["NIGHTCREW_REDUCER_IDLE_EXIT"]) > 2 * 15, "it must live to be scraped twice"
    (who,) = of_kind("production", "TriggerAuthentication")
    every = (*of_kind("production", "ScaledObject"), large)
    assert {one["spec"]["triggers"][0]["authenticationRef"]["name"] for one in every} == {who["metadata"]["name"]}


def test_the_prometheus_operator_finds_what_the_rules_need() -> None:
    named = {one["metadata"]["labels"]["app.kubernetes.io/name"]: one for one in of_kind("production", "Service")}
    for monitor in of_kind("production", "ServiceMonitor"):
        service = named[monitor["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    jobs = {
        relabel["replacement"]
        for monitor in of_kind("production", "PodMonitor")
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
        for relabel in endpoint["relabelings"]
        if relabel["targetLabel"] == "job"
    }
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    others = {"ingest", "planner", "calmanager", "postgres", "prometheus", "alertmanager"}
    assert jobs == {one["job_name"] for one in scraped} - others


def test_the_rules_of_a_cluster_are_those_of_prometheus() -> None:
    assert make_rules.TARGET.read_text() == make_rules.text(), "run deploy/kubernetes/make_rules.py"


def test_database_and_broker_of_a_cluster_outlive_a_node() -> None:
    (database,) = of_kind("production", "Cluster")
    assert database["spec"]["instances"] >= 3
    assert database["spec"]["postgresql"]["synchronous"]["number"] >= 1
    (broker,) = of_kind("production", "RabbitmqCluster")
    assert broker["spec"]["replicas"] % 2 == 1
    assert broker["spec"]["replicas"] >= 3
    mounted = broker["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert f"load_definitions = {mounted[0]['mountPath']}/" in broker["spec"]["rabbitmq"]["additionalConfig"]
    (backup,) = of_kind("production", "ScheduledBackup")
    assert backup["spec"]["cluster"]["name"] == database["metadata"]["name"]


def test_yaml_is_written_as_people_read_it() -> None:
    linter = Path(sys.executable).with_name("yamllint")
    files = [ROOT / "docker-compose.yml", *sorted((ROOT / "deploy").rglob("*.y*ml"))]
    done = subprocess.run(
        [linter, "-s", "-c", ROOT / "deploy" / ".yamllint", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
