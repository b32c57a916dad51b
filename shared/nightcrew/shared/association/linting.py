"""What is wrong with a file of association rules, each fault with its line and a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightcrew.shared.association.contradictions import contradictions
from nightcrew.shared.association.reading import (
    APPLICABLE,
    CONDITIONAL,
    INSTRUMENTS,
    RELAXED,
    RULE,
    TOP,
    VARIANT,
)
from nightcrew.shared.association.ruleset import TERMS
from nightcrew.shared.association.vocabulary import CALTYPES, COLUMNS, CONSTANTS, NUMBERS, TARGET_VALUES, TRUTHS
from nightcrew.shared.rule_files import nearest, read_rule_file
from nightcrew.shared.rule_shapes import Entries, Items, Length, Text, misshapen, texts
from nightcrew.shared.selection import unknown_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from nightcrew.shared.rule_files import Complaint, Place, RuleFile
    from nightcrew.shared.rule_shapes import Fault, Shape

_ANY, _LIST = Entries(), Items()
_NOT_IN = Entries(frozenset({"not_in"}), ("not_in",))
_ADDED = {key: {"where_if": "add"}.get(key, key.removesuffix("_if")) for key in CONDITIONAL}
"""What conditional parts of a rule add, by their names."""


def _shapes() -> Mapping[Place, Shape]:
    """Return the shapes of a file of association rules."""
    rule: Place = ("calibrations", "*")
    line: Place = ("applicable", "rules", "*")
    raw, processed = (*rule, "raw"), (*rule, "processed")
    shapes: dict[Place, Shape] = {
        (): Entries(TOP, ("instrument", "calibrations")),
        ("instrument", "*"): Text(),
        ("calibrations",): _ANY,
        rule: Entries(RULE),
        (*rule, "max_interval"): Length(),
        raw: Entries(VARIANT, ("limit",)),
        processed: Entries(VARIANT, ("limit",)),
        ("applicable",): Entries(APPLICABLE),
        ("applicable", "none_if"): _ANY,
        ("applicable", "rules"): _LIST,
        line: Entries(frozenset({"when", "add"}), ("when", "add")),
        (*line, "when"): _ANY,
        **texts((*line, "add"), (*raw, "drop"), (*processed, "drop")),
        **texts(*((*rule, name) for name in ("equal", "contains", "prefer", "order"))),
    }
    shapes |= {(*rule, name): _ANY for name in ("targets", "where", "within")}
    shapes |= {(*form, "where"): _ANY for form in (raw, processed)}
    for key, what in _ADDED.items():
        part: Place = (*rule, key, "*")
        shapes |= {part[:-1]: _LIST, part: Entries(frozenset({"when", what}), ("when", what)), (*part, "when"): _ANY}
        shapes |= {(*part, what): _ANY} if what in {"add", "within"} else texts((*part, what))
    for around in (rule, raw, processed):
        relaxed: Place = (*around, "relaxed")
        shapes |= {relaxed: Entries(RELAXED), (*relaxed, "max_interval"): Length(), **texts((*relaxed, "drop"))}
        shapes |= {(*relaxed, name): _ANY for name in ("within", "where", "instead")}
        shapes[*relaxed, "instead", "*"] = Text()
    return shapes


def lint_rules(text: str, origin: str) -> tuple[Complaint, ...]:
    """Find what is wrong with a file of association rules.

    Parameters
    ----------
    text
        The file.
    origin
        Its name, for the complaints.

    Returns
    -------
    tuple of Complaint
        In the order of the lines; empty if the rules are sound.
    """
    linter = _Linter(read_rule_file(text, origin))
    if not linter.complaints:
        linter.take(misshapen(linter.file.content, _shapes()))
        linter.document()
    return tuple(sorted(linter.complaints, key=lambda complaint: complaint.line))


class _Linter:
    """Takes down what is wrong with a file: shapes, and then what makes no sense where the shape is right."""

    def __init__(self, file: RuleFile) -> None:
        self.file = file
        self.complaints = list(file.faults)

    def say(self, place: Place, fault: str, remedy: str) -> None:
        """Take down a fault."""
        rule = str(place[1]) if len(place) > 1 and place[0] == "calibrations" else ""
        self.complaints.append(self.file.complaint(place, rule or "".join(map(str, place[:1])), fault, remedy))

    def take(self, faults: Iterable[Fault]) -> None:
        """Take down faults."""
        for fault in faults:
            self.say(*fault)

    def document(self) -> None:
        """Check what the file says."""
        content = _entries(self.file.content)
        self.instruments(content.get("instrument"))
        rules = _entries(content.get("calibrations"))
        for name, rule in rules.items():
            self.rule(("calibrations", str(name)), name, rule)
        self.applicable(_entries(content.get("applicable")), rules)

    def instruments(self, said: Any) -> None:
        """Check the names of the instruments."""
        for name in _texts(said) if isinstance(said, list) else [said]:
            if name is not None and str(name) not in INSTRUMENTS:
                self.say(("instrument",), f"there is no instrument {name!r}", nearest(name, INSTRUMENTS))

    def rule(self, place: Place, name: object, rule: Any) -> None:
        """Check the rule of one type of calibration."""
        if name not in CALTYPES:
            self.say(place, f"there is no type of calibration {name!r}", nearest(name, CALTYPES))
        if not isinstance(rule, dict):
            return
        if not {"raw", "processed"} & set(rule):
            self.say(place, "it has neither a raw nor a processed form", "say at least one: processed: {where: ...}")
        for form in ("raw", "processed"):
            self.variant((*place, form), _entries(rule.get(form)))
        self.when((*place, "targets"), rule.get("targets", {}))
        self.where((*place, "where"), rule.get("where", {}))
        for key in ("equal", "contains", "prefer"):
            self.columns((*place, key), rule.get(key, []), TARGET_VALUES)
        self.within((*place, "within"), rule.get("within", {}))
        for key in CONDITIONAL:
            self.conditional((*place, key), rule.get(key), key)
        if not isinstance(rule.get("not_after_target", False), bool):
            self.say((*place, "not_after_target"), "it is neither true nor false", "write true, or leave it out")
        self.order((*place, "order"), rule.get("order", list(TERMS)))
        self.relaxed((*place, "relaxed"), _entries(rule.get("relaxed")))
        if not any(complaint.rule == name for complaint in self.complaints):
            for where, fault, remedy in contradictions(rule):
                self.say((*place, *where), fault, remedy)

    def variant(self, place: Place, form: Mapping[Any, Any]) -> None:
        """Check what differs between the raw and the processed form."""
        limit = form.get("limit", 1)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            self.say((*place, "limit"), f"limit {limit!r} is no number of candidates", "write a whole number from 1 on")
        self.where((*place, "where"), form.get("where", {}))
        if "tag" in form:
            for fault in unknown_tags([str(form["tag"])]):
                self.say((*place, "tag"), fault, "take a tag that nightcrew typewalk shows")
        self.relaxed((*place, "relaxed"), _entries(form.get("relaxed")))

    def relaxed(self, place: Place, relaxed: Mapping[Any, Any]) -> None:
        """Check what is given up for provisional calibrations."""
        self.within((*place, "within"), relaxed.get("within", {}))
        self.where((*place, "where"), relaxed.get("where", {}))
        for name, other in _entries(relaxed.get("instead")).items():
            self.columns((*place, "instead", name), [other], TARGET_VALUES)

    def conditional(self, place: Place, parts: Any, key: str) -> None:
        """Check additions for some targets."""
        what = _ADDED[key]
        for number, part in enumerate(map(_entries, _items(parts))):
            here = (*place, number)
            self.when((*here, "when"), part.get("when"))
            said = part.get(what)
            if what == "add":
                self.where((*here, what), said, lists=True)
            elif what == "within":
                self.within((*here, what), said)
            else:
                self.columns((*here, what), said, TARGET_VALUES)

    def applicable(self, applicable: Mapping[Any, Any], rules: Mapping[Any, Any]) -> None:
        """Check which types targets may need."""
        self.when(("applicable", "none_if"), applicable.get("none_if"))
        for number, line in enumerate(map(_entries, _items(applicable.get("rules")))):
            place = ("applicable", "rules", number)
            self.when((*place, "when"), line.get("when"))
            for caltype in _texts(line.get("add")):
                rule = rules.get(caltype.removeprefix("processed_"))
                form = "processed" if caltype.startswith("processed_") else "raw"
                if not isinstance(rule, dict) or form not in rule:
                    answered = [f"processed_{name}" if of == "processed" else name for name, of in _forms(rules)]
                    self.say((*place, "add"), f"no rule above answers {caltype!r}", nearest(caltype, answered))

    def when(self, place: Place, said: Any) -> None:
        """Check conditions on targets."""
        conditions = _entries(said)
        limits = {n: v["at_least"] for n, v in conditions.items() if isinstance(v, dict) and set(v) == {"at_least"}}
        for name, limit in limits.items():
            self.columns((*place, name), [name], TARGET_VALUES)
            if isinstance(limit, bool) or not isinstance(limit, (int, float)):
                self.say((*place, name), f"at_least {limit!r} is no number", "write a number")
        self.where(place, {n: v for n, v in conditions.items() if n not in limits}, known=TARGET_VALUES, closed=False)

    def where(
        self, place: Place, said: Any, *, known: AbstractSet[str] = COLUMNS, closed: bool = True, lists: bool = False
    ) -> None:
        """Check conditions on columns; `closed` if only registered constants can be there."""
        for name, constants in _entries(said).items():
            here = (*place, name)
            self.columns(here, [name], known)
            if lists and not isinstance(constants, list):
                self.say(here, f"{constants!r} is no list", f"write [{constants}]")
                continue
            if isinstance(constants, dict):
                self.take(_NOT_IN.faults(here, constants))
                constants = constants.get("not_in", [])  # noqa: PLW2901 (the list inside)
                self.take(_LIST.faults((*here, "not_in"), constants))
                constants = _items(constants)  # noqa: PLW2901
            for constant in constants if isinstance(constants, list) else [constants]:
                self.constant(here, name, constant, closed=closed)

    def constant(self, place: Place, column: str, constant: Any, *, closed: bool) -> None:
        """Check a value that a column is compared with."""
        if constant is None or isinstance(constant, (dict, list)):
            if constant is not None:
                self.say(place, f"{constant!r} is no single value", "write a text, a number, true, false or null")
            return
        if column in TRUTHS and not isinstance(constant, bool):
            self.say(place, f"{column} is never {constant!r}", "write true or false")
        elif isinstance(constant, bool) and column not in TRUTHS:
            word = "On, Yes or True" if constant else "Off, No or False"
            self.say(
                place, f"YAML takes {word} without quotes for {str(constant).lower()}", 'write it in quotes: "Off"'
            )
        elif closed and column in CONSTANTS and not str(constant).endswith("*") and constant not in CONSTANTS[column]:
            self.say(place, f"{column} is never {constant!r}", nearest(constant, CONSTANTS[column]))

    def within(self, place: Place, said: Any) -> None:
        """Check tolerances."""
        for name, tolerance in _entries(said).items():
            self.columns((*place, name), [name], TARGET_VALUES)
            if name in TARGET_VALUES - NUMBERS:
                self.say((*place, name), f"{name} is no number, so nothing is close to it", "compare it with equal")
            if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or tolerance <= 0:
                self.say((*place, name), f"tolerance {tolerance!r} is no positive number", "write a number, as 0.01")

    def order(self, place: Place, said: Any) -> None:
        """Check what the order goes by."""
        for term in _texts(said):
            if term not in (known := ("qa", *TERMS)):
                self.say(place, f"nothing can be ordered by {term!r}", nearest(term, known))

    def columns(self, place: Place, names: Any, known: AbstractSet[str]) -> None:
        """Check names of columns."""
        for number, name in enumerate(_items(names)):
            if isinstance(name, str) and name not in known:
                self.say((*place, number), f"there is no column {name!r}", nearest(name, known))


def _entries(said: Any) -> Mapping[Any, Any]:
    """Return what is a set of entries; of anything else, whose shape is told elsewhere, nothing."""
    return said if isinstance(said, dict) else {}


def _items(said: Any) -> Sequence[Any]:
    """Return what is a list; of anything else, whose shape is told elsewhere, nothing."""
    return said if isinstance(said, list) else []


def _texts(said: Any) -> list[str]:
    return [one for one in _items(said) if isinstance(one, str)]


def _forms(rules: Mapping[Any, Any]) -> list[tuple[str, str]]:
    return [
        (str(name), form)
        for name, rule in rules.items()
        if isinstance(rule, dict)
        for form in ("raw", "processed")
        if form in rule
    ]
