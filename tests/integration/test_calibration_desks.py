"""Whoever gives calibrations to the planner gives the same: on paper, in this process, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import pytest

from nightcrew.calmanager.desk import ManagerDesk
from nightcrew.calmanager.manager import CalibrationManager
from nightcrew.shared.association import associate
from nightcrew.shared.calibration_desk import CalibrationDesk, Judged, Master, Turn
from nightcrew.shared.calibrations import CouldNotAsk, NotFound
from nightcrew.shared.calibrations_http import Cache, ManagerClient, Server, ServerDesk
from nightcrew.shared.errors import ServiceError
from nightcrew.shared.fits import md5_of, read_headers
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.instruments import describe, science_headers
from support.calibration_service import manager, manager_and_url, schemas, service, settings, store, writer
from support.desks import PaperDesk
from support.masters import write_master

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.database import Database

__all__ = ["manager", "manager_and_url", "schemas", "service", "settings", "store", "writer"]

NAME = "N20160102S0423_dark.fits"


class Site(Protocol):
    """A desk, and the means to bring about what it is asked about."""

    @property
    def desk(self) -> CalibrationDesk: ...

    def offer(self, path: Path) -> None:
        """Let a master be certified."""

    def withdraw(self, name: str) -> None:
        """Let it be vetoed."""

    def unreachable(self) -> CalibrationDesk:
        """Return such a desk that nobody is behind."""


@dataclass
class Paper:
    desk: PaperDesk

    def offer(self, path: Path) -> None:
        self.desk.offer(facts(path))

    def withdraw(self, name: str) -> None:
        self.desk.withdraw(name)

    def unreachable(self) -> CalibrationDesk:
        return PaperDesk(self.desk.directory, down="nobody is there")


@dataclass
class Managed:
    desk: ManagerDesk | ServerDesk
    manager: CalibrationManager
    nobody: CalibrationDesk

    def offer(self, path: Path) -> None:
        self.manager.add(path, who="ana")

    def withdraw(self, name: str) -> None:
        self.manager.veto(name, who="ana", why="light leak")

    def unreachable(self) -> CalibrationDesk:
        return self.nobody


def facts(path: Path) -> FrameFacts:
    return FrameFacts.from_description(path.name, describe(science_headers(read_headers(path), path.name)))


@pytest.fixture
def server(service: str, writer: str) -> Iterator[Server]:
    server = Server(service, writer)
    yield server
    server.close()


@pytest.fixture(params=["paper", "manager", "server"])
def site(request: pytest.FixtureRequest, tmp_path: Path, manager, server: Server, database: Database) -> Site:
    if request.param == "paper":
        directory = tmp_path / "paper"
        directory.mkdir()
        return Paper(PaperDesk(directory))
    if request.param == "manager":
        gone = CalibrationManager(Gone(database))  # type: ignore[arg-type]
        return Managed(ManagerDesk(manager), manager, ManagerDesk(gone))
    cache = Cache(tmp_path / "cache")
    nobody = ServerDesk(ManagerClient(Server("http://127.0.0.1:9", timeout=1.0)), cache)
    return Managed(ServerDesk(ManagerClient(server), cache), manager, nobody)


class Gone:
    """A database whose server has gone."""

    def __init__(self, database: Database) -> None:
        def refuse() -> None:
            raise ServiceError(f"{database.safe_url()}: the server has gone")

        self.connect = self.begin = refuse


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    return write_master(tmp_path / "masters" / NAME)


@pytest.fixture
def science(tmp_path: Path) -> FrameFacts:
    """Return a frame that this dark belongs to."""
    return facts(write_master(tmp_path / "raw" / "N20160102S0270.fits", OBSTYPE="OBJECT", OBSCLASS="science"))


def found(site: Site, target: FrameFacts, *, relaxed: bool = False) -> Master:
    offer = site.desk.find(target.target, "processed_dark", mode="sq", relaxed=relaxed)
    assert isinstance(offer, Master), offer
    return offer


def test_a_master_is_given_out_with_its_file_digest_and_facts(site: Site, dark: Path, science: FrameFacts):
    site.offer(dark)
    master = found(site, science)
    assert (master.name, master.path.name, master.caltype) == (NAME, NAME, "processed_dark")
    assert master.path.is_absolute()
    assert master.md5 == md5_of(master.path)
    assert not master.provisional
    assert master.reasons
    assert master.facts.root == "N20160102S0423_dark"
    assert {"DARK", "PROCESSED"} <= master.facts.tags
    assert (master.facts.instrument, master.facts.processing) == ("NIRI", "Science-Quality")
    assert master.facts.value("exposure_time") == science.value("exposure_time")


def test_where_nothing_fits_the_reason_is_told(site: Site, science: FrameFacts):
    answer = site.desk.find(science.target, "processed_dark", mode="sq")
    assert isinstance(answer, NotFound)
    assert "processed_dark" in answer.reason


def test_the_next_best_is_given_out_only_when_it_is_asked_for(site: Site, tmp_path: Path, science: FrameFacts):
    site.offer(write_master(tmp_path / "masters" / NAME, **{"DATE-OBS": "2015-06-02"}))
    assert isinstance(site.desk.find(science.target, "processed_dark", mode="sq"), NotFound)
    master = found(site, science, relaxed=True)
    assert master.provisional
    assert master.reasons


@pytest.mark.parametrize("site", ["manager", "server"], indirect=True)
@pytest.mark.parametrize("until", [None, datetime(2016, 2, 1)])  # noqa: DTZ001 - as in headers
def test_a_master_that_somebody_certified_for_a_time_is_given_out_and_planned_with(
    site: Managed, tmp_path: Path, science: FrameFacts, until: datetime | None
):
    site.offer(write_master(tmp_path / "masters" / NAME, **{"DATE-OBS": "2015-06-02"}))
    since = datetime(2016, 1, 1)  # noqa: DTZ001 - as in headers
    site.manager.certify(NAME, who="ana", why="no change since", since=since, until=until)
    master = found(site, science)
    assert not master.provisional
    assert master.facts.valid == (since, until)
    assert associate(science.target, "processed_dark", [master.facts.as_candidate(NAME)]).best is not None


def test_a_master_that_is_handed_in_is_given_out_and_the_same_again_is_the_same(site: Site, dark: Path):
    judged = site.desk.submit(dark, "processed_dark", "made of dark-N20160102S0423")
    assert isinstance(judged, Judged)
    assert judged.certified, judged.reason
    assert site.desk.submit(dark, "processed_dark", "made of dark-N20160102S0423") == judged


def test_certifications_and_withdrawals_are_told_once_in_order(site: Site, dark: Path, science: FrameFacts):
    assert site.desk.changes(0) == ()
    site.offer(dark)
    master = found(site, science)
    site.withdraw(NAME)
    told = site.desk.changes(0)
    assert isinstance(told, tuple)
    assert {one.md5 for one in told} == {master.md5}
    assert [(one.turn, one.name, one.caltype, one.instrument) for one in told] == [
        (Turn.CERTIFIED, NAME, "processed_dark", "NIRI"), (Turn.WITHDRAWN, NAME, "processed_dark", "NIRI"),
    ]  # fmt: skip
    assert told[0].number < told[1].number
    assert site.desk.changes(told[0].number) == told[1:]
    assert site.desk.changes(told[1].number) == ()


def test_a_vetoed_master_is_not_given_out(site: Site, dark: Path, science: FrameFacts):
    site.offer(dark)
    site.withdraw(NAME)
    assert isinstance(site.desk.find(science.target, "processed_dark", mode="sq"), NotFound)


def test_a_desk_that_nobody_is_behind_says_that_it_could_not_be_asked(site: Site, dark: Path, science: FrameFacts):
    desk = site.unreachable()
    assert isinstance(desk.find(science.target, "processed_dark", mode="sq"), CouldNotAsk)
    assert isinstance(desk.submit(dark, "processed_dark", ""), CouldNotAsk)
    assert isinstance(desk.changes(0), CouldNotAsk)


@pytest.mark.parametrize("site", ["manager", "server"], indirect=True)
def test_a_master_that_fails_a_gate_is_told_why_and_not_given_out(site: Site, tmp_path: Path, science: FrameFacts):
    hot = write_master(tmp_path / "masters" / NAME, counts=90000.0)
    judged = site.desk.submit(hot, "processed_dark", "made of dark-N20160102S0423")
    assert isinstance(judged, Judged)
    assert not judged.certified
    assert "median of the good pixels" in judged.reason
    assert isinstance(site.desk.find(science.target, "processed_dark", mode="sq"), NotFound)
    assert site.desk.changes(0) == ()


@pytest.mark.parametrize("site", ["manager", "server"], indirect=True)
def test_what_is_no_calibration_is_refused_for_good(site: Site, tmp_path: Path):
    image = write_master(tmp_path / "raw" / "N20160102S0270.fits", OBSTYPE="OBJECT", OBSCLASS="science", PROCDARK=None)
    judged = site.desk.submit(image, "processed_dark", "")
    assert isinstance(judged, Judged)
    assert not judged.certified


@pytest.mark.parametrize("site", ["manager"], indirect=True)
def test_a_master_handed_in_within_the_process_stays_where_it_lies(site: Site, dark: Path, science: FrameFacts):
    site.desk.submit(dark, "processed_dark", "")
    assert found(site, science).path == dark
