"""Suites on paper as people find them: with a night that is done, with a job that failed."""

from __future__ import annotations

import json

import pytest

from nightcrew.shared.ledger import ArrivalState, arrivals
from nightcrew.shared.outcomes import Outcome, Status
from support.desks import PaperDesk
from support.ledgers import sighting
from support.paper_night import niri_night, sequence
from support.suites import PaperSuite

DARKS = sequence(1, 3, "dark")


@pytest.fixture
def suite(database, postgres_url, tmp_path, monkeypatch) -> PaperSuite:
    monkeypatch.setenv("NIGHTCREW_DATABASE_URL", postgres_url)
    return PaperSuite(database, PaperDesk(tmp_path), tmp_path)


@pytest.fixture
def reduced(suite) -> PaperSuite:
    """Return a suite with a night that has come to its end."""
    suite.arrive(niri_night())
    suite.settle()
    return suite


@pytest.fixture
def dark(suite) -> PaperSuite:
    """Return a suite that has made one master dark."""
    suite.arrive(DARKS)
    suite.settle()
    return suite


@pytest.fixture
def failed(suite) -> PaperSuite:
    """Return a suite whose only job came to nothing."""
    suite.fate = lambda job: Outcome(Status.FAILED, "NoHope: a defect")
    suite.arrive(DARKS)
    suite.settle()
    return suite


def documents(said) -> list[dict]:
    assert said.code == 0, said.err
    return [json.loads(line) for line in said.lines]


def quarantine(suite: PaperSuite, path, moved_to=None) -> int:
    with suite.database.begin() as connection:
        arrivals.see(connection, [sighting(path=str(path))])
        (arrival,) = arrivals.settling(connection)
        arrivals.end(
            connection, arrival.id, ArrivalState.QUARANTINED, code="truncated", reason="ends after 2880 bytes",
            moved_to=moved_to,
        )  # fmt: skip
    return arrival.id
