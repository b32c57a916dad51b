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
    duration,
)
from nightcrew.shared.association.ruleset import TERMS
from nightcrew.shared.association.vocabulary import CALTYPES, COLUMNS, CONSTANTS, NUMBERS, TARGET_VALUES, TRUTHS
from nightcrew.shared.rule_files import nearest, read_rule_file
from nightcrew.shared.selection import unknown_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from nightcrew.shared.rule_files import Complaint, Place, RuleFile

LENGTH = "write it as '180 d', '1.5 h', '10 min' or '30 s'"
_SHAPES: Mapping[type, str] = {dict: "a set of entries, {name: value}", list: "a list, [a, b]"}


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
        linter.document()
    return tuple(sorted(linter.complaints, key=lambda complaint: complaint.line))


class _Linter:
    """Walks through a file and takes down what is wrong."""

    def __init__(self, file: RuleFile) -> None:
        self.file = file
        self.complaints = list(file.faults)

    def say(self, place: Place, fault: str, remedy: str) -> None:
        """Take down a fault."""
        rule = str(place[1]) if len(place) > 1 and place[0] == "calibrations" else ""
        self.complaints.append(self.file.complaint(place, rule or "".join(map(str, place[:1])), fault, remedy))

    def document(self) -> None:
        """Check the whole file."""
        content = self.file.content
        if not self.entries((), content, TOP, needed=("instrument", "calibrations")):
            return
        self.instruments(content.get("instrument"))
        rules = content.get("calibrations")
        if "calibrations" in content and self.shaped(("calibrations",), rules, dict):
            for name, rule in rules.items():
                self.rule(("calibrations", str(name)), name, rule)
        if "applicable" in content:
            self.applicable(content["applicable"], rules if isinstance(rules, dict) else {})

    def instruments(self, said: Any) -> None:
        """Check the names of the instruments."""
        for name in said if isinstance(said, list) else [said]:
            if name is not None and name not in INSTRUMENTS:
                self.say(("instrument",), f"there is no instrument {name!r}", nearest(name, INSTRUMENTS))

    def rule(self, place: Place, name: object, rule: Any) -> None:
        """Check the rule of one type of calibration."""
        if name not in CALTYPES:
            self.say(place, f"there is no type of calibration {name!r}", nearest(name, CALTYPES))
        if not self.entries(place, rule, RULE):
            return
        if not {"raw", "processed"} & set(rule):
            self.say(place, "it has neither a raw nor a processed form", "say at least one: processed: {where: ...}")
        for form in ("raw", "processed"):
            if form in rule:
                self.variant((*place, form), rule[form])
        self.when((*place, "targets"), rule.get("targets", {}))
        self.where((*place, "where"), rule.get("where", {}))
        for key in ("equal", "contains", "prefer"):
            self.columns((*place, key), rule.get(key, []), TARGET_VALUES)
        self.within((*place, "within"), rule.get("within", {}))
        for key in CONDITIONAL:
            self.conditional((*place, key), rule.get(key, []), key)
        if "max_interval" in rule:
            self.length((*place, "max_interval"), rule["max_interval"])
        if not isinstance(rule.get("not_after_target", False), bool):
            self.say((*place, "not_after_target"), "it is neither true nor false", "write true, or leave it out")
        self.order((*place, "order"), rule.get("order", list(TERMS)))
        if "relaxed" in rule:
            self.relaxed((*place, "relaxed"), rule["relaxed"])
        if not any(complaint.rule == name for complaint in self.complaints):
            for where, fault, remedy in contradictions(rule):
                self.say((*place, *where), fault, remedy)

    def variant(self, place: Place, form: Any) -> None:
        """Check what differs between the raw and the processed form."""
        if not self.entries(place, form, VARIANT, needed=("limit",)):
            return
        limit = form.get("limit", 1)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            self.say((*place, "limit"), f"limit {limit!r} is no number of candidates", "write a whole number from 1 on")
        self.where((*place, "where"), form.get("where", {}))
        if "tag" in form:
            for fault in unknown_tags([str(form["tag"])]):
                self.say((*place, "tag"), fault, "take a tag that nightcrew typewalk shows")
        if "relaxed" in form:
            self.relaxed((*place, "relaxed"), form["relaxed"])

    def relaxed(self, place: Place, relaxed: Any) -> None:
        """Check what is given up for provisional calibrations."""
        if not self.entries(place, relaxed, RELAXED):
            return
        self.shaped((*place, "drop"), relaxed.get("drop", []), list)
        self.within((*place, "within"), relaxed.get("within", {}))
        self.where((*place, "where"), relaxed.get("where", {}))
        if self.shaped((*place, "instead"), relaxed.get("instead", {}), dict):
            for name, other in relaxed.get("instead", {}).items():
                self.columns((*place, "instead", name), [other], TARGET_VALUES)
        if "max_interval" in relaxed:
            self.length((*place, "max_interval"), relaxed["max_interval"])

    def conditional(self, place: Place, parts: Any, key: str) -> None:
        """Check additions for some targets."""
        if not self.shaped(place, parts, list):
            return
        what = {"where_if": "add"}.get(key, key.removesuffix("_if"))
        for number, part in enumerate(parts):
            here = (*place, number)
            if not self.entries(here, part, frozenset({"when", what}), needed=("when", what)):
                continue
            self.when((*here, "when"), part.get("when", {}))
            said = part.get(what, {} if what in ("add", "within") else [])
            if what == "add":
                self.where((*here, what), said, lists=True)
            elif what == "within":
                self.within((*here, what), said)
            else:
                self.columns((*here, what), said, TARGET_VALUES)

    def applicable(self, applicable: Any, rules: Mapping[Any, Any]) -> None:
        """Check which types targets may need."""
        if not self.entries(("applicable",), applicable, APPLICABLE):
            return
        self.when(("applicable", "none_if"), applicable.get("none_if", {}))
        lines = applicable.get("rules", [])
        if not self.shaped(("applicable", "rules"), lines, list):
            return
        for number, line in enumerate(lines):
            place = ("applicable", "rules", number)
            if not self.entries(place, line, frozenset({"when", "add"}), needed=("when", "add")):
                continue
            self.when((*place, "when"), line.get("when", {}))
            if not self.shaped((*place, "add"), line.get("add", []), list):
                continue
            for caltype in map(str, line.get("add", [])):
                rule = rules.get(caltype.removeprefix("processed_"))
                form = "processed" if caltype.startswith("processed_") else "raw"
                if not isinstance(rule, dict) or form not in rule:
                    answered = [f"processed_{name}" if of == "processed" else name for name, of in _forms(rules)]
                    self.say((*place, "add"), f"no rule above answers {caltype!r}", nearest(caltype, answered))

    def when(self, place: Place, said: Any) -> None:
        """Check conditions on targets."""
        if not self.shaped(place, said, dict):
            return
        limits = {name: v["at_least"] for name, v in said.items() if isinstance(v, dict) and set(v) == {"at_least"}}
        for name, limit in limits.items():
            self.columns((*place, name), [name], TARGET_VALUES)
            if isinstance(limit, bool) or not isinstance(limit, (int, float)):
                self.say((*place, name), f"at_least {limit!r} is no number", "write a number")
        self.where(place, {n: v for n, v in said.items() if n not in limits}, known=TARGET_VALUES, closed=False)

    def where(
        self, place: Place, said: Any, *, known: AbstractSet[str] = COLUMNS, closed: bool = True, lists: bool = False
    ) -> None:
        """Check conditions on columns; `closed` if only registered constants can be there."""
        if not self.shaped(place, said, dict):
            return
        for name, constants in said.items():
            here = (*place, name)
            self.columns(here, [name], known)
            if lists and not isinstance(constants, list):
                self.say(here, f"{constants!r} is no list", f"write [{constants}]")
                continue
            if isinstance(constants, dict):
                if not self.entries(here, constants, frozenset({"not_in"}), needed=("not_in",)):
                    continue
                constants = constants.get("not_in", [])  # noqa: PLW2901 (the list inside)
                if not self.shaped((*here, "not_in"), constants, list):
                    continue
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
        if not self.shaped(place, said, dict):
            return
        for name, tolerance in said.items():
            self.columns((*place, name), [name], TARGET_VALUES)
            if name in TARGET_VALUES - NUMBERS:
                self.say((*place, name), f"{name} is no number, so nothing is close to it", "compare it with equal")
            if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or tolerance <= 0:
                self.say((*place, name), f"tolerance {tolerance!r} is no positive number", "write a number, as 0.01")

    def order(self, place: Place, said: Any) -> None:
        """Check what the order goes by."""
        if self.shaped(place, said, list):
            for term in said:
                if term not in (known := ("qa", *TERMS)):
                    self.say(place, f"nothing can be ordered by {term!r}", nearest(term, known))

    def length(self, place: Place, said: Any) -> None:
        """Check a length of time."""
        try:
            duration(said)
        except ValueError:
            self.say(place, f"{said!r} is not a length of time", LENGTH)

    def columns(self, place: Place, names: Any, known: AbstractSet[str]) -> None:
        """Check names of columns."""
        if self.shaped(place, names, list):
            for number, name in enumerate(names):
                if name not in known:
                    self.say((*place, number), f"there is no column {name!r}", nearest(name, known))

    def entries(self, place: Place, said: Any, known: AbstractSet[str], needed: Iterable[str] = ()) -> bool:
        """Check the names of entries; whether there are entries at all."""
        if not self.shaped(place, said, dict):
            return False
        for name in said:
            if name not in known:
                self.say((*place, str(name)), f"nobody knows {name!r} here", nearest(name, known))
        for name in needed:
            if name not in said:
                self.say(place, f"{name!r} is missing", f"write {name}: ...")
        return True

    def shaped(self, place: Place, said: Any, shape: type) -> bool:
        """Check whether something is a list, or a set of entries."""
        if isinstance(said, shape):
            return True
        what = "it is empty" if said is None else f"{said!r} stands here"
        self.say(place, f"{place[-1] if place else 'the file'}: {what}", f"write {_SHAPES[shape]}")
        return False


def _forms(rules: Mapping[Any, Any]) -> list[tuple[str, str]]:
    return [
        (str(name), form)
        for name, rule in rules.items()
        if isinstance(rule, dict)
        for form in ("raw", "processed")
        if form in rule
    ]
