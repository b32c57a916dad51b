"""Grouping rules as data: what they may say, reading them, and finding what is wrong with them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from nightcrew.shared.association.reading import duration, only, parse_where
from nightcrew.shared.errors import NightcrewError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.shared.association.ruleset import OneOf
    from nightcrew.shared.frame_facts import FrameFacts

INSTRUMENTS = {"NIRI": "niri.yaml", "F2": "f2.yaml"}

Scalar: TypeAlias = bool | int | float | str


class PlanRuleError(NightcrewError):
    """A file of grouping rules that cannot be understood."""

    code: ClassVar[str] = "plan_rules"


@dataclass(frozen=True, slots=True)
class Select:
    """Which frames a line is about.

    Parameters
    ----------
    all_of, any_of, none_of
        Tags that all, of which one, of which none must be there.
    where
        Conditions on values.
    """

    all_of: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    none_of: frozenset[str] = frozenset()
    where: Mapping[str, OneOf] = field(default_factory=dict)

    def picks(self, frame: FrameFacts) -> bool:
        """Whether the line is about that frame."""
        return (
            self.all_of <= frame.tags
            and (not self.any_of or bool(self.any_of & frame.tags))
            and not self.none_of & frame.tags
            and all(condition.holds(frame.values.get(name)) for name, condition in self.where.items())
        )


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Frames that are in no group, and why."""

    select: Select
    reason: str


@dataclass(frozen=True, slots=True)
class Close:
    """When a group takes no more frames.

    Parameters
    ----------
    quiet
        Nothing came for so long.
    superseded
        A frame of another sequence came.
    count
        It has so many frames of its own.
    """

    quiet: timedelta
    superseded: bool = True
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Alike:
    """When two frames are alike.

    Parameters
    ----------
    same
        Values that are equal; `a|b` means a or, where that is unknown, b.
    close_to
        Values that differ by less than that from those of the first frame.
    """

    same: tuple[str, ...] = ()
    close_to: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, one: FrameFacts, other: FrameFacts) -> bool:
        """Whether two frames are alike."""
        return all(one.value(name) == other.value(name) for name in self.same) and all(
            _near(one.number(name), other.number(name), tolerance) for name, tolerance in self.close_to.items()
        )


@dataclass(frozen=True, slots=True)
class Partners:
    """Frames that join a group of another kind, such as lamp-off flats.

    Parameters
    ----------
    name
        What they are called.
    select
        Which frames they are.
    alike
        What they have in common with each other and with the group.
    within
        How far in time they may be from the group.
    alone
        Why they are left out if there is no such group.
    missing
        What to say of a group that none joined.
    """

    name: str
    select: Select
    alike: Alike
    within: timedelta
    alone: str
    missing: str


@dataclass(frozen=True, slots=True)
class Borrow:
    """Frames of another group that are used here too.

    Parameters
    ----------
    kind
        Kind of the other group.
    same
        Values that both must have in common.
    at_most
        Upper limits of values.
    nearest
        Values that the best group comes nearest to; then the nearest in time is taken.
    """

    kind: str
    same: tuple[str, ...]
    at_most: Mapping[str, float] = field(default_factory=dict)
    nearest: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NeedRule:
    """A calibration that a group asks for.

    Parameters
    ----------
    calibration
        `processed_dark`, `processed_flat`, `processed_bpm`, or `bpm` for a mask that another group makes.
    setting
        Parameter that names the file; None if the recipe asks for it by itself.
    required
        Without it the group cannot be reduced.
    remedy
        What the user can do then.
    otherwise
        Parameter and value that make do without it.
    unless_borrowed
        Not needed if the group has borrowed frames.
    """

    calibration: str
    setting: str | None = None
    required: bool = False
    remedy: str = ""
    otherwise: tuple[str, Scalar] | None = None
    unless_borrowed: bool = False


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """In these modes the recipe drops the first frame, often bad, if there are at least `dropped_from`."""

    setting: str
    dropped_from: int
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SkyRule:
    """How to tell a sequence that goes to an empty field for its sky from a dither on the target.

    Parameters
    ----------
    shape
        Shape of the field of view.
    fraction
        Pointings that are farther apart than this fraction of the field do not overlap.
    setting
        Parameter that is False for such sequences.
    diameter
        Diameter of a round field, pixels.
    """

    shape: Literal["rectangle", "circle"]
    fraction: float
    setting: str
    diameter: float = 0.0


@dataclass(frozen=True, slots=True)
class Always:
    """A parameter that every group of a kind gets, and why."""

    setting: str
    value: Scalar
    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of group."""

    name: str
    kind: str
    recipe: str
    suffix: str
    close: Close
    provides: str | None = None
    select: Select | None = None
    alike: Alike = Alike()
    gap: timedelta = timedelta.max
    at_least: int = 1
    made_of: tuple[str, ...] = ()
    borrow: Borrow | None = None
    without: str = ""
    partners: tuple[Partners, ...] = ()
    needs: tuple[NeedRule, ...] = ()
    first_frame: FirstFrame | None = None
    sky: SkyRule | None = None
    always: tuple[Always, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanRules:
    """The grouping rules of an instrument: `kinds` in the order in which they are reduced."""

    instrument: str
    masters: Mapping[str, Select]
    left_out: tuple[LeaveOut, ...]
    kinds: tuple[Kind, ...]

    def kind(self, name: str) -> Kind:
        """Return a kind by its name."""
        return next(kind for kind in self.kinds if kind.name == name)


@functools.cache
def rules_for(instrument: str) -> PlanRules | None:
    """Return the grouping rules of an instrument, or None."""
    name = INSTRUMENTS.get(instrument)
    if name is None:
        return None
    return parse_rules(shipped_text(name), name)


def shipped_text(name: str) -> str:
    """Return the text of a rule file that comes with nightcrew."""
    return (resources.files("nightcrew.planner") / "rules" / name).read_text(encoding="utf-8")


def parse_rules(text: str, origin: str) -> PlanRules:
    """Read grouping rules.

    Parameters
    ----------
    text
        YAML document; the format is explained in `niri.yaml`.
    origin
        Name of the file, for messages.

    Raises
    ------
    PlanRuleError
        If the document says something that no rule may say.
    """
    import yaml  # noqa: PLC0415 (only when rules are needed)

    try:
        document = yaml.safe_load(text)
        only(document, {"instrument", "masters", "left_out", "kinds"})
        return PlanRules(
            document["instrument"],
            {caltype: _select(entry) for caltype, entry in document.get("masters", {}).items()},
            tuple(_leave_out(entry) for entry in document.get("left_out", [])),
            tuple(_kind(name, entry) for name, entry in document["kinds"].items()),
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        remedy = f"'nightcrew rules lint {origin}' tells where"
        raise PlanRuleError(f"{origin}: not a set of grouping rules: {error}; {remedy}") from error


KIND = {
    *("kind", "recipe", "suffix", "close", "provides", "select", "same", "close_to", "gap", "at_least"),
    *("made_of", "borrow", "without", "partners", "needs", "first_frame", "sky", "always"),
}


def _kind(name: str, entry: dict[str, Any]) -> Kind:
    only(entry, KIND)
    close = entry["close"]
    only(close, {"quiet", "superseded", "count"})
    return Kind(
        name,
        entry.get("kind", name),
        entry["recipe"],
        entry["suffix"],
        Close(duration(close["quiet"]), bool(close.get("superseded", True)), close.get("count")),
        provides=entry.get("provides"),
        select=_select(entry["select"]) if "select" in entry else None,
        alike=_alike(entry),
        gap=duration(entry["gap"]) if "gap" in entry else timedelta.max,
        at_least=int(entry.get("at_least", 1)),
        made_of=tuple(entry.get("made_of", ())),
        borrow=_borrow(entry["borrow"]) if "borrow" in entry else None,
        without=entry.get("without", ""),
        partners=tuple(_partners(called, partner) for called, partner in entry.get("partners", {}).items()),
        needs=tuple(_need(need) for need in entry.get("needs", [])),
        first_frame=_first_frame(entry["first_frame"]) if "first_frame" in entry else None,
        sky=SkyRule(**entry["sky"]) if "sky" in entry else None,
        always=tuple(_always(setting) for setting in entry.get("always", [])),
    )


def _select(entry: dict[str, Any]) -> Select:
    only(entry, {"all", "any", "none", "where", "reason"})
    all_of, any_of, none_of = (frozenset(entry.get(key, ())) for key in ("all", "any", "none"))
    return Select(all_of, any_of, none_of, parse_where(entry.get("where", {})))


def _leave_out(entry: dict[str, Any]) -> LeaveOut:
    return LeaveOut(_select(entry), entry["reason"])


def _alike(entry: dict[str, Any]) -> Alike:
    close_to = {name: float(tolerance) for name, tolerance in entry.get("close_to", {}).items()}
    return Alike(tuple(entry.get("same", ())), close_to)


def _partners(name: str, entry: dict[str, Any]) -> Partners:
    only(entry, {"select", "same", "close_to", "within", "alone", "missing"})
    within = duration(entry["within"])
    return Partners(name, _select(entry["select"]), _alike(entry), within, entry["alone"], entry["missing"])


def _borrow(entry: dict[str, Any]) -> Borrow:
    only(entry, {"kind", "same", "at_most", "nearest"})
    return Borrow(entry["kind"], tuple(entry["same"]), entry.get("at_most", {}), entry.get("nearest", {}))


def _need(entry: dict[str, Any]) -> NeedRule:
    fields = dict(entry)
    otherwise = fields.pop("otherwise", None)
    return NeedRule(**fields, otherwise=(otherwise["setting"], otherwise["value"]) if otherwise else None)


def _first_frame(entry: dict[str, Any]) -> FirstFrame:
    only(entry, {"setting", "dropped_from", "modes"})
    return FirstFrame(entry["setting"], int(entry["dropped_from"]), tuple(entry["modes"]))


def _always(entry: dict[str, Any]) -> Always:
    only(entry, {"setting", "value", "reason"})
    return Always(entry["setting"], entry["value"], entry["reason"])


def _near(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < tolerance
