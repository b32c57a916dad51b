"""Which candidates to look at for a frame: a rule and a target become one statement.

What a statement returns is judged once more by `nightcrew.shared.association.associate`; the statement only has to
return the best of those that fulfil the rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.calmanager.database import compiling
from nightcrew.calmanager.database.compiling import Writer
from nightcrew.calmanager.database.ordering import by_time_first, distance, order_of
from nightcrew.shared.association.conditions import Equal, Interval, NotAfter, Valid
from nightcrew.shared.association.facts import whole_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nightcrew.shared.association import Conditions, Rule, Target
    from nightcrew.shared.association.conditions import Condition

TABLE = "calibration.calibrations"
COLUMNS = (
    "id, name, directory, stored, state, columns, tags, valid, present, md5, sha256, size, modified, added_at, added_by"
)
_SORTED = f"{COLUMNS}, processing_rank, ut_seconds"
_ALL = f"{_SORTED}, ut_datetime"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with named parameters."""

    text: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A rule that was made concrete for a frame.

    Parameters
    ----------
    target, rule
        The frame and the rule.
    conditions
        What the rule asks for the frame.
    """

    target: Target
    rule: Rule
    conditions: Conditions

    @property
    def kind(self) -> str:
        """What makes an entry one of the type, as the indexes have it."""
        return compiling.kind(self.target.instrument, self.conditions.kind)


def strict(question: Question, howmany: int, also: Sequence[Condition] = ()) -> Statement:
    """Select the best candidates that fulfil the rule, in order, by the index of the rule.

    From the time of the target one scan goes into the past and one into the future, each ending after `howmany` and
    those of the same second; a third looks at those with a validity of their own.

    Parameters
    ----------
    question
        What is asked.
    howmany
        How many to return.
    also
        Conditions besides those of the rule.
    """
    write = Writer()
    asked = (*question.conditions.strict, *also)
    if by_time_first(question.rule):
        scans = [_past(question, asked, write, howmany), _own_validity(question, asked, write, howmany)]
        if not any(isinstance(one, NotAfter) for one in asked):
            scans.append(_future(question, asked, write, howmany))
        found = " UNION ALL ".join(f"({scan})" for scan in scans)
    else:
        found = _kin(question, _all_of(asked, write))
    order = order_of(question.rule, question.target, write, distance(question.target, write))
    text = (
        f"SELECT {COLUMNS} FROM ({found}) AS near ORDER BY valid IS NULL, {order}"  # noqa: S608
        f" LIMIT {int(howmany)}"
    )
    return Statement(text, write.parameters)


def relaxed(question: Question, howmany: int) -> Statement:
    """Select the best candidates that fulfil the relaxed form of the rule but not the rule, in order.

    Those that break fewer conditions of the rule come first.
    """
    given_up = question.conditions.relaxed
    assert given_up is not None
    write = Writer()
    order = order_of(question.rule, question.target, write, distance(question.target, write))
    broken = " + ".join(f"(NOT {compiling.condition(one, write)})::int" for one in question.conditions.strict)
    kin = _kin(question, _all_of(given_up, write), _bounds(given_up, write))
    text = (
        f"SELECT {COLUMNS} FROM ({kin}) AS kin, LATERAL (SELECT {broken} AS broken) AS counted"  # noqa: S608
        f" WHERE broken > 0 ORDER BY broken, valid IS NULL, {order} LIMIT {int(howmany)}"
    )
    return Statement(text, write.parameters)


def near_misses(question: Question, asked: Sequence[Condition], nearest: int, howmany: int) -> Statement:
    """Select entries of the kind that fulfil the most conditions before the first that they fail, nearest first.

    Looked at are, on each side of the target's time, the nearest of the kind whatever they are, and the nearest that
    agree in all that the rule compares for equality; and those with a validity of their own.  An entry may be returned
    twice, and those that fulfil all conditions are among them.

    Parameters
    ----------
    question, asked
        What is asked.
    nearest
        How many to look at of each sort on each side.
    howmany
        How many to return.
    """
    write = Writer()
    seconds = f"{write.value(whole_seconds(question.target.value('ut_datetime')))}::bigint"
    away = f"abs(ut_seconds - {seconds})"
    sorts: list[tuple[str, str]] = [("valid IS NOT NULL", away)]
    for side, way in (("<=", "DESC"), (">", "ASC")):
        sorts.append((f"valid IS NULL AND ut_seconds {side} {seconds}", f"ut_seconds {way}"))
        sorts += _agreeing(question, write, seconds, side, way)
    order = order_of(question.rule, question.target, write, away)
    failed = "".join(f" WHEN NOT {compiling.condition(one, write)} THEN {number}" for number, one in enumerate(asked))
    found = " UNION ALL ".join(
        f"(SELECT {_ALL} FROM {TABLE} WHERE {question.kind} AND {some} ORDER BY {way} LIMIT {int(nearest)})"  # noqa: S608
        for some, way in sorts
    )
    text = (
        f"SELECT {COLUMNS} FROM ({found}) AS kin ORDER BY CASE{failed} ELSE {len(asked)} END DESC,"  # noqa: S608
        f" valid IS NULL, {order} LIMIT {2 * int(howmany)}"
    )
    return Statement(text, write.parameters)


def how_many_of_kind(question: Question, limit: int | None = None) -> Statement:
    """Count the entries of the kind, but not beyond a limit."""
    some = f"SELECT 1 FROM {TABLE} WHERE {question.kind} AND valid"  # noqa: S608
    if limit is None:
        found = f"({some} IS NULL) UNION ALL ({some} IS NOT NULL)"
    else:  # in order, lest an index be read to its end before the first comes
        enough = f"LIMIT {int(limit)}"
        found = f"({some} IS NULL ORDER BY ut_seconds {enough}) UNION ALL ({some} IS NOT NULL) {enough}"
    return Statement(f"SELECT count(*) FROM ({found}) AS kin", {})  # noqa: S608


def survivors(question: Question, asked: Sequence[Condition]) -> Statement:
    """Count the entries of the kind, and those that fulfil each condition and all before it: one row of numbers."""
    write = Writer()
    made = [compiling.condition(one, write) for one in asked]
    counts = [f"count(*) FILTER (WHERE {' AND '.join(made[: number + 1])})" for number in range(len(made))]
    text = f"SELECT {', '.join(['count(*)', *counts])} FROM ({_kin(question)}) AS kin"  # noqa: S608
    return Statement(text, write.parameters)


def _kin(question: Question, condition: str = "true", by_rule: str = "true") -> str:
    """Return the entries of the kind, in the two parts that have different indexes."""
    some = f"SELECT {_ALL} FROM {TABLE} WHERE {question.kind} AND {condition}"  # noqa: S608
    return f"({some} AND valid IS NULL AND {by_rule}) UNION ALL ({some} AND valid IS NOT NULL)"


def _past(question: Question, asked: Sequence[Condition], write: Writer, howmany: int) -> str:
    return _scan(question, asked, write, "<=", "DESC", howmany)


def _future(question: Question, asked: Sequence[Condition], write: Writer, howmany: int) -> str:
    return _scan(question, asked, write, ">", "ASC", howmany)


def _scan(question: Question, asked: Sequence[Condition], write: Writer, side: str, way: str, howmany: int) -> str:
    """Return the scan of one side of the target's time, of candidates without validity of their own."""
    seconds = whole_seconds(question.target.value("ut_datetime"))
    parts = [question.kind, "valid IS NULL", f"ut_seconds {side} {write.value(seconds)}::bigint"]
    for one in asked:
        if isinstance(one, Interval):
            parts.append(compiling.seconds_between(one, write))
        if isinstance(one, (Interval, NotAfter)):
            parts.append(compiling.timed(one, write))
        elif not isinstance(one, Valid):
            parts.append(compiling.condition(one, write))
    return (
        f"SELECT {_SORTED} FROM {TABLE} WHERE {' AND '.join(parts)}"  # noqa: S608
        f" ORDER BY ut_seconds {way} FETCH FIRST {int(howmany)} ROWS WITH TIES"
    )


def _agreeing(question: Question, write: Writer, seconds: str, side: str, way: str) -> list[tuple[str, str]]:
    """Return condition and order by which the index of the rule gives those that agree with the target.

    Rows are compared as a whole: columns that are each equal to a constant would add nothing to the order, and the
    index by time, which has the same order then, would be passed through to its end where nothing agrees.
    """
    equal = [one for one in question.conditions.strict if isinstance(one, Equal) and one.column != "instrument"]
    if not equal or any(isinstance(one.wanted, float) and not math.isfinite(one.wanted) for one in equal):
        return []
    columns = [compiling.column(one.column) for one in equal]
    wanted = ", ".join(write.json(one.wanted) for one in equal)
    row = ", ".join(columns)
    end = ">=" if side == "<=" else "<="
    some = f"valid IS NULL AND ({row}, ut_seconds) {side} ({wanted}, {seconds}) AND ({row}) {end} ({wanted})"
    return [(some, ", ".join(f"{one} {way}" for one in (*columns, "ut_seconds")))]


def _own_validity(question: Question, asked: Sequence[Condition], write: Writer, howmany: int) -> str:
    """Return the scan of candidates that have a validity of their own."""
    parts = [question.kind, "valid IS NOT NULL"]
    for one in asked:
        if isinstance(one, Valid):
            parts.append(compiling.valid_at(one, write))
        elif not isinstance(one, (Interval, NotAfter)):
            parts.append(compiling.condition(one, write))
    order = order_of(question.rule, question.target, write, distance(question.target, write))
    return f"SELECT {_SORTED} FROM {TABLE} WHERE {' AND '.join(parts)} ORDER BY {order} LIMIT {int(howmany)}"  # noqa: S608


def _all_of(conditions: Sequence[Condition], write: Writer) -> str:
    return " AND ".join(compiling.condition(one, write) for one in conditions) or "true"


def _bounds(conditions: Sequence[Condition], write: Writer) -> str:
    """Return what lets an index begin and end, in addition to the conditions themselves."""
    made = [compiling.seconds_between(one, write) for one in conditions if isinstance(one, Interval)]
    return " AND ".join(made) or "true"
