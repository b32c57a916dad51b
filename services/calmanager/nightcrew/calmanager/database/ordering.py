"""The order of candidates as SQL, the same as `nightcrew.shared.association.order_for` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.calmanager.database.compiling import column
from nightcrew.shared.association.facts import whole_seconds

if TYPE_CHECKING:
    from nightcrew.calmanager.database.compiling import Writer
    from nightcrew.shared.association import Rule, Target

_DOUBTFUL = "(" + column("qa_state") + " IN ('\"Usable\"'::jsonb, '\"CHECK\"'::jsonb))"


def by_time_first(rule: Rule) -> bool:
    """Whether candidates can be looked up from the time of the target outwards."""
    return rule.order[0] == "time"


def order_of(rule: Rule, target: Target, write: Writer, time: str) -> str:
    """Return the terms of ORDER BY, the best candidate first.

    Parameters
    ----------
    rule, target
        The rule and the frame.
    write
        Takes the parameters.
    time
        What orders by distance in time: an expression with its direction.
    """
    terms = []
    for term in rule.order:
        match term:
            case "time":
                terms.append(time)
            case "qa":
                terms.append(_DOUBTFUL)
            case "processing":
                terms.append("processing_rank DESC")
            case "prefer" if rule.prefer:
                terms.append(_preferred(rule, target, write))
            case "entry":
                terms.append("id DESC")
    if "entry" not in rule.order:
        terms.append("name")
    return ", ".join(terms)


def distance(target: Target, write: Writer) -> str:
    """Return the whole seconds between candidate and target."""
    return f"abs(ut_seconds - {write.value(whole_seconds(target.value('ut_datetime')))}::bigint)"


def _preferred(rule: Rule, target: Target, write: Writer) -> str:
    liked = [f"({column(name)} = {write.json(target.value(name))})::int" for name in rule.prefer]
    return f"({' + '.join(liked)}) DESC"
