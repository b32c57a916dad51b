"""Nights that the whole suite reduces as processes: frames in any order, calibrations late, never, or the next day."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nightcrew.calmanager.database import CALIBRATION
from nightcrew.shared.ledger import LEDGER
from support.observatory_suite import Suite, one_night, prepare_broker, reduce_by_hand, shifted
from support.postgres import Tables
from support.rabbitmq import own_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.shared.database import Database
    from nightcrew.simulator import Night

CALIBRATIONS = ("lamp-off", "lamp-on", "dark", "short-dark")


@pytest.fixture(scope="module")
def schemas():
    return (LEDGER, CALIBRATION)


@pytest.fixture(scope="module")
def night() -> Night:
    return one_night()


@pytest.fixture(scope="module")
def by_hand(night: Night, tmp_path_factory) -> Path:
    """Where the night command has put what it made of the same night."""
    directory = tmp_path_factory.mktemp("hand")
    night.write(directory / "raw")
    return reduce_by_hand(directory / "raw", directory / "out")


@pytest.fixture(scope="module")
def at_work(tables: Tables, postgres_url: str, tmp_path_factory) -> Iterator[Suite]:
    with own_node(tmp_path_factory.mktemp("mq")) as node:
        prepare_broker(node.url)
        with Suite(tmp_path_factory.mktemp("suite"), tables.database, postgres_url, node.url) as suite:
            yield suite


@pytest.fixture
def suite(at_work: Suite, tables: Tables, database: Database) -> Suite:
    at_work.reset(tables)
    return at_work


def used(suite: Suite, product: str) -> dict[str, list[str]]:
    """Return which calibrations each version of a product was made with, the oldest first."""
    rows = suite.rows(
        "SELECT c->>'caltype' AS caltype, c->>'path' AS path FROM ledger.jobs j,"
        " jsonb_array_elements(j.request->'calibrations') c"
        " WHERE j.request->>'product' = :product AND j.state = 'succeeded' ORDER BY j.created_at, 1",
        product=product,
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.caltype, []).append(Path(row.path).name)
    return found


def test_a_night_at_the_pace_of_the_telescope_comes_to_the_products_of_the_night_command(suite, night, by_hand):
    suite.deliver(night, pause=0.05)
    suite.until_over(len(night.exposures))
    suite.check()
    suite.check_same(by_hand)
    assert suite.states("frames") == {"reduced": len(night.exposures)}
    assert suite.states("jobs") == {"succeeded": 15}
    assert {row.attempt for row in suite.rows("SELECT attempt FROM ledger.jobs")} == {1}


def test_a_night_in_any_order_comes_to_the_same_products(suite, night, by_hand):
    order = list(night.exposures)
    random.Random(4).shuffle(order)
    for exposure in order:
        suite.deliver(night, [exposure.name], pause=0.02)
    suite.until_over(len(night.exposures))
    suite.check()
    suite.check_same(by_hand)


def test_science_that_comes_before_its_calibrations_waits_for_them_and_is_reduced_once(suite, night, by_hand):
    suite.deliver(night, ["target", "sky", "standard"])
    suite.until(lambda: suite.states("groups") == {"closed": 2})
    assert suite.rows("SELECT 1 FROM ledger.jobs WHERE group_id IS NOT NULL AND state <> 'waiting'") == []
    suite.deliver(night, CALIBRATIONS)
    suite.until_over(len(night.exposures))
    suite.check()
    suite.check_same(by_hand)
    (made,) = suite.rows("SELECT name, provisional FROM ledger.products WHERE name = 'N20160102S0271_image.fits'")
    assert not made.provisional
    assert used(suite, made.name) == {
        "bpm": ["N20160102S0373_bpm.fits"],
        "processed_dark": ["N20160102S0423_dark.fits"],
        "processed_flat": ["N20160102S0373_flat.fits"],
    }


@pytest.mark.soak
def test_what_never_comes_is_done_without_when_the_time_is_up_and_made_good_when_it_comes_after_all(
    suite, night, by_hand
):
    science = "N20160102S0271_image.fits"
    suite.deliver(night, ["target", "sky", "lamp-off", "lamp-on"])
    suite.until_over(12)
    suite.check()
    assert set(used(suite, science)) == {"processed_flat"}
    suite.deliver(night, ["dark", "short-dark", "standard"])
    suite.until_over(len(night.exposures))
    suite.check()
    suite.check_same(by_hand)
    versions = suite.rows(
        "SELECT p.superseded_by IS NULL AS current FROM ledger.products p WHERE name = :name ORDER BY id", name=science
    )
    assert [row.current for row in versions][-1]
    assert not any(row.current for row in versions[:-1])
    assert len(versions) > 1
    assert suite.states("frames") == {"reduced": len(night.exposures)}


def test_with_a_dark_of_another_season_a_product_is_provisional_until_the_right_one_comes(suite, night, by_hand):
    science = "N20160102S0271_image.fits"
    last_season = shifted(night, -200, "dark")
    suite.deliver(last_season, ["dark"])
    suite.until_over(3)
    suite.deliver(night, ["target", "sky", "lamp-off", "lamp-on"])
    suite.until_over(15)
    suite.check()
    (first,) = suite.rows("SELECT provisional FROM ledger.products WHERE name = :name", name=science)
    assert first.provisional
    assert used(suite, science)["processed_dark"] == [f"{last_season.group('dark')[0].name}_dark.fits"]
    suite.deliver(night, ["dark", "short-dark", "standard"])
    suite.until_over(3 + len(night.exposures))
    suite.check()
    suite.check_same(by_hand)
    versions = suite.rows(
        "SELECT provisional, superseded_by IS NULL AS current FROM ledger.products WHERE name = :name ORDER BY id",
        name=science,
    )
    assert [row.current for row in versions] == [False] * (len(versions) - 1) + [True]
    assert not versions[-1].provisional
