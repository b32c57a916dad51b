"""A night on machines that have the raw frames and a bucket in common, and nothing else."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.ledger import LEDGER, conservation
from support.observatory_suite import Suite, one_night, prepare_broker, reduce_by_hand
from support.rabbitmq import rabbitmq_url
from support.s3 import S3, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.database import Database
    from nightcrew.simulator import Night

__all__ = ["rabbitmq_url"]

CALIBRATIONS = ("lamp-off", "lamp-on", "dark", "short-dark")
MACHINES = {"calibration": "dome", "science": "hall", "realtime": "hall"}
"""Which class of jobs is done where."""


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER, CALIBRATION)


@pytest.fixture(scope="module")
def night() -> Night:
    return one_night(frames=2)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def suite(server: S3, database: Database, postgres_url: str, rabbitmq_url: str, tmp_path: Path) -> Iterator[Suite]:
    prepare_broker(rabbitmq_url)
    environment = server.environment("nights-of-2016")
    services = ("calmanager", "ingest", "planner")
    with Suite(tmp_path / "suite", database, postgres_url, rabbitmq_url, environment, services) as made:
        for job_class, machine in MACHINES.items():
            place = tmp_path / machine / "products"
            place.mkdir(parents=True, exist_ok=True)
            made.add(job_class, ("nightcrew-reducer", "--class", job_class), NIGHTCREW_REDUCER_PRODUCTS=str(place))
        yield made


def test_machines_with_nothing_but_a_bucket_in_common_make_the_products_of_the_night_command(
    suite: Suite, server: S3, night: Night, tmp_path: Path
):
    masters = [one.name for one in night.exposures if one.group in CALIBRATIONS]
    suite.deliver(night, masters)
    night.write(tmp_path / "raw")
    expected = reduce_by_hand(tmp_path / "raw", tmp_path / "by-hand")
    suite.until_over(len(masters))
    suite.deliver(night, [one.name for one in night.exposures if one.name not in masters])
    suite.until_over(len(night.exposures))
    with suite.database.begin() as connection:
        assert conservation.check(connection).breaches == ()
    assert set(suite.states("jobs")) == {"succeeded"}
    store = server.store("nights-of-2016")
    kept = suite.rows("SELECT path, sha256 FROM ledger.products")
    assert {row.path for row in kept} == {f"store:{one.key}" for one in store.entries("jobs/")}
    for row in kept:
        assert store.stat(row.path.removeprefix("store:")).sha256 == row.sha256
    public = {Path(one.key).name: one.key for one in store.entries("nights/")}
    names = sorted(path.name for path in expected.glob("*.fits"))
    assert names
    for name in names:
        store.get(public[name], tmp_path / name)
        assert (tmp_path / name).read_bytes() == (expected / name).read_bytes(), name
        assert sha256((tmp_path / name).read_bytes()).hexdigest() in {row.sha256 for row in kept}
    used = {row.path for row in suite.rows("SELECT jsonb_path_query(request, '$.calibrations[*].path') #>> '{}' AS path"
                                           " FROM ledger.jobs")}  # fmt: skip
    assert {path.partition("/")[0] for path in used} == {"store:jobs", "store:calibrations"}
    for machine in set(MACHINES.values()):
        left = {path.name for path in (tmp_path / machine / "products").iterdir()}
        assert left == {".cache", ".scratch", ".jobs"}
        assert list((tmp_path / machine / "products/.jobs").iterdir()) == []
    assert not any(server.secret_key in suite.log(name) for name in suite.services)
