"""Reducers with a store of products: no job is done before they are there, and of what failed nothing is left."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from obstore.store import MemoryStore
from sqlalchemy import text

from nightcrew.planner.core.requests import Provided
from nightcrew.shared.bus import Topology
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.ledger import LEDGER, JobState
from nightcrew.shared.messages import JobClass
from nightcrew.shared.store import Depot, StoreError, is_reference
from nightcrew.shared.store.cache import Cache
from nightcrew.shared.store.depot import key_of
from nightcrew.shared.store.objects import ObjectStore
from support.buses import MemorySite
from support.reducers import Works, raw_sky

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nightcrew.shared.store import Entry, Store, Stored

GIGABYTE = 1_000_000_000
NAMES = {"N20160102S0400_dark.fits", "N20160102S0400_dark.png"}


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def works(database, tmp_path) -> Works:
    return Works(database, tmp_path)


@pytest.fixture
def site() -> MemorySite:
    return MemorySite(Topology.load())


@pytest.fixture
def store() -> FailingStore:
    return FailingStore(ObjectStore(MemoryStore(), "memory://"))


@dataclass
class FailingStore:
    """A store that fails where a test says so."""

    inner: Store
    fails: Callable[[str, str], bool] = lambda operation, key: False
    done: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.inner.url

    def _ask(self, operation: str, key: str) -> None:
        self.done.append((operation, key))
        if self.fails(operation, key):
            raise StoreError(f"{self.url}/{key}: it is down")

    def put(self, path: Path, key: str, sha256: str) -> Stored:
        self._ask("put", key)
        return self.inner.put(path, key, sha256)

    def get(self, key: str, target: Path) -> Stored:
        self._ask("get", key)
        return self.inner.get(key, target)

    def stat(self, key: str) -> Stored | None:
        self._ask("stat", key)
        return self.inner.stat(key)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        self._ask("entries", prefix)
        return self.inner.entries(prefix)

    def delete(self, key: str) -> None:
        self._ask("delete", key)
        self.inner.delete(key)

    def show(self, key: str, name: str) -> None:
        self._ask("show", key)
        self.inner.show(key, name)

    def names(self, prefix: str = "") -> set[str]:
        return {one.key for one in self.inner.entries(prefix)}


def on(site):
    return lambda stop, observer: site.bus(stop=stop, observer=observer)


def depot(store, directory: Path, limit: int = GIGABYTE) -> Depot:
    return Depot(store, Cache(directory, limit))


def check(works: Works, store: FailingStore, job_id) -> None:
    """Assert that the products of a job are in the store, whole, under both names, and nothing else is."""
    made = works.made(job_id)
    assert {one.name for one in made} == NAMES
    for one in made:
        assert is_reference(one.path)
        for key in (key_of(one.path), f"nights/20160102/{one.name}"):
            assert store.inner.stat(key).sha256 == one.sha256
    assert {key.split("/")[1] for key in store.names("jobs/")} == {str(job_id)}
    assert store.names("jobs/") == {key_of(one.path) for one in made}
    scratch = works.products / ".scratch"
    works.wait(lambda: not list(scratch.iterdir()))
    assert works.breaches() == ()


def ends(works: Works, job_id) -> list[tuple[int, str]]:
    query = text("SELECT attempt, reason FROM ledger.attempts WHERE job_id = :job ORDER BY attempt")
    with works.database.begin() as connection:
        return [tuple(row) for row in connection.execute(query, {"job": job_id})]


def test_a_job_is_done_when_its_products_are_in_the_store_and_what_another_machine_needs_of_them_is_fetched(
    works, site, store, tmp_path
):
    dark, sky = works.dark_job(), raw_sky(works.raw)
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache")):
        (job,) = works.wait_ended(dark)
        works.wait(lambda: len(store.names("nights/")) == 2)
    assert job.state is JobState.SUCCEEDED, job.reason
    check(works, store, dark)
    operations = [operation for operation, key in store.done if operation in {"put", "show"}]
    assert operations == ["put", "put", "show", "show"]
    shutil.rmtree(works.products)
    master = next(one for one in works.made(dark) if one.kind == "processed_dark")
    given = Provided("processed_dark", master.path, master.md5)
    elsewhere = tmp_path / "another-machine"
    look = works.quick_look(sky, JobClass.CALIBRATION, given)
    with (
        works.housekeeping(site.bus()),
        works.reducer(on(site), depot(store, elsewhere / ".cache"), products=elsewhere),
    ):
        (job,) = works.wait_ended(look)
    assert job.state is JobState.SUCCEEDED, job.reason
    assert [key for operation, key in store.done if operation == "get"] == [key_of(master.path)]
    assert sha256((elsewhere / ".cache" / key_of(master.path)).read_bytes()).hexdigest() == master.sha256


def test_an_upload_that_fails_is_tried_again_and_leaves_nothing_and_no_job_is_begun_meanwhile(works, site, store):
    down = True
    store.fails = lambda operation, key: down and (operation, key.endswith(".png")) == ("put", True)
    first = works.dark_job()
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache")):
        works.wait(lambda: len([1 for _, reason in ends(works, first) if "it is down" in reason]) >= 1)
        down = False
        (job,) = works.wait_ended(first)
        works.wait(lambda: len(store.names("nights/")) == 2)
    assert job.state is JobState.SUCCEEDED
    check(works, store, first)


def test_while_the_store_is_down_no_attempt_is_begun(works, site, store):
    down = True
    store.fails = lambda operation, key: down
    job_id = works.dark_job()
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache")):
        probes = lambda: [key for operation, key in store.done if key == "jobs/none/"]  # noqa: E731
        works.wait(lambda: len(probes()) >= 2)
        assert ends(works, job_id) == []
        down = False
        (job,) = works.wait_ended(job_id)
        works.wait(lambda: len(store.names("nights/")) == 2)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    check(works, store, job_id)


def test_names_that_could_not_be_given_are_given_by_the_next_sweep(works, site, store):
    down = True
    store.fails = lambda operation, key: down and operation == "show"
    job_id = works.dark_job()
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache"), sweep=0.2):
        (job,) = works.wait_ended(job_id)
        works.wait(lambda: ("show", key_of(works.made(job_id)[0].path)) in store.done)
        assert store.names("nights/") == set()
        down = False
        works.wait(lambda: len(store.names("nights/")) == 2)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    check(works, store, job_id)


def test_what_a_vanished_machine_has_left_of_a_job_goes_when_another_one_has_done_it(works, site, store, tmp_path):
    job_id = works.dark_job()
    orphan, stranger = f"jobs/{job_id}/1-00000000/half.fits", "jobs/another/1-00000000/half.fits"
    half = tmp_path / "half.fits"
    half.write_bytes(b"half")
    for key in (orphan, stranger):
        store.inner.put(half, key, sha256(b"half").hexdigest())
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache")):
        works.wait_ended(job_id)
        works.wait(lambda: orphan not in store.names())
    assert stranger in store.names()
    store.inner.delete(stranger)
    check(works, store, job_id)


def test_a_job_that_is_taken_away_during_the_upload_leaves_nothing_of_that_attempt(works, site, store):
    begun: list[str] = []

    def taken_away(operation: str, key: str) -> bool:
        if operation == "put" and not begun:
            begun.append(key)
            with works.database.begin() as connection:
                connection.execute(
                    text("UPDATE ledger.jobs SET lease_until = now() - interval '1 s' WHERE state = 'running'")
                )
            works.wait(lambda: works.job(job_id).state is not JobState.RUNNING)
        return False

    job_id = works.dark_job()
    store.fails = taken_away
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache"), renew=0.2):
        (job,) = works.wait_ended(job_id)
        works.wait(lambda: len(store.names("nights/")) == 2)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert begun[0].split("/")[2] not in {key.split("/")[2] for key in store.names("jobs/")}
    check(works, store, job_id)


def test_an_upload_that_takes_longer_than_the_lease_is_made_once(works, site, store):
    def slow(operation: str, key: str) -> bool:
        if operation == "put":
            time.sleep(2.5)
        return False

    store.fails = slow
    job_id = works.dark_job()
    with (
        works.housekeeping(site.bus()),
        works.reducer(on(site), depot(store, works.products / ".cache"), lease=1.5, renew=0.3),
    ):
        (job,) = works.wait_ended(job_id)
        works.wait(lambda: len(store.names("nights/")) == 2)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    check(works, store, job_id)


def test_told_to_stop_during_an_upload_a_reducer_hands_the_job_back_and_nothing_is_left_of_it(works, site, store):
    begun, go_on = Event(), Event()

    def hangs(operation: str, key: str) -> bool:
        if operation == "put" and not go_on.is_set():
            begun.set()
            go_on.wait()
        return False

    store.fails = hangs
    job_id = works.dark_job()
    with works.reducer(on(site), depot(store, works.products / ".cache"), drain=0.2) as hand:
        works.keep_house(site.bus())
        works.wait(begun.is_set)
        hand.stop.set()
        works.wait(lambda: works.job(job_id).state is JobState.QUEUED)
    assert works.job(job_id).attempt == 0
    go_on.set()
    assert store.names() == set()
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache")):
        (job,) = works.wait_ended(job_id)
        works.wait(lambda: len(store.names("nights/")) == 2)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    check(works, store, job_id)


def test_a_file_that_is_in_no_store_any_more_is_told_and_tried_again_first(works, site, store):
    sky = raw_sky(works.raw)
    given = Provided("processed_dark", "store:jobs/1/1-a/N1_dark.fits", "0" * 32)
    job_id = works.quick_look(sky, JobClass.CALIBRATION, given)
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache")):
        (job,) = works.wait_ended(job_id)
    assert (job.state, job.attempt) == (JobState.UNPROCESSABLE, 3)
    assert "jobs/1/1-a/N1_dark.fits: is not in memory://; restore it from a copy" in job.reason


def test_recipes_do_not_see_the_keys_of_the_store(works, site, store, monkeypatch):
    monkeypatch.setenv("NIGHTCREW_STORE_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    body = "    seen = [n for n in os.environ if 'SECRET' in n]\n    assert not seen, seen"
    job_id = works.dark_job(recipe=works.user_recipe(body))
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "secret"
    with works.housekeeping(site.bus()), works.reducer(on(site), depot(store, works.products / ".cache")):
        (job,) = works.wait_ended(job_id)
    assert job.state is JobState.SUCCEEDED, job.reason


def test_copies_keep_to_their_size_and_a_job_keeps_what_it_has_borrowed(store, tmp_path):
    for number in range(4):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes([number]) * 1000)
        store.inner.put(path, f"jobs/{number}", sha256(path.read_bytes()).hexdigest())
    small = depot(store, tmp_path / "cache", limit=2500)
    borrowed = [small.borrow(f"store:jobs/{number}", tmp_path / "attempt") for number in range(4)]
    assert [path.read_bytes() for path in borrowed] == [bytes([number]) * 1000 for number in range(4)]
    assert {path.name for path in (tmp_path / "cache").rglob("?")} == {"2", "3"}
    assert not any(path.stat().st_mode & 0o222 for path in borrowed)
    assert small.bring("store:jobs/2").read_bytes() == bytes([2]) * 1000
    again = small.borrow("store:jobs/3", tmp_path / "attempt")
    assert again == borrowed[3]
    small.bring("store:jobs/0")
    assert {path.name for path in (tmp_path / "cache").rglob("?")} == {"0", "3"}


def test_copies_in_another_file_system_are_borrowed_too(store, tmp_path):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        path = tmp_path / "made"
        path.write_bytes(b"made")
        store.inner.put(path, "jobs/1", sha256(b"made").hexdigest())
        borrowed = depot(store, Path(elsewhere)).borrow("store:jobs/1", tmp_path / "attempt")
        assert borrowed == tmp_path / "attempt/jobs/1"
    assert borrowed.read_bytes() == b"made"


def test_a_disk_that_refuses_copies_is_told(store, tmp_path):
    path = tmp_path / "made"
    path.write_bytes(b"made")
    store.inner.put(path, "jobs/1", sha256(b"made").hexdigest())
    with pytest.raises(ServiceError, match="cannot be written"):
        depot(store, tmp_path / "copies").borrow("store:jobs/1", tmp_path / "made")
