"""What happens to a calibration, who did it, and what was made with it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from nightcrew.calmanager import CalibrationManager, Input, Listing, ProductRecord
from nightcrew.calmanager.core.states import Event, Standing, State, Transition, next_state
from nightcrew.calmanager.database import CALIBRATION, indexes, tokens
from nightcrew.calmanager.errors import BadValidity, NoReason, NotAllowed, Overlap, Unknown
from nightcrew.calmanager.files import FileStore
from nightcrew.shared.association import OneOf, Rule, Variant
from nightcrew.shared.database import differences, downgrade, open_database, state, upgrade
from nightcrew.shared.database.schema import Standing as SchemaStanding
from nightcrew.shared.errors import SchemaMismatch
from nightcrew.shared.fits import md5_of
from support.masters import write_master
from support.postgres import fresh_database

if TYPE_CHECKING:
    from sqlalchemy import URL

    from nightcrew.shared.database import Database, Schema

DARK, FLAT = "N20160102S0423_dark.fits", "N20160102S0373_flat.fits"
NOON = datetime(2016, 1, 2, 12)  # noqa: DTZ001 (UTC)
DAY = timedelta(days=1)
NOW = datetime(2016, 1, 5, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def schemas() -> tuple[Schema, ...]:
    return (CALIBRATION,)


@pytest.fixture
def manager(database: Database, tmp_path: Path) -> CalibrationManager:
    return CalibrationManager.open(database, files=FileStore(tmp_path / "store"), clock=lambda: NOW)


@pytest.fixture
def dark(manager: CalibrationManager, tmp_path: Path) -> str:
    """Enter a certified dark."""
    manager.add(write_master(tmp_path / DARK), who="ana")
    return DARK


def happen(manager: CalibrationManager, event: Event, which: Any, by: Any) -> None:
    if event is Event.SUPERSEDE:
        manager.supersede(which, by=by, who="ben", why="it is better")
    else:
        getattr(manager, event.value)(which, who="ben", why="looked at it")


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("event", Event)
def test_the_manager_keeps_to_the_life_cycle(
    before: State, event: Event, manager: CalibrationManager, tmp_path: Path
) -> None:
    number = manager.add(write_master(tmp_path / DARK), who="ana", certified=before is not State.CANDIDATE).record.id
    by = manager.add(write_master(tmp_path / "better_dark.fits", seed=2), who="ana").record.id
    if before is State.VETOED:
        happen(manager, Event.VETO, number, by)
    if before is State.SUPERSEDED:
        happen(manager, Event.SUPERSEDE, number, by)
    lines = len(manager.history(number))
    change = next_state(Standing(before), event)
    if isinstance(change, Transition):
        happen(manager, event, DARK, by)
        assert manager.get(number).state is change.after
        line = manager.history(number)[-1]
        assert (line.at, line.who, line.event) == (NOW, "ben", event.value)
        assert (line.before, line.after) == (before, change.after)
        assert len(manager.history(number)) == lines + 1
    else:
        with pytest.raises(NotAllowed, match=f"{DARK}: cannot {event}: it is {before}"):
            happen(manager, event, DARK, by)
        assert manager.get(number).state is before
        assert len(manager.history(number)) == lines


def test_nothing_supersedes_itself(manager: CalibrationManager, dark: str) -> None:
    with pytest.raises(NotAllowed, match="cannot supersede itself"):
        manager.supersede(dark, by=manager.get(dark).id, who="ana", why="x")


@pytest.mark.parametrize(("who", "why", "missing"), [("", "bad", "who does it"), ("ana", "  ", "why")])
def test_history_wants_to_know_who_and_why(
    who: str, why: str, missing: str, manager: CalibrationManager, dark: str
) -> None:
    with pytest.raises(NoReason, match=missing):
        manager.veto(dark, who=who, why=why)
    assert manager.get(dark).state is State.CERTIFIED


def test_texts_that_postgresql_cannot_hold_do_no_harm(manager: CalibrationManager, dark: str) -> None:
    manager.veto(dark, who="a\0na", why="lone \ud800 surrogate")
    assert (manager.history(dark)[-1].who, manager.history(dark)[-1].reason) == ("a\ufffdna", "lone ? surrogate")
    with pytest.raises(Unknown):
        manager.get("\0.fits")
    with pytest.raises(Unknown):
        manager.get(2**70)
    assert manager.list(Listing(instrument="\0", after=("\0", 2**70))) == []
    odd = ProductRecord("p\0", Path("/a\0"), "1\0", "r\ud800", NOON, (Input("i\0", manager.get(dark).md5, "\0"),))
    manager.record_product(odd)
    assert [one.name for one in manager.affected(dark)] == ["p\ufffd"]


@pytest.mark.parametrize("statement", [
    "UPDATE calibration.history SET who = 'nobody'",
    "DELETE FROM calibration.history",
    "TRUNCATE calibration.history",
])  # fmt: skip
def test_nobody_rewrites_history(statement: str, manager: CalibrationManager, dark: str) -> None:
    before = manager.history(dark)
    with pytest.raises(DBAPIError, match="only added to"), manager.database.begin() as connection:
        connection.execute(text(statement))
    assert manager.history(dark) == before


# ---- validity


def test_a_validity_is_kept_and_told(manager: CalibrationManager, dark: str) -> None:
    record = manager.certify(dark, who="ana", why="good", since=NOON, until=NOON + DAY)
    assert record.validity is not None
    assert (record.validity.since, record.validity.until) == (NOON, NOON + DAY)
    assert manager.history(dark)[-1].details == {"since": "2016-01-02T12:00:00", "until": "2016-01-03T12:00:00"}
    assert manager.certify(dark, who="ana", why="the rules shall decide").validity is None


def test_an_empty_validity_is_refused(manager: CalibrationManager, dark: str) -> None:
    with pytest.raises(BadValidity):
        manager.certify(dark, who="ana", why="good", since=NOON, until=NOON)


def test_masters_of_one_kind_are_valid_one_after_the_other(manager: CalibrationManager, tmp_path: Path) -> None:
    names = [f"N2016010{n}S0001_dark.fits" for n in range(3)]
    for n, name in enumerate(names):
        manager.add(write_master(tmp_path / name, seed=n), who="ana")
    manager.certify(names[0], who="ana", why="first", until=NOON)
    manager.certify(names[1], who="ana", why="second", since=NOON, until=NOON + DAY)
    with pytest.raises(Overlap, match=f"{names[2]}: {names[1]} is certified since 2016-01-02 12:00:00 until"):
        manager.certify(names[2], who="ana", why="third", since=NOON)
    manager.certify(names[2], who="ana", why="third", since=NOON + DAY)
    manager.veto(names[1], who="ana", why="saturated")
    manager.certify(names[2], who="ana", why="in its place", since=NOON)


def test_masters_of_other_kinds_may_be_valid_at_the_same_time(manager: CalibrationManager, tmp_path: Path) -> None:
    for n in (1, 2):
        name = f"N2016010{n}S0001_dark.fits"
        manager.add(write_master(tmp_path / name, seed=n, COADDS=n), who="ana")
        manager.certify(name, who="ana", why="good", since=NOON)


def test_the_database_itself_refuses_an_overlap(manager: CalibrationManager, tmp_path: Path) -> None:
    for n in (1, 2):
        manager.add(write_master(tmp_path / f"N2016010{n}S0001_dark.fits", seed=n), who="ana")
    with pytest.raises(IntegrityError, match="calibrations_no_overlap"), manager.database.begin() as connection:
        connection.execute(text("UPDATE calibration.calibrations SET valid = tsrange('2016-01-01', NULL)"))


def test_of_two_overlapping_certifications_at_once_one_wins(manager: CalibrationManager, tmp_path: Path) -> None:
    names = [f"N2016010{n}S0001_dark.fits" for n in range(4)]
    for n, name in enumerate(names):
        manager.add(write_master(tmp_path / name, seed=n), who="ana")
    start = threading.Barrier(len(names))
    outcomes: list[object] = []

    def certify(name: str) -> None:
        start.wait()
        try:
            outcomes.append(manager.certify(name, who=name, why="mine is best", since=NOON).name)
        except Overlap as error:
            outcomes.append(error)

    threads = [threading.Thread(target=certify, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    (winner,) = [one for one in outcomes if isinstance(one, str)]
    losers = [str(one) for one in outcomes if isinstance(one, Overlap)]
    assert len(losers) == len(names) - 1
    assert all(f"{winner} is certified since" in loser for loser in losers)


def test_an_overlap_that_only_the_database_sees_is_told_too(manager: CalibrationManager, tmp_path: Path) -> None:
    for n in (1, 2):
        manager.add(write_master(tmp_path / f"N{n}_dark.fits", seed=n), who="ana")
    outcomes: list[object] = []

    def certify() -> None:
        try:
            outcomes.append(manager.certify("N2_dark.fits", who="ana", why="good", since=NOON))
        except Overlap as error:
            outcomes.append(str(error))

    thread = threading.Thread(target=certify)
    with manager.database.begin() as connection:  # somebody who does not keep to our locks
        connection.execute(
            text("UPDATE calibration.calibrations SET valid = '[2016-01-01,)'::tsrange WHERE name = 'N1_dark.fits'")
        )
        thread.start()
        _wait_for_a_lock(manager.database)
    thread.join(timeout=60)
    assert outcomes == [
        (
            "N2_dark.fits: another certified one of its kind is valid at the same time; "
            "choose another time, or withdraw that one first"
        )
    ]


def _wait_for_a_lock(database: Database) -> None:
    """Wait until somebody in this database waits for a lock."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(600):
        with database.connect() as connection:
            if connection.execute(asked).scalar_one():
                return
        time.sleep(0.05)
    raise AssertionError("nobody waits")


# ---- what was made with it


def test_a_veto_lists_what_was_made_with_it_through_two_generations(
    manager: CalibrationManager, tmp_path: Path
) -> None:
    dark = write_master(tmp_path / DARK)
    flat = write_master(tmp_path / FLAT, "flat", made_of=(dark,))
    manager.add(dark, who="ana")
    manager.add(flat, who="ana")
    manager.record_product(product("direct.fits", dark))
    manager.record_product(product("flattened.fits", flat))
    manager.record_product(product("both.fits", dark, flat))
    manager.record_product(product("another.fits", write_master(tmp_path / "other_dark.fits", seed=9)))
    vetoed = manager.veto(DARK, who="ana", why="saturated")
    assert vetoed.record.state is State.VETOED
    assert [(one.name, one.via) for one in vetoed.affected] == [
        (FLAT, ()),
        ("both.fits", ()),
        ("direct.fits", ()),
        ("flattened.fits", (FLAT,)),
    ]
    assert manager.affected(DARK) == list(vetoed.affected)
    assert [one.name for one in manager.affected(FLAT)] == ["both.fits", "flattened.fits"]
    assert vetoed.affected[0].path == flat


def test_a_product_is_recorded_once(manager: CalibrationManager, tmp_path: Path, dark: str) -> None:
    made = product("stack.fits", tmp_path / dark)
    for _ in range(2):
        manager.record_product(made)
    assert [one.path for one in manager.affected(dark)] == [Path("/products/stack.fits")]


def test_products_that_were_made_of_one_another_in_a_circle_do_no_harm(
    manager: CalibrationManager, tmp_path: Path, dark: str
) -> None:
    first, second = (ProductRecord(name, Path(name), name, "", NOON, ()) for name in ("a.fits", "b.fits"))
    manager.record_product(_of(first, md5_of(tmp_path / dark), "b.fits"))
    manager.record_product(_of(second, "a.fits"))
    assert [(one.name, one.via) for one in manager.affected(dark)] == [("a.fits", ()), ("b.fits", ("a.fits",))]


def product(name: str, *inputs: Path) -> ProductRecord:
    """Return a product that was made of some files; one raw frame has no digest."""
    used = tuple(Input(path.name, md5_of(path), "darkCorrect") for path in inputs)
    path = Path("/products") / name
    return ProductRecord(name, path, f"md5 of {name}", "reduce", NOON, (*used, Input("raw.fits", "", "prepare")))


def _of(made: ProductRecord, *digests: str) -> ProductRecord:
    return ProductRecord(
        made.name, made.path, made.md5, made.recipe, made.made_at, tuple(Input("x.fits", one) for one in digests)
    )


# ---- tables


def test_the_migrations_make_the_tables_of_the_model_and_take_them_away(postgres_server: URL) -> None:

    with fresh_database(postgres_server) as url, open_database(url) as database:
        upgrade(database, CALIBRATION)
        assert differences(database, CALIBRATION) == ()
        indexes.refresh(database)
        downgrade(database, CALIBRATION, "base")
        assert state(database, CALIBRATION).standing is SchemaStanding.MISSING
        with pytest.raises(SchemaMismatch):
            CalibrationManager.open(database)
        upgrade(database, CALIBRATION)
        assert differences(database, CALIBRATION) == ()


def test_indexes_follow_the_rules(database: Database) -> None:
    rules = indexes.shipped_rules()
    everything = len(indexes.wanted(rules))
    indexes.refresh(database)
    assert indexes.refresh(database) == (0, 0)
    niri = {"NIRI": rules["NIRI"]}
    assert indexes.refresh(database, niri) == (0, everything - len(indexes.wanted(niri)))
    with database.begin() as connection:  # as a broken-off CREATE INDEX CONCURRENTLY leaves it
        connection.execute(
            text(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
                "(SELECT min(oid) FROM pg_class WHERE relnamespace = 'calibration'::regnamespace"
                " AND starts_with(relname, 'rule_'))"
            )
        )
    made, dropped = indexes.refresh(database)
    assert made == everything - len(indexes.wanted(niri)) + 1
    assert dropped == 1


def test_constants_of_rules_may_be_any_text(database: Database) -> None:
    odd = Variant({"object": OneOf(("50% 'of' \\ it", "%s*", None))}, 1)
    assert indexes.refresh(database, {"NIRI": {"odd": Rule(odd, None)}})[0] == 1
    with database.connect() as connection:
        definition = connection.execute(
            text(
                "SELECT pg_get_indexdef(oid) FROM pg_class WHERE starts_with(relname, 'rule_')"
                " ORDER BY oid DESC LIMIT 1"
            )
        ).scalar_one()
    assert "50% ''of''" in definition
    assert "'%s'" in definition
    indexes.refresh(database)


def test_each_form_of_each_rule_is_answered_from_an_index_of_its_own(database: Database) -> None:
    rules = indexes.shipped_rules()
    forms = sum(
        form is not None for kinds in rules.values() for rule in kinds.values() for form in (rule.raw, rule.processed)
    )
    assert forms * 0.8 < len(indexes.wanted(rules)) <= forms + 1


# ---- tokens


def test_a_token_is_known_until_it_is_revoked(database: Database) -> None:
    with database.begin() as connection:
        tokens.insert(connection, "reducer", b"digest", {"write", "read"}, NOW)
        found = tokens.by_digest(connection, b"digest")
        assert found is not None
        assert (found["name"], found["scopes"]) == ("reducer", ["read", "write"])
        assert tokens.by_digest(connection, b"other") is None
        assert tokens.revoke(connection, "reducer", NOW) == 1
        assert tokens.revoke(connection, "reducer", NOW) == 0
        assert tokens.by_digest(connection, b"digest") is None
        assert [row["revoked_at"] for row in tokens.listed(connection)] == [NOW]
