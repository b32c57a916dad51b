"""What the Compose file must hold of every service."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.composing import COMPOSE, ROOT, compose, ours, services

ONE_SHOT = {"migrate", "simulator", "operator"}
NAMES = sorted(services())
ENTRANCES = {"ingest", "calmanager", "rabbitmq", "prometheus", "alertmanager", "grafana"}
"""Services that are meant to be reached from outside."""
INSIDE = {"postgres", "planner", "reducer-realtime", "reducer-calibration", "reducer-science", "reducer-large"}
"""Services that never need to reach anything outside."""


def seconds(text: str) -> float:
    """Return a duration as Compose has it."""
    parts = re.findall(r"(\d+)([hms])", text)
    return sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)


def test_the_file_is_what_the_specification_of_compose_has() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def as_compose_reads_it(**environment: str) -> dict[str, Any]:
    """Return what Compose makes of the file, every profile included."""
    program = Path(sys.executable).with_name("docker-compose")
    done = subprocess.run(
        [program, "--file", COMPOSE, "--env-file", os.devnull, "--profile", "*", "config", "--format", "json"],
        capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_compose_reads_the_file_as_these_tests_do() -> None:
    told = {"NIGHTCREW_RAW": "/observatory/raw", "NIGHTCREW_UID": "5001", "NIGHTCREW_SCIENCE_MEMORY": "4g"}
    read = as_compose_reads_it(**told)["services"]
    assert read.keys() == services(told).keys()
    for name, about in services(told).items():
        assert read[name].get("environment", {}) == {k: str(v) for k, v in about.get("environment", {}).items()}, name
        assert read[name]["command"] == about.get("command"), name
        assert read[name].get("healthcheck", {}).get("test") == about.get("healthcheck", {}).get("test"), name
        assert read[name]["user"] == about["user"], name
        assert read[name]["read_only"] is True, name
        mounted = [(one["source"], one["target"]) for one in read[name].get("volumes", ()) if one["type"] == "volume"]
        named = [volume[:2] for volume in _volumes(about) if not volume[0].startswith((".", "/"))]
        assert mounted == named, name
    (raw,) = [one for one in read["ingest"]["volumes"] if one["target"] == "/data/raw"]
    assert (raw["type"], raw["source"], raw["read_only"]) == ("bind", "/observatory/raw", True)
    assert read["reducer-science"]["deploy"]["resources"]["limits"]["memory"] == str(4 << 30)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    about = services()[name]
    assert about["read_only"] is True
    assert about["cap_drop"] == ["ALL"]
    assert about["security_opt"] == ["no-new-privileges:true"]
    assert about["init"] is True
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode"} & set(about)
    user, group = str(about["user"]).split(":")
    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_limits_a_health_check_and_time_to_stop(name: str) -> None:
    about = services()[name]
    limits = about["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert seconds(about["stop_grace_period"]) >= 10
    if name in ONE_SHOT:
        assert about["restart"] == "no"
    else:
        assert about["restart"] == "unless-stopped"
        assert about["healthcheck"]["test"][0] == "CMD"
    assert about["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", NAMES)
def test_an_image_has_a_version(name: str) -> None:
    image, _, tag = services()[name]["image"].rpartition(":")
    assert image
    assert re.search(r"\d+\.\d+", tag), tag


@pytest.mark.parametrize("name", NAMES)
def test_ports_are_published_on_this_machine_only_and_by_those_who_are_meant_to_be_reached(name: str) -> None:
    ports = services()[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert bool(ports) == (name in ENTRANCES)


@pytest.mark.parametrize("name", sorted(INSIDE))
def test_what_needs_nothing_outside_reaches_nothing_outside(name: str) -> None:
    networks = compose()["networks"]
    assert all((networks[one] or {}).get("internal") for one in services()[name]["networks"])


def test_secrets_are_files_and_stand_nowhere_else() -> None:
    about = compose()
    assert all(set(one) == {"file"} for one in about["secrets"].values())
    used = set()
    for name, one in about["services"].items():
        for secret in one.get("secrets", ()):
            used.add(secret if isinstance(secret, str) else secret["source"])
        for key, value in one.get("environment", {}).items():
            if re.search(r"PASS|TOKEN|SECRET|DATABASE_URL|RABBITMQ_URL", key):
                assert key.endswith(("_FILE", "__FILE")), f"{name}: {key}"
                assert str(value).startswith("/run/secrets/"), f"{name}: {key}"
    assert used == set(about["secrets"])
    assert not re.search(r"://[^/\s@]+:[^/\s@]+@", COMPOSE.read_text())


@pytest.mark.parametrize("name", sorted(one for one in NAMES if one.startswith("reducer-")))
def test_a_reducer_is_given_longer_to_stop_than_it_takes_to_drain(name: str) -> None:
    about = services()[name]
    assert seconds(about["stop_grace_period"]) >= float(about["environment"]["NIGHTCREW_REDUCER_DRAIN"]) + 10
    assert about["command"][:2] == ["--class", name.removeprefix("reducer-")]
    assert about["networks"] == ["inner", "watch"]
    assert "container_name" not in about


def test_there_are_reducers_of_every_class() -> None:
    from nightcrew.shared.messages import JobClass

    assert {f"reducer-{one}" for one in JobClass} <= set(NAMES)


def _volumes(about: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(one.split(":")) for one in about.get("volumes", ())]


def test_raw_frames_are_written_by_nobody_but_the_telescope() -> None:
    for name, about in ours().items():
        for volume in _volumes(about):
            if volume[1] == "/data/raw" and name != "simulator":
                assert volume[2:] == ("ro",), name


def test_what_is_mounted_exists() -> None:
    declared = set(compose()["volumes"])
    for name, about in services().items():
        for source, *_ in _volumes(about):
            assert source in declared or (ROOT / source).exists(), f"{name}: {source}"
    for one in compose()["configs"].values():
        assert (ROOT / one["file"]).is_file()


def test_our_settings_are_known_to_the_services() -> None:
    from nightcrew.calmanager.settings import CalmanagerSettings
    from nightcrew.ingest.settings import IngestSettings
    from nightcrew.planner.settings import PlannerSettings
    from nightcrew.reducer.worker.settings import ReducerSettings
    from nightcrew.shared.bus.settings import RabbitSettings
    from nightcrew.shared.database import DatabaseSettings

    known = {"SOURCE_DATE_EPOCH"}
    for settings in (
        CalmanagerSettings, IngestSettings, PlannerSettings, ReducerSettings, RabbitSettings, DatabaseSettings,
    ):  # fmt: skip
        prefix = settings.model_config["env_prefix"]
        known |= {f"{prefix}{field}".upper() for field in settings.model_fields}
    for name, about in ours().items():
        assert set(about.get("environment", {})) <= known, name


def test_the_definitions_of_compose_say_what_the_brokers_own_file_says() -> None:
    plain = (ROOT / "deploy" / "rabbitmq" / "rabbitmq.conf").read_text()
    compose_conf = (ROOT / "deploy" / "rabbitmq" / "compose.conf").read_text()
    timeout = re.search(r"^consumer_timeout = (\d+)$", plain, re.MULTILINE)
    assert timeout
    assert timeout[0] in compose_conf
    assert "load_definitions = /run/secrets/rabbitmq_definitions" in compose_conf
    assert json.loads((ROOT / "deploy" / "rabbitmq" / "definitions.json").read_text())["vhosts"]
