"""What is removed of old products, and what is not."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from obstore.store import MemoryStore
from sqlalchemy import text

from nightcrew.reducer.worker.keeping import InStore, OnDisk
from nightcrew.reducer.worker.places import Places, Workspace
from nightcrew.reducer.worker.retaining import Cleaned, Retaining
from nightcrew.shared.bus import Topology
from nightcrew.shared.ledger import LEDGER, claims, conservation, groups, jobs, products
from nightcrew.shared.outcomes import Outcome, Status
from nightcrew.shared.store import Depot
from nightcrew.shared.store.cache import Cache
from nightcrew.shared.store.depot import key_of
from nightcrew.shared.store.objects import ObjectStore
from support.buses import MemorySite
from support.ledgers import NIGHT, claimed, new_product
from support.reducers import Works, raw_sky

if TYPE_CHECKING:
    from nightcrew.shared.database import Database
    from nightcrew.shared.ledger.records import ProductRow

WEEK = timedelta(days=7)
GOOD = Outcome(Status.SUCCEEDED)


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER,)


@pytest.fixture
def shelf(database, tmp_path) -> Shelf:
    places = Places(tmp_path / "products", tmp_path / "products" / ".scratch")
    places.prepare()
    return Shelf(database, places)


@dataclass
class Shelf:
    """Products as reducers leave them, of jobs that were done some days ago."""

    database: Database
    places: Places

    def make(self, name: str, days: float = 0.0, kind: str = "image", **changes: Any) -> ProductRow:
        """Let a job make a product."""
        with self.database.begin() as connection:
            held = claimed(connection, **changes)
            workspace = Workspace.new(held.job.id, held.attempt)
            self.places.open(workspace)
            (self.places.output(workspace) / name).write_bytes(bytes(100))
            self.places.keep(workspace)
            path = self.places.kept(workspace) / name
            claims.commit(connection, held, GOOD, [new_product(name, kind=kind, path=str(path), size=100)])
            age = {"id": held.job.id, "days": days}
            connection.execute(text("UPDATE ledger.products SET made_at = now() - :days * interval '1 day'"
                                    " WHERE job_id = :id"), age)  # fmt: skip
            (made,) = products.of_jobs(connection, [held.job.id])
        self.places.show(workspace, {self.public(name): path})
        self.places.close(workspace)
        return made

    def group(self, name: str, plan: dict[str, Any] | None = None) -> int:
        with self.database.begin() as connection:
            return groups.open_group(
                connection, name=name, night=NIGHT, instrument="NIRI", kind="dark", plan=plan or {}, frames=()
            )

    def supersede(self, older: ProductRow, newer: ProductRow) -> None:
        with self.database.begin() as connection:
            assert products.supersede(connection, older.job_id, newer.job_id) == 1

    def public(self, name: str) -> Path:
        return self.places.public(NIGHT, name)

    def clean(self, kept: timedelta | None = WEEK) -> Cleaned:
        cleaned = Retaining(OnDisk(self.places), self.database, kept, lambda: None).clean()
        with self.database.begin() as connection:
            assert conservation.check(connection).breaches == ()
        return cleaned

    def removed(self) -> set[int]:
        """Return the products that are not there any more, by number; the ledger knows of each."""
        with self.database.begin() as connection:
            rows = connection.execute(text("SELECT id, path, removed_at FROM ledger.products")).all()
        gone = {row.id for row in rows if not Path(row.path).exists()}
        assert gone == {row.id for row in rows if row.removed_at is not None}
        return gone


def test_what_a_later_product_of_the_name_has_superseded_for_a_week_goes_and_the_name_stays(shelf):
    oldest, old, current = (shelf.make("N1_image.fits", days) for days in (20, 9, 8))
    assert shelf.clean() == Cleaned(2, 200)
    assert shelf.removed() == {oldest.id, old.id}
    assert shelf.public("N1_image.fits").samefile(current.path)
    assert not Path(old.path).parent.parent.exists()
    assert shelf.clean() == Cleaned()


def test_what_was_superseded_a_short_while_ago_stays(shelf):
    shelf.make("N1_image.fits", 30)
    shelf.make("N1_image.fits", 6)
    assert shelf.clean() == Cleaned()
    assert shelf.clean(None) == Cleaned()
    assert shelf.clean(timedelta(days=5)).superseded == 1


def test_the_name_of_a_product_goes_with_it_if_its_successor_has_another(shelf):
    old = shelf.make("N1_image.fits", 10, group_id=shelf.group("science-N1"))
    new = shelf.make("N2_image.fits", 9, group_id=shelf.group("science-N2"))
    shelf.supersede(old, new)
    shelf.clean()
    assert shelf.removed() == {old.id}
    assert [path.name for path in shelf.public("").iterdir()] == ["N2_image.fits"]


def test_a_name_that_people_have_given_to_something_else_is_left_to_them(shelf):
    old = shelf.make("N1_image.fits", 10, group_id=shelf.group("science-N1"))
    shelf.supersede(old, shelf.make("N2_image.fits", 9, group_id=shelf.group("science-N2")))
    shelf.public("N1_image.fits").unlink()
    shelf.public("N1_image.fits").write_bytes(b"mine")
    shelf.clean()
    assert shelf.removed() == {old.id}
    assert shelf.public("N1_image.fits").read_bytes() == b"mine"


def test_the_product_of_a_group_stays_until_its_own_successor_is_there(shelf):
    """Somebody has made one of the same name by hand, which planning does not know of."""
    shelf.make("N1_dark.fits", 30, group_id=shelf.group("dark-N1"))
    shelf.make("N1_dark.fits", 20)
    assert shelf.clean() == Cleaned()


@pytest.mark.parametrize("how", ["calibration", "input", "parameter", "public name"])
def test_what_went_into_a_product_stays_as_long_as_that(shelf, how):
    dark = shelf.make("N1_dark.fits", 30)
    shelf.make("N1_dark.fits", 20)
    path = str(shelf.public(dark.name)) if how == "public name" else dark.path
    request = {
        "files": [{"name": "N7.fits", "path": path if how == "input" else "/raw/N7.fits"}],
        "parameters": {"addDQ:user_bpm": path if how == "parameter" else "x", "stackFrames:save": True},
        "calibrations": [{"path": path if how in ("calibration", "public name") else "/elsewhere/x.fits"}],
    }
    image = shelf.make("N7_image.fits", 30, request=request)
    assert shelf.clean() == Cleaned()
    shelf.make("N7_image.fits", 20)
    assert shelf.clean() == Cleaned(1, 100)
    assert shelf.removed() == {image.id}
    assert shelf.clean() == Cleaned(1, 100)
    assert shelf.removed() == {image.id, dark.id}


def test_what_a_job_waits_to_use_stays(shelf):
    dark = shelf.make("N1_dark.fits", 30)
    shelf.make("N1_dark.fits", 20)
    with shelf.database.begin() as connection:
        held = claimed(connection, request={"version": 1, "calibrations": [{"path": dark.path}]})
    assert shelf.clean() == Cleaned()
    with shelf.database.begin() as connection:
        claims.commit(connection, held, Outcome(Status.FAILED, "a defect"))
    assert shelf.clean() == Cleaned(1, 100)


@pytest.mark.parametrize("known", [True, False])
def test_a_master_that_the_calibration_manager_knows_is_for_it_to_remove(shelf, known):
    plan = {"master": [7, ""]} if known else {"master": None}
    old = shelf.make("N1_dark.fits", 30, "processed_dark", group_id=shelf.group("dark-N1", plan))
    by_hand = shelf.make("N3_dark.fits", 30, "processed_dark")
    if known:
        with shelf.database.begin() as connection:
            jobs.note_master(connection, by_hand.job_id, 8)
    new = shelf.make("N2_dark.fits", 20, "processed_dark", group_id=shelf.group("dark-N2"))
    shelf.make("N3_dark.fits", 20, "processed_dark")
    shelf.supersede(old, new)
    shelf.clean()
    assert shelf.removed() == (set() if known else {old.id, by_hand.id})


def test_files_of_attempts_that_did_not_count_go_after_a_day(shelf):
    made = shelf.make("N1_image.fits", 30)
    with shelf.database.begin() as connection:
        running = claimed(connection)
    left = {
        "lost": Workspace.new(made.job_id, 2),
        "fresh": Workspace.new(made.job_id, 3),
        "running": Workspace.new(running.job.id, running.attempt),
        "stranger": Workspace.new(uuid4(), 1),
        "at work": Workspace.new(made.job_id, 4),
    }
    long_ago = time.time() - 2 * 86400
    for name, one in left.items():
        shelf.places.open(one)
        (shelf.places.output(one) / "N1.fits").write_bytes(b"half")
        shelf.places.keep(one)
        if name != "fresh":
            os.utime(shelf.places.kept(one), (long_ago, long_ago))
        if name != "at work":
            shelf.places.close(one)
    os.utime(Path(made.path).parent, (long_ago, long_ago))
    assert shelf.clean(None) == Cleaned(abandoned=1)
    assert {name for name, one in left.items() if not shelf.places.kept(one).exists()} == {"lost"}
    assert Path(made.path).exists()


def test_products_of_reducers_that_write_elsewhere_are_left_to_them(shelf, tmp_path):
    shelf.make("N1_image.fits", 30)
    shelf.make("N1_image.fits", 20)
    there = Places(tmp_path / "there", tmp_path / "there" / ".scratch")
    there.prepare()
    assert Retaining(OnDisk(there), shelf.database, WEEK, lambda: None).clean() == Cleaned()
    assert shelf.removed() == set()
    assert shelf.clean() == Cleaned(1, 100)


def test_one_of_all_reducers_looks_once_a_day(shelf):
    shelf.make("N1_image.fits", 30)
    shelf.make("N1_image.fits", 20)
    first, second = (Retaining(OnDisk(shelf.places), shelf.database, WEEK, lambda: None) for _ in range(2))
    assert first.look() == Cleaned(1, 100)
    assert (first.look(), second.look()) == (None, None)
    with shelf.database.begin() as connection:
        connection.execute(text("UPDATE ledger.marks SET value = value - 86400"))
    assert second.look() == Cleaned()


def swept_anew(database: Database) -> bool:
    """Let the next sweep be due at once: the one before may have come too early to find anything."""
    with database.begin() as connection:
        connection.execute(text("DELETE FROM ledger.marks"))
    return True


def test_a_reducer_removes_old_quick_looks_and_counts_them(database, tmp_path):
    works, site = Works(database, tmp_path), MemorySite(Topology.load())

    def bus(stop: Any, observer: Any) -> Any:
        return site.bus(stop=stop, observer=observer)

    sky = raw_sky(works.raw)
    with works.housekeeping(site.bus()), works.reducer(bus, keep_superseded=1e-6, sweep=0.1) as hand:
        first, second = works.quick_look(sky), works.quick_look(sky)
        works.wait_ended(first, second)
        works.wait(
            lambda: swept_anew(database) and hand.value("nightcrew_products_removed_total", reason="superseded") > 0
        )
        works.wait(lambda: not works.left_over())
    (old,) = {one.path for one in works.made(first) if one.kind == "quick-look"}
    assert not Path(old).exists()
    assert hand.value("nightcrew_products_removed_bytes_total") > 0
    works.check_products(second)
    assert works.breaches() == ()


def test_in_a_store_too_what_was_superseded_goes_and_the_name_stands_for_its_successor(database, tmp_path):
    works, site = Works(database, tmp_path), MemorySite(Topology.load())
    store = ObjectStore(MemoryStore(), "memory://")

    def bus(stop: Any, observer: Any) -> Any:
        return site.bus(stop=stop, observer=observer)

    def keys(prefix: str) -> set[str]:
        return {one.key for one in store.entries(prefix)}

    sky, depot = raw_sky(works.raw), Depot(store, Cache(works.products / ".cache", 10**9))
    with works.housekeeping(site.bus()), works.reducer(bus, depot, keep_superseded=1e-6, sweep=0.1):
        first, second = works.quick_look(sky), works.quick_look(sky)
        works.wait_ended(first, second)
        works.wait(lambda: swept_anew(database) and not keys(f"jobs/{first}/"))
    made = works.made(second)
    assert keys("jobs/") == {key_of(one.path) for one in made}
    assert {store.stat(f"nights/{NIGHT:%Y%m%d}/{one.name}").sha256 for one in made} == {one.sha256 for one in made}
    assert works.breaches() == ()


def test_from_a_store_a_name_goes_with_the_last_that_had_it(tmp_path):
    places = Places(tmp_path / "products", tmp_path / "scratch")
    places.prepare()
    store = ObjectStore(MemoryStore(), "memory://")
    content = tmp_path / "x.fits"
    content.write_bytes(b"pixels")
    store.put(content, "jobs/j/1-a/x.fits", sha256(b"pixels").hexdigest())
    store.show("jobs/j/1-a/x.fits", f"nights/{NIGHT:%Y%m%d}/x.fits")
    keeping = InStore(places, Depot(store, Cache(tmp_path / "cache", 10**9)))
    assert keeping.forget("store:jobs/j/1-a/x.fits", NIGHT, "x.fits", named=False)
    assert list(store.entries()) == []
    assert not keeping.forget(str(content), NIGHT, "x.fits", named=False)
    assert content.exists()
