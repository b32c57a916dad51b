"""How tags follow from rules.

A rule looks at the headers and answers a set of tags, or nothing.  The sets are applied in
a fixed order; each is taken whole or not at all (instruments, 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Tags: TypeAlias = frozenset[str]
NONE: Tags = frozenset()


@dataclass(frozen=True, slots=True)
class TagSet:
    """Tags that come together, and what they mean for others.

    Parameters
    ----------
    add
        Tags of the file if the set is taken.
    remove
        Tags that may not be added from now on; those that are there stay.
    blocks
        A later set that would add one of these is dropped whole.
    blocked_by
        The set is dropped if one of these tags is there.
    if_present
        The set is dropped unless all of these tags are there.
    """

    add: Tags = NONE
    remove: Tags = NONE
    blocks: Tags = NONE
    blocked_by: Tags = NONE
    if_present: Tags = NONE
    rank: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        rank = (len(self.if_present), len(self.blocked_by), -len(self.remove) - len(self.blocks))
        object.__setattr__(self, "rank", rank)


def tag_set(add: str, *, remove: str = "", blocks: str = "", blocked_by: str = "", if_present: str = "") -> TagSet:
    """Write a `TagSet` as words separated by blanks."""
    words = (frozenset(text.split()) for text in (add, remove, blocks, blocked_by, if_present))
    return TagSet(*words)


@dataclass(frozen=True, slots=True)
class TagRule:
    """A named question to the headers.

    Parameters
    ----------
    name
        Rules of equal rank are applied by name; an instrument's rule replaces the common
        one of the same name.
    decide
        Gives the tag set that applies, or None.  A keyword that is missing (`KeyError`), or
        whose value is not what it should be, means None.
    """

    name: str
    decide: Callable[[Any], TagSet | None]


def when(name: str, condition: Callable[[Any], object], tags: TagSet) -> TagRule:
    """Make a rule that gives always the same tags if a condition holds."""
    return TagRule(name, lambda view: tags if condition(view) else None)


def merged(common: Iterable[TagRule], own: Iterable[TagRule]) -> tuple[TagRule, ...]:
    """Return the common rules and an instrument's own, by name; its own win."""
    by_name = {rule.name: rule for rule in (*common, *own)}
    return tuple(by_name[name] for name in sorted(by_name))


def compute_tags(rules: Iterable[TagRule], view: Any) -> Tags:
    """Apply the rules, given in order of name, to the headers of a file."""
    sets = [tags for rule in rules if (tags := _answer(rule, view)) is not None]
    sets.sort(key=lambda tags: tags.rank)
    present: set[str] = set()
    removed: set[str] = set()
    blocked: set[str] = set()
    for tags in sets:
        if not tags.if_present <= present or tags.blocked_by & present or tags.add & blocked:
            continue
        removed |= tags.remove
        present |= tags.add - removed
        blocked |= tags.blocks
    return frozenset(present)


def _answer(rule: TagRule, view: Any) -> TagSet | None:
    try:
        return rule.decide(view)
    except Exception:  # noqa: BLE001 (whatever a malformed header does to a rule, the file keeps its other tags)
        return None
