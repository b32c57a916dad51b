"""Masters on their way between the store of products and the calibration manager."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from obstore.store import MemoryStore

from nightcrew.calmanager.desk import ManagerDesk
from nightcrew.shared.calibration_desk import CalibrationDesk, Judged, Master
from nightcrew.shared.calibrations import CouldNotAsk
from nightcrew.shared.calibrations_http import Cache as Masters
from nightcrew.shared.calibrations_http import ManagerClient, Server, ServerDesk
from nightcrew.shared.fits import md5_of, read_headers
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.instruments import describe, science_headers
from nightcrew.shared.store import Depot, DirectoryStore
from nightcrew.shared.store.cache import Cache
from nightcrew.shared.store.desk import StoredDesk
from nightcrew.shared.store.hashing import sha256_of
from nightcrew.shared.store.objects import ObjectStore
from support.calibration_service import manager, manager_and_url, schemas, service, settings, store, writer
from support.masters import write_master

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["manager", "manager_and_url", "schemas", "service", "settings", "store", "writer"]

NAME = "N20160102S0423_dark.fits"
KEY = f"jobs/1/1-0badcafe/{NAME}"


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    return Depot(ObjectStore(MemoryStore(), "memory://"), Cache(tmp_path / "copies", 10**9))


@pytest.fixture(params=["manager", "server"])
def inner(request, tmp_path, manager, service: str, writer: str) -> Iterator[CalibrationDesk]:
    if request.param == "manager":
        yield ManagerDesk(manager, copies=True)
        return
    server = Server(service, writer)
    yield ServerDesk(ManagerClient(server), Masters(tmp_path / "fetched"))
    server.close()


@pytest.fixture
def science(tmp_path: Path) -> FrameFacts:
    path = write_master(tmp_path / "raw" / "N20160102S0270.fits", OBSTYPE="OBJECT", OBSCLASS="science")
    return FrameFacts.from_description(path.name, describe(science_headers(read_headers(path), path.name)))


def made(depot: Depot, tmp_path: Path) -> str:
    """Put a new master into the store, as a reducer does on another machine; return its MD5."""
    path = write_master(tmp_path / "another-machine" / NAME)
    digest = md5_of(path)
    depot.store.put(path, KEY, sha256_of(path))
    shutil.rmtree(path.parent)
    return digest


def find(desk: CalibrationDesk, science: FrameFacts) -> Master:
    offer = desk.find(science.target, "processed_dark", mode="sq")
    assert isinstance(offer, Master), offer
    return offer


def test_a_master_out_of_the_store_is_given_out_as_one_in_the_store_whatever_becomes_of_the_copies(
    depot, inner, science, tmp_path
):
    digest = made(depot, tmp_path)
    desk = StoredDesk(inner, depot)
    judged = desk.submit(Path(f"store:{KEY}"), "processed_dark", "made of dark-N20160102S0423")
    assert isinstance(judged, Judged)
    assert judged.certified, judged.reason
    shutil.rmtree(tmp_path / "copies")
    master = find(desk, science)
    assert str(master.path).startswith("store:calibrations/")
    assert (master.path.name, master.md5) == (NAME, digest)
    assert md5_of(depot.bring(str(master.path))) == digest
    depot.store.delete(str(master.path).removeprefix("store:"))
    assert find(desk, science).path == master.path
    assert depot.store.stat(str(master.path).removeprefix("store:")) is not None
    assert desk.changes(0) == inner.changes(0) != ()


def test_a_store_that_cannot_be_asked_is_a_desk_that_cannot(depot, inner, science, tmp_path):
    made(depot, tmp_path)
    StoredDesk(inner, depot).submit(Path(f"store:{KEY}"), "processed_dark", "")
    down = Depot(DirectoryStore(tmp_path / "not-mounted"), Cache(tmp_path / "none", 10**9))
    desk = StoredDesk(inner, down)
    for answer in (
        desk.submit(Path(f"store:{KEY}"), "processed_dark", ""),
        desk.find(science.target, "processed_dark", mode="sq"),
    ):
        assert isinstance(answer, CouldNotAsk)
        assert "is not there; make the directory, or mount its file system" in answer.reason
