"""The Compose file's own commands and settings, run as processes: a night goes through them, and is watched.

There is no container engine here: what is tested is that the services start with what the file tells them, come to
health by its checks, work with the broker's users and rights, and are found and counted by what watches them: Debian's
Prometheus with the deployment's configuration, for which every query of rules and boards must have an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import make_secrets
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url, text

from nightcrew.shared.association import night_of
from nightcrew.shared.database import open_database
from nightcrew.shared.ledger import conservation
from support.composing import ROOT, Containers, services
from support.leaking import files, leaks, processes, rows
from support.observatory_suite import HASTE, free_port, one_night
from support.prometheus import exporting, program, watching
from support.promql import demands, series
from support.queries import queries
from support.rabbitmq import Node, own_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nightcrew.simulator import Night
    from support.prometheus import Prometheus, Sample

LONG_LIVED = (
    *("calmanager", "planner", "ingest", "reducer-realtime", "reducer-calibration", "reducer-science"),
    "reducer-large",
)
SECOND = "reducer-science-2"
WORKING = ("reducer-realtime", "reducer-calibration", "reducer-science")
CATALOGUE = yaml.safe_load((ROOT / "deploy" / "metrics.yaml").read_text())
MAUNAKEA = -155.469
SERIES = 1500
"""Most that all services of a deployment tell of together."""
FIRING = 'ALERTS{alertstate="firing"}'
NOT_IN_A_GOOD_NIGHT = {
    'nightcrew_qa_value{instrument=~".*",metric="zeropoint"}': "no reference catalogue was given to the night",
}
"""What has no answer as long as all is well, and why."""
NOT_HERE = {
    "cnpg_backends_total": "CloudNativePG runs on Kubernetes",
    "cnpg_pg_settings_setting": "CloudNativePG runs on Kubernetes",
}
"""What nothing in Compose tells of, and why."""
FIRE = {"Watchdog", "FrameLatencySLOBurn"}
"""The frames of this night are taken in an hour and come hours later: quick looks are late, and nothing else is."""


@dataclass
class Seen:
    """What came of the night, as its services and Prometheus told it while all of them were at work."""

    frames: int
    ledger: Mapping[str, int]
    products: list[str]
    workers: int
    metrics: dict[str, str] = field(default_factory=dict)
    routes: frozenset[str] = frozenset()
    answers: dict[str, tuple[Sample, ...]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    ends: dict[str, int] = field(default_factory=dict)
    leaks: list[str] = field(default_factory=list)

    def sums(self, name: str) -> dict[str, float]:
        """Return the sum of each metric of a container."""
        sums: dict[str, float] = {}
        for sample in samples(self.metrics[name]):
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        return sums


def samples(page: str) -> Iterator:
    return (one for family in text_string_to_metric_families(page) for one in family.samples)


def tonight(night: Night) -> Night:
    """Return a night that is over just now, all of it one night at the telescope: the day may be at noon there."""
    starts = [one.start for one in night.exposures]
    later = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=3) - max(starts)
    while len({night_of((start + later).replace(tzinfo=None), MAUNAKEA) for start in starts}) > 1:
        later -= timedelta(minutes=30)
    moved = [replace(one, start=one.start + later) for one in night.exposures]
    return replace(night, exposures=tuple(replace(one, name=f"N{one.start:%Y%m%d}{one.name[9:]}") for one in moved))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("compose") / "suite" / "secrets"
    directory.mkdir(parents=True)
    return directory


@pytest.fixture(scope="module")
def broker_metrics() -> int:
    """Return the port at which the broker tells of itself."""
    return free_port()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, secrets: Path, broker_metrics: int) -> Iterator[Node]:
    """A broker that has nothing but what the secrets hold: our users with their rights, and no guest."""
    make_secrets.make(secrets)
    configuration = f"load_definitions = {secrets / 'rabbitmq_definitions'}\n"
    configuration += f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {broker_metrics}\n"
    with own_node(tmp_path_factory.mktemp("mq"), configuration, ["rabbitmq_prometheus"]) as node:
        for url in secrets.glob("rabbitmq_url_*"):
            moved = url.read_text().replace("@rabbitmq:5672", f"@127.0.0.1:{node.port}")
            url.unlink()
            url.write_text(moved)
        yield node


@pytest.fixture(scope="module")
def suite(postgres_url: str, node: Node, secrets: Path) -> Iterator[Containers]:
    password = (secrets / "postgres_password").read_text().strip()
    url = make_url(postgres_url).set(password=password).render_as_string(hide_password=False)
    (secrets / "database_url").unlink()
    (secrets / "database_url").write_text(f"{url}\n")
    changes = {key: value for key, value in HASTE.items() if not key.endswith("_DRAIN")}
    changes |= {f"NIGHTCREW_{name}_LOG_LEVEL": "debug" for name in ("INGEST", "PLANNER", "CALMANAGER", "REDUCER")}
    with Containers(secrets.parent, changes) as suite:
        yield suite


@pytest.fixture(scope="module")
def prometheus(
    suite: Containers, broker_metrics: int, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Prometheus, looking where the services answer; they are started by then."""
    program("prometheus")
    directory = tmp_path_factory.mktemp("prometheus")
    ports = {name: suite.port(name) for name in LONG_LIVED} | {"rabbitmq": broker_metrics}
    with (
        exporting(directory, postgres_url) as exporter,
        watching(directory, {**ports, "postgres-exporter": exporter}) as prometheus,
    ):
        yield prometheus


@pytest.fixture(scope="module")
def seen(suite: Containers, postgres_url: str, request: pytest.FixtureRequest) -> Seen:
    """A night as the services reduce it."""
    suite.run("migrate")
    for name in LONG_LIVED:
        suite.start(name)
    suite.until(lambda: all(suite.healthy(name) for name in LONG_LIVED))
    watch = watch_if_there(request)  # once the ports are taken: whoever connects may be given a free one of them

    night = tonight(one_night(frames=3))
    raw = suite.volume("raw")
    on_sky = [one for one in night.exposures if one.group in {"target", "sky", "standard"}]
    for exposure in night.exposures:
        if exposure not in on_sky:
            (raw / exposure.filename).write_bytes(night.file(exposure))
    suite.start("reducer-science", SECOND)
    suite.until(lambda: suite.healthy(SECOND, "reducer-science"))
    for exposure in on_sky:
        (raw / exposure.filename).write_bytes(night.file(exposure))

    with open_database(postgres_url, application="tests") as database:

        def finished() -> bool:
            with database.begin() as connection:
                balance = conservation.check(connection)
            assert balance.breaches == ()
            open_jobs = {"waiting", "queued", "running", "retry"} & set(balance.jobs)
            return balance.frames.get("reduced", 0) == len(night.exposures) and not open_jobs

        suite.until(finished)
        with database.begin() as connection:
            balance = conservation.check(connection)
            workers = connection.execute(text("SELECT count(DISTINCT worker) FROM ledger.attempts")).scalar_one()
    products = sorted(path.name for path in suite.volume("products").glob("2*/*_image.fits"))
    seen = Seen(len(night.exposures), dict(balance.frames), products, workers)
    if watch is not None:
        suite.until(lambda: told_of_products(suite))
        suite.until(lambda: {one.labels["alertname"] for one in watch.query(FIRING)} == FIRE)
        wanted = {part for one in queries() for part in (*demands(one.expression), *selectors(one.expression))}
        wanted |= {one.records for one in queries() if one.records} | {FIRING}
        excused = {one for one in wanted if one in NOT_IN_A_GOOD_NIGHT or one.partition("{")[0] in NOT_HERE}
        seen.answers = watch.answers(wanted - excused, 30) | {one: watch.query(one) for one in excused}
        seen.names = watch.names()
        suite.until(lambda: not watch.unseen())
    seen.metrics = {name: suite.ask(name, "/metrics")[1] for name in (*LONG_LIVED, SECOND)}
    document = yaml.safe_load(suite.ask("calmanager", "/openapi.json")[1])
    seen.routes = frozenset(document["paths"])
    told = [*processes(suite.numbers()), *((name, page.encode()) for name, page in seen.metrics.items())]
    seen.ends = {name: suite.stop(name) for name in (*LONG_LIVED, SECOND)}
    with open_database(postgres_url, application="tests") as database, database.begin() as connection:
        told += rows(connection)
    told += [*files(suite.directory / "log"), *files(suite.directory / "data")]
    assert {"ingest", "table ledger.outbox"} <= {name for name, _ in told}
    seen.leaks = leaks(secret_values(suite.directory / "secrets"), told)
    return seen


def secret_values(directory: Path) -> list[str]:
    """Return passwords and tokens: what whoever has them may do something with."""
    chosen = [path for path in directory.iterdir() if "password" in path.name or path.name.endswith("_token")]
    assert len(chosen) >= 8
    return [path.read_text().strip() for path in chosen]


def watch_if_there(request: pytest.FixtureRequest) -> Prometheus | None:
    try:
        found: Prometheus = request.getfixturevalue("prometheus")
    except pytest.skip.Exception:
        return None
    return found


def told_of_products(suite: Containers) -> bool:
    """Whether the planner, which reads the ledger every few seconds, has told of all quick looks."""
    page = suite.ask("planner", "/metrics")[1]
    looks = [
        one.value
        for one in samples(page)
        if one.name == "nightcrew_frame_latency_seconds_count" and one.labels["stage"] == "product"
    ]
    return sum(looks) >= 9


def selectors(expression: str) -> list[str]:
    return [selector for _, selector in series(expression)]


def test_a_night_goes_through_the_services_as_compose_starts_them(seen: Seen) -> None:
    assert seen.ledger == {"reduced": seen.frames}
    assert len(seen.products) == 2
    assert seen.workers >= 3
    assert seen.sums("ingest")["nightcrew_frames_total"] == seen.frames
    done = [seen.sums(name)["nightcrew_jobs_total"] for name in WORKING]
    assert all(done), done
    assert seen.sums("calmanager")["nightcrew_calibration_requests_total"] > 0
    for name in LONG_LIVED[1:]:
        assert seen.sums(name)["nightcrew_amqp_connected"] == 1, name
    assert seen.sums("planner")["nightcrew_published_messages_total"] >= 0
    assert set(seen.ends.values()) == {0}, seen.ends


def test_no_secret_stands_in_logs_messages_metrics_rows_products_or_command_lines(seen: Seen) -> None:
    assert seen.leaks == []


def test_prometheus_reaches_all_that_the_configuration_names(prometheus: Prometheus, seen: Seen) -> None:
    jobs = {sample.labels["job"] for sample in seen.answers["up{}"]}
    configured = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert jobs == {one["job_name"] for one in configured} - {"alertmanager"}


@pytest.mark.parametrize("query", list(queries()), ids=lambda query: query.where)
def test_every_query_of_rules_and_boards_has_an_answer(prometheus: Prometheus, seen: Seen, query) -> None:
    for part in demands(query.expression):
        assert seen.answers[part] or part in NOT_IN_A_GOOD_NIGHT, part
    if query.records:
        assert seen.answers[query.records], "the rule records nothing"


def test_every_metric_that_is_asked_for_is_there(prometheus: Prometheus, seen: Seen) -> None:
    asked = {name for one in queries() for name, _ in series(one.expression)}
    assert asked - seen.names == set(NOT_HERE)


def test_what_is_excused_has_no_answer_and_is_asked_for(prometheus: Prometheus, seen: Seen) -> None:
    asked = {part for one in queries() for part in demands(one.expression)}
    assert set(NOT_IN_A_GOOD_NIGHT) <= asked
    assert {part for part in NOT_IN_A_GOOD_NIGHT if seen.answers[part]} == set()


def test_no_alert_fires_but_those_that_should(prometheus: Prometheus, seen: Seen) -> None:
    assert {one.labels["alertname"] for one in seen.answers[FIRING]} == FIRE


def test_labels_have_no_values_but_those_of_their_closed_sets(seen: Seen) -> None:
    for name, page in seen.metrics.items():
        for family in text_string_to_metric_families(page):
            metric = family.name + ("_total" if family.type == "counter" else "")
            about = CATALOGUE["ours"].get(metric)
            assert about is not None or metric.startswith("process_"), f"{name}: {metric} is in no catalogue"
            for sample in family.samples:
                labels = {key: value for key, value in sample.labels.items() if key not in {"le", "quantile"}}
                assert set(labels) <= set(about["labels"] if about else ()), sample
                for label, value in labels.items():
                    values = CATALOGUE["labels"].get(f"{metric}.{label}", CATALOGUE["labels"].get(label))
                    if label == "route":
                        values = seen.routes | {"other"}
                    assert isinstance(values, str) or value in values, sample


def test_a_deployment_tells_of_few_series(seen: Seen) -> None:
    counts = {name: sum(1 for _ in samples(seen.metrics[name])) for name in LONG_LIVED}
    print(counts)
    assert sum(counts.values()) < SERIES, counts


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
