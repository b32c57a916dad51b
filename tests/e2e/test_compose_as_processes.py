"""The Compose file's own commands and settings, run as processes: a night goes through them.

There is no container engine here: what is tested is that the services start with what the file tells them, come to
health by its checks, work with the broker's users and rights, and are found and counted by what watches them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import make_secrets
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from nightcrew.shared.ledger import conservation
from support.composing import ROOT, Containers, services
from support.observatory_suite import HASTE, one_night
from support.rabbitmq import Node, own_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.database import Database

LONG_LIVED = ("calmanager", "planner", "ingest", "reducer-realtime", "reducer-calibration", "reducer-science")


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    directory = tmp_path / "suite" / "secrets"
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory, secrets: Path) -> Iterator[Node]:
    """A broker that has nothing but what the secrets hold: our users with their rights, and no guest."""
    make_secrets.make(secrets)
    configuration = f"load_definitions = {secrets / 'rabbitmq_definitions'}\n"
    with own_node(tmp_path_factory.mktemp("mq"), configuration) as node:
        for url in secrets.glob("rabbitmq_url_*"):
            moved = url.read_text().replace("@rabbitmq:5672", f"@127.0.0.1:{node.port}")
            url.unlink()
            url.write_text(moved)
        yield node


@pytest.fixture
def suite(postgres_url: str, node: Node, secrets: Path) -> Iterator[Containers]:
    (secrets / "database_url").unlink()
    (secrets / "database_url").write_text(f"{postgres_url}\n")
    changes = {key: value for key, value in HASTE.items() if not key.endswith("_DRAIN")}
    with Containers(secrets.parent, changes) as suite:
        yield suite


def counted(suite: Containers, name: str) -> dict[str, float]:
    """Return the sum of each metric of a container."""
    status, body = suite.ask(name, "/metrics")
    assert status == 200, body
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def test_a_night_goes_through_the_services_as_compose_starts_them(suite: Containers, database: Database) -> None:
    suite.run("migrate")
    for name in LONG_LIVED:
        suite.start(name)
    suite.until(lambda: all(suite.healthy(name) for name in LONG_LIVED))

    night = one_night(frames=3)
    raw = suite.volume("raw")
    on_sky = [one for one in night.exposures if one.group in {"target", "sky", "standard"}]
    for exposure in night.exposures:
        if exposure not in on_sky:
            (raw / exposure.filename).write_bytes(night.file(exposure))
    suite.start("reducer-science", "reducer-science-2")
    suite.until(lambda: suite.healthy("reducer-science-2", "reducer-science"))
    for exposure in on_sky:
        (raw / exposure.filename).write_bytes(night.file(exposure))

    def finished() -> bool:
        with database.begin() as connection:
            balance = conservation.check(connection)
        assert balance.breaches == ()
        open_jobs = {"waiting", "queued", "running", "retry"} & set(balance.jobs)
        return balance.frames.get("reduced", 0) == len(night.exposures) and not open_jobs

    suite.until(finished)
    products = sorted(path.name for path in suite.volume("products").glob("2*/*_image.fits"))
    assert len(products) == 2

    frames = counted(suite, "ingest")
    assert frames["nightcrew_frames_total"] == len(night.exposures)
    done = [counted(suite, name)["nightcrew_jobs_total"] for name in LONG_LIVED[3:]]
    assert all(done), done
    assert counted(suite, "calmanager")["nightcrew_calibration_requests_total"] > 0
    for name in LONG_LIVED[1:]:
        assert counted(suite, name)["nightcrew_amqp_connected"] == 1, name
    assert counted(suite, "planner")["nightcrew_published_messages_total"] >= 0

    ends = {name: suite.stop(name) for name in (*LONG_LIVED, "reducer-science-2")}
    assert set(ends.values()) == {0}, ends
    with database.begin() as connection:
        workers = connection.execute(text("SELECT count(DISTINCT worker) FROM ledger.attempts")).scalar_one()
    assert workers >= 3


def test_prometheus_looks_where_the_services_answer() -> None:
    configuration = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    looked = {}
    for job in configuration["scrape_configs"]:
        for found in job.get("dns_sd_configs", ()):
            looked |= dict.fromkeys(found["names"], found["port"])
    for name, port in looked.items():
        checked = services()[name]["healthcheck"]["test"][-1]
        assert f":{port}/" in checked, name
    assert set(looked) >= set(LONG_LIVED)
