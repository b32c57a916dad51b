"""Debian's Prometheus with the deployment's own configuration, and the exporter for PostgreSQL, on ports of a test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.composing import PATIENCE, ROOT
from support.observatory_suite import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

CONFIGURATION = ROOT / "deploy" / "prometheus" / "prometheus.yml"
INTERVAL = "2s"
"""Between two scrapes, and two looks at the rules."""
PROGRAMS = {"prometheus": "prometheus", "prometheus-postgres-exporter": "prometheus-postgres-exporter"}
"""What is run, and the package of Debian that it comes with."""
NOT_HERE = frozenset({"alertmanager"})
"""Jobs of the configuration that there is no process for."""


@dataclass(frozen=True)
class Sample:
    """One series of an answer."""

    labels: Mapping[str, str]
    value: float


def program(name: str) -> str:
    """Return where a program is; without it the test skips, and fails in the checks of every change."""
    found = shutil.which(name)
    if found is None:
        remedy = f"{name} is missing: install it (Debian: apt-get install {PROGRAMS[name]})"
        if os.environ.get("CI") == "true":
            pytest.fail(remedy, pytrace=False)
        pytest.skip(remedy)
    return found


def pointed(ports: Mapping[str, int]) -> dict[str, Any]:
    """Return the deployment's configuration, looking at ports of this machine instead of names of a network.

    Parameters
    ----------
    ports
        By the name of the host that the configuration looks for; hosts that are not in it are not looked for.
    """
    read: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text())
    read["global"] |= {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL}
    read["rule_files"] = [str(CONFIGURATION.parent / pattern) for pattern in read["rule_files"]]
    del read["alerting"]
    read["scrape_configs"] = [one for one in read["scrape_configs"] if one["job_name"] not in NOT_HERE]
    for job in read["scrape_configs"]:
        hosts = [name for found in job.pop("dns_sd_configs", ()) for name in found["names"]]
        hosts += [address.rpartition(":")[0] for one in job.get("static_configs", ()) for address in one["targets"]]
        job["static_configs"] = [
            {"targets": [f"127.0.0.1:{ports[host]}"], "labels": {"__meta_dns_name": host}}
            for host in hosts
            if host in ports
        ]
    return read


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus at work."""

    port: int

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; what is refused is an error with Prometheus' own words."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        try:
            with urllib.request.urlopen(url, urllib.parse.urlencode(parameters).encode() or None, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            with refused:
                raise AssertionError(f"{parameters}: {refused.read().decode()}") from refused

    def query(self, expression: str) -> tuple[Sample, ...]:
        """Return what an expression gives now."""
        data = self.ask("query", query=expression)
        if data["resultType"] == "scalar":
            return (Sample({}, float(data["result"][1])),)
        return tuple(Sample(one["metric"], float(one["value"][1])) for one in data["result"])

    def answers(self, expressions: Iterable[str], patience: float = PATIENCE) -> dict[str, tuple[Sample, ...]]:
        """Return what each expression gives once it gives something; a scrape may come too late on a busy machine."""
        found: dict[str, tuple[Sample, ...]] = {}
        end, missing = time.monotonic() + patience, set(expressions)
        while missing and time.monotonic() < end:
            found |= {one: self.query(one) for one in missing}
            missing = {one for one in missing if not found[one]}
            time.sleep(0.2 if missing else 0)
        return found

    def names(self) -> set[str]:
        """Return the names of all series that there have been."""
        return set(self.ask("label/__name__/values"))

    def unseen(self) -> dict[str, str]:
        """Return the targets that have not answered, and why."""
        targets = self.ask("targets")["activeTargets"]
        return {one["scrapeUrl"]: one["lastError"] for one in targets if one["health"] != "up"}


@contextmanager
def watching(directory: Path, ports: Mapping[str, int]) -> Iterator[Prometheus]:
    """Watch hosts as the deployment does.

    Parameters
    ----------
    directory
        For the configuration and what is measured.
    ports
        By name of the host; see `pointed`.
    """
    port = free_port()
    configuration = directory / "prometheus.yml"
    configuration.write_text(yaml.safe_dump(pointed({**ports, "127.0.0.1": port})))
    command = [
        program("prometheus"), f"--config.file={configuration}", f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with _running(command, directory / "prometheus.log", {}, f"http://127.0.0.1:{port}/-/ready"):
        yield Prometheus(port)


@contextmanager
def exporting(directory: Path, database_url: str) -> Iterator[int]:
    """Tell of a PostgreSQL; gives the port."""
    port = free_port()
    command = [program("prometheus-postgres-exporter"), f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    environment = {"DATA_SOURCE_NAME": f"{database_url}?sslmode=disable"}
    with _running(command, directory / "exporter.log", environment, f"http://127.0.0.1:{port}/"):
        yield port


@contextmanager
def _running(command: list[str], log: Path, environment: Mapping[str, str], url: str) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, env={"PATH": os.environ["PATH"], **environment}, stdout=out, stderr=out)
    try:
        end = time.monotonic() + PATIENCE
        while not _answers(url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False
