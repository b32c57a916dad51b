"""Answering which calibrations belong to a frame: the database proposes, the pure rules decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nightcrew.calmanager.database import candidates, history
from nightcrew.calmanager.database.candidates import Question
from nightcrew.calmanager.database.encoding import columns_from_json
from nightcrew.calmanager.looking import CHANGED, CHANGED_NOTE, Known
from nightcrew.calmanager.records import FileFacts
from nightcrew.shared.association import Answer, Candidate, Level, associate, conditions_for, longitude_of, rule_set
from nightcrew.shared.association.conditions import SameNight
from nightcrew.shared.association.ruleset import fulfils

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from nightcrew.calmanager.database.candidates import Statement
    from nightcrew.calmanager.looking import Looker
    from nightcrew.shared.association import Target
    from nightcrew.shared.association.conditions import Condition

SPARE = 2
"""Candidates that are fetched besides those that are wanted, in case a file is gone."""
NEAR = 200
"""Near misses that an explanation tells."""
FEW = 5
"""Near misses that come with an answer without match."""
MANY = 100
"""How far calibrations of a kind are counted for an answer without match."""


class Asking:
    """One question: a frame, a type, and how good the answer must be.

    Parameters
    ----------
    target, caltype, mode, max_level
        As for `nightcrew.shared.association.associate`.
    path_of
        Tells where the file of a row lies; None if it is out of reach.
    looker
        Looks at files.
    """

    def __init__(
        self,
        target: Target,
        caltype: str,
        mode: str | None,
        max_level: Level,
        path_of: Callable[[Row[Any]], Path | None],
        looker: Looker,
    ) -> None:
        self.target, self.caltype, self.mode, self.max_level = target, caltype, mode, max_level
        self._path_of, self._looker = path_of, looker
        self.question: Question | None = None
        self.asked: tuple[Condition, ...] = ()
        self.limit = 0
        self.files: dict[int, FileFacts] = {}
        self.also: tuple[Condition, ...] = ()
        rules = rule_set(target.instrument)
        rule = rules.rules.get(caltype.removeprefix("processed_")) if rules else None
        variant = rule.variant(caltype) if rule else None
        if rule is not None and variant is not None and fulfils(target, rule.targets):
            conditions = conditions_for(rule, variant, target, mode)
            self.question, self.limit, self.asked = Question(target, rule, conditions), variant.limit, conditions.strict
            if max_level is Level.SAME_NIGHT:
                self.also = (SameNight(_moment(target), longitude_of(target)),)
                self.asked += self.also
            elif max_level is Level.RELAXED and conditions.relaxed is not None:
                self.asked = conditions.relaxed

    def answer(self, connection: Connection, howmany: int | None, *, near: bool = True) -> Answer:
        """Return the best candidates whose files can be given out, or some that come near if there are none.

        Those that could not be given out are near misses, and caveats of the first match.
        """
        if self.question is None:
            return self._decided((), (), (), 0)
        wanted = howmany or self.limit
        good, skipped = self._found(connection, self.question, wanted)
        if good or not near:
            return self._decided(good, skipped, (), wanted)
        others = self._others(connection, self.question, (good, skipped), FEW)
        answer = self._decided(good, skipped, others, wanted)
        ingested = _number(connection, candidates.how_many_of_kind(self.question, MANY))
        return replace(answer, near_misses=answer.near_misses[:FEW], ingested=ingested)

    def explanation(self, connection: Connection, howmany: int | None) -> Answer:
        """Return the best candidates, and those that come near with what they fail; all of the kind are counted."""
        if self.question is None:
            return self._decided((), (), (), 0)
        wanted = howmany or self.limit
        found = self._found(connection, self.question, wanted)
        answer = self._decided(*found, self._others(connection, self.question, found, NEAR), wanted)
        ingested = _number(connection, candidates.how_many_of_kind(self.question))
        return replace(answer, near_misses=answer.near_misses[:NEAR], ingested=ingested)

    def survivors(self, connection: Connection) -> list[tuple[str, int]]:
        """Return each condition with how many entries fulfil it and all before it; the first line counts all."""
        if self.question is None:
            return []
        (counts,) = _rows(connection, candidates.survivors(self.question, self.asked))
        named = [f"{self.target.instrument} {self.caltype}", *(one.wish() for one in self.asked)]
        return list(zip(named, counts, strict=True))

    def _found(
        self, connection: Connection, question: Question, wanted: int
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Return the best candidates, and those among them whose files cannot be given out."""
        good, skipped = self._usable(connection, wanted, lambda n: candidates.strict(question, n, self.also))
        if len(good) < wanted and self.max_level is Level.RELAXED and question.conditions.relaxed is not None:
            more, lost = self._usable(connection, wanted - len(good), lambda n: candidates.relaxed(question, n))
            return good + more, skipped + lost
        return good, skipped

    def _others(
        self,
        connection: Connection,
        question: Question,
        found: tuple[Sequence[Candidate], Sequence[Candidate]],
        howmany: int,
    ) -> list[Candidate]:
        """Return those that come near, besides those that were found."""
        seen = {candidate.entry for part in found for candidate in part}
        statement = candidates.near_misses(question, self.asked, 3 * howmany, howmany + len(seen))
        rows = {row.id: row for row in _rows(connection, statement) if row.id not in seen}
        noted = history.notes(connection, [row.id for row in rows.values() if row.state != "certified"])
        return [replace(self._candidate(row), state_note=noted.get(row.id, "")) for row in rows.values()]

    def _usable(
        self, connection: Connection, wanted: int, statement: Callable[[int], Statement]
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Fetch until there are enough candidates whose files can be given out, or no more of them."""
        howmany = wanted + SPARE
        while True:
            rows = _rows(connection, statement(howmany))
            good: list[Candidate] = []
            skipped: list[Candidate] = []
            for row in rows:
                candidate = self._candidate(row)
                fault = self._looker.fault(Known(candidate.path, row.stored, row.md5, row.size, row.modified))
                if fault is None:
                    good.append(candidate)
                elif fault == CHANGED:
                    skipped.append(replace(candidate, state=CHANGED, state_note=CHANGED_NOTE))
                else:
                    skipped.append(replace(candidate, present=False))
                if len(good) == wanted:
                    return good, skipped
            if len(rows) < howmany:
                return good, skipped
            howmany *= 4

    def _decided(
        self, good: Sequence[Candidate], skipped: Sequence[Candidate], others: Sequence[Candidate], wanted: int
    ) -> Answer:
        """Let the rules decide about what the database proposed."""
        proposed = (*good, *skipped, *others)
        answer = associate(self.target, self.caltype, proposed, mode=self.mode, max_level=self.max_level)
        matches = list(answer.matches[:wanted])
        lost = {candidate.entry for candidate in skipped}
        told = [
            f"skipped {miss.candidate.filename}: {miss.reason}"
            for miss in answer.near_misses
            if miss.candidate.entry in lost
        ]
        if matches and told:
            matches[0] = replace(matches[0], caveats=(*matches[0].caveats, *told))
        return replace(answer, matches=tuple(matches))

    def _candidate(self, row: Row[Any]) -> Candidate:
        self.files[row.id] = FileFacts(row.md5, row.sha256, row.size)
        return Candidate(
            row.name,
            columns_from_json(row.columns),
            frozenset(row.tags),
            self._path_of(row),
            row.id,
            row.present,
            row.state,
            "",
            None if row.valid is None else (row.valid.lower, row.valid.upper),
        )


def _rows(connection: Connection, statement: Statement) -> Sequence[Row[Any]]:
    return connection.exec_driver_sql(statement.text, dict(statement.parameters)).all()


def _number(connection: Connection, statement: Statement) -> int:
    ((number,),) = _rows(connection, statement)
    return int(number)


def _moment(target: Target) -> datetime | None:
    moment = target.value("ut_datetime")
    return moment if isinstance(moment, datetime) else None
