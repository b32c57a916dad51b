"""Indexes that follow from the association rules: one for each form of each rule, and one by time for all.

An index holds the entries of one kind (instrument and constants of the form are its predicate) that have no validity
of their own, ordered by what the rule compares for equality and then by time: so a scan that begins at the time of a
frame meets the best candidates first.  What the rule compares within a tolerance comes last, so that entries are
passed over within the index.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from nightcrew.calmanager.database import compiling, statistics
from nightcrew.shared.association.conditions import Carries, Condition, Constant
from nightcrew.shared.association.reading import INSTRUMENTS, rules_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from nightcrew.shared.association import Rule, Variant
    from nightcrew.shared.database import Database

PREFIX = "rule_"
_LOCK = 0x63616C69647831  # "calidx1": one process at a time makes indexes


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """An index of a form of a rule: its expressions and its predicate, without parameters."""

    expressions: tuple[str, ...]
    predicate: str

    @property
    def name(self) -> str:
        """Name that changes with what the index holds."""
        digest = hashlib.sha256(self.definition.encode()).hexdigest()
        return f"{PREFIX}{digest[:24]}"

    @property
    def definition(self) -> str:
        """What follows the name of the table in CREATE INDEX."""
        return f"({', '.join(self.expressions)}) WHERE {self.predicate}"


BY_TIME = RuleIndex(("instrument", f"({compiling.column('reduction')})", "ut_seconds"), "canonical AND valid IS NULL")
"""By which those of a kind are found that are near in time whatever else they are, to tell why none of them fits."""


def index_of(instrument: str, rule: Rule, variant: Variant) -> RuleIndex:
    """Return the index by which candidates of a form of a rule are looked up."""
    kind: list[Condition] = [Constant(column, allowed) for column, allowed in variant.where.items()]
    if variant.tag:
        kind.append(Carries(variant.tag))
    equal = [name for name in rule.equal if name not in variant.drop and name != "instrument"]
    within = [name for name in rule.within if name not in variant.drop]
    return RuleIndex(
        (
            *(f"({compiling.column(name)})" for name in equal),
            "ut_seconds",
            *(f"({compiling.column(name)})" for name in within),
        ),
        f"{compiling.kind(instrument, tuple(kind))} AND valid IS NULL",
    )


def wanted(rules: Mapping[str, Mapping[str, Rule]]) -> dict[str, RuleIndex]:
    """Return the indexes that rules want, by name; rules are given by instrument and type."""
    return {index.name: index for index in _wanted(rules)}


def shipped_rules() -> dict[str, dict[str, Rule]]:
    """Return the rules that come with nightcrew."""
    return {instrument: rules_for(instrument) for instrument in INSTRUMENTS}


def refresh(database: Database, rules: Mapping[str, Mapping[str, Rule]] | None = None) -> tuple[int, int]:
    """Make the indexes and statistics that the rules want, and drop those that they want no more.

    Calibrations can be read and entered meanwhile.

    Returns
    -------
    made, dropped
        Numbers of indexes; both 0 if the rules have not changed.

    Raises
    ------
    ServiceError
        If the database failed; what was made until then stays, and the next call goes on.
    """
    chosen = shipped_rules() if rules is None else rules
    want, known = wanted(chosen), statistics.wanted(chosen)
    with database.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        if _present(alone) == {(name, True) for name in want} and statistics.present(alone) == set(known):
            return 0, 0
        alone.execute(sa.text("SET statement_timeout = 0"))
        alone.execute(sa.text("SET lock_timeout = 0"))
        alone.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
        try:
            return _refresh(alone, want, known)
        finally:
            alone.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
            alone.execute(sa.text("RESET statement_timeout"))
            alone.execute(sa.text("RESET lock_timeout"))


def _refresh(connection: Connection, want: Mapping[str, RuleIndex], known: Mapping[str, str]) -> tuple[int, int]:
    found = _present(connection)
    good = {name for name, complete in found if complete} & set(want)
    broken = sorted({name for name, complete in found if not complete})
    _drop(connection, broken)  # what a broken-off CREATE INDEX left
    missing = sorted(set(want) - good)
    for name in missing:
        definition = want[name].definition
        connection.exec_driver_sql(f'CREATE INDEX CONCURRENTLY "{name}" ON calibration.calibrations {definition}')
    if statistics.refresh(connection, known) or missing:
        connection.exec_driver_sql("ANALYZE calibration.calibrations")
    useless = sorted({name for name, complete in found if complete} - good)
    _drop(connection, useless)
    return len(missing), len(broken) + len(useless)


def _drop(connection: Connection, names: Iterable[str]) -> None:
    for name in names:
        connection.exec_driver_sql(f'DROP INDEX CONCURRENTLY IF EXISTS calibration."{name}"')


def _present(connection: Connection) -> set[tuple[str, bool]]:
    """Return the names of the rules' indexes, and whether each is complete."""
    rows = connection.execute(
        sa.text("""
            SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indrelid = 'calibration.calibrations'::regclass AND starts_with(c.relname, :prefix)
        """),
        {"prefix": PREFIX},
    )
    return {(name, valid) for name, valid in rows}


def _wanted(rules: Mapping[str, Mapping[str, Rule]]) -> Iterator[RuleIndex]:
    yield BY_TIME
    for instrument, of_instrument in rules.items():
        for rule in of_instrument.values():
            yield from (index_of(instrument, rule, form) for form in _forms(rule))


def _forms(rule: Rule) -> Iterable[Variant]:
    return (form for form in (rule.raw, rule.processed) if form is not None)
