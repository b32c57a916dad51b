"""For every association rule: a frame, a calibration that fulfils it, and what breaks one condition at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from nightcrew.shared.association import Candidate, Rule, Target, Variant, conditions_for, rule_set
from nightcrew.shared.association.conditions import (
    Certified,
    Condition,
    Constant,
    Contains,
    Equal,
    FitForScience,
    Interval,
    NotAfter,
    Present,
    Valid,
    Within,
)
from nightcrew.shared.association.facts import COMPARED

MOMENT = datetime(2016, 1, 2, 8)  # noqa: DTZ001
"""Night on both mountains."""
NUMBERS: dict[str, Any] = {
    "exposure_time": 20.0,
    "coadds": 2,
    "central_wavelength": 2.2,
    "detector_x_bin": 2,
    "detector_y_bin": 2,
    "data_section": (0, 1024, 0, 1024),
    "nod_count": 5,
    "shuffle_pixels": 7,
}


@dataclass(frozen=True)
class Case:
    """A condition of a rule, and how a calibration fails it and nothing else.

    Parameters
    ----------
    instrument, caltype
        The rule.
    condition
        What is broken.
    target, good, bad
        The frame, a calibration that fulfils the rule, the same with the condition broken.
    told
        What must be told: both values.
    """

    instrument: str
    caltype: str
    condition: Condition
    target: Target
    good: Candidate
    bad: Candidate
    told: tuple[str, ...]

    def __str__(self) -> str:
        column = getattr(self.condition, "column", "")
        return f"{self.instrument}-{self.caltype}-{type(self.condition).__name__}{column and f'-{column}'}"


def target_for(instrument: str, rule: Rule) -> Target:
    """Return a frame that the rule is for; a spectrum if the rule compares spectra only."""
    values: dict[str, Any] = {name: f"my {name}" for name in COMPARED}
    values |= {"detector_binning": "2x2", "ut_datetime": MOMENT, "instrument": instrument, **NUMBERS}
    spectrum = "spectroscopy" not in rule.targets and any("spectroscopy" in part.when for part in rule.conditional)
    return Target(instrument, frozenset({"SPECT", "PREPARED"} if spectrum else {"IMAGE"}), values, "frame.fits")


def fitting(target: Target, rule: Rule, variant: Variant) -> Candidate:
    """Return a calibration that fulfils the rule."""
    conditions = conditions_for(rule, variant, target)
    columns: dict[str, Any] = {"instrument": target.instrument, "ut_datetime": MOMENT, "processing": "Science-Quality"}
    columns |= {name: target.value(name) for name in (*target.values, "overscan_trimmed", "overscan_subtracted")}
    for condition in (*conditions.kind, *conditions.strict):
        if isinstance(condition, Constant):
            constant = "Pass" if condition.allowed.negated else condition.allowed.constants[0]
            columns[condition.column] = str(constant).rstrip("*") if isinstance(constant, str) else constant
    tags = frozenset({variant.tag} if variant.tag else ())
    return Candidate("calibration.fits", columns, tags)


def cases(instruments: tuple[str, ...]) -> Iterator[Case]:
    """Return a case for every condition of every form of every rule."""
    for instrument in instruments:
        rules = rule_set(instrument)
        assert rules is not None
        for name, rule in rules.rules.items():
            for variant, prefix in ((rule.raw, ""), (rule.processed, "processed_")):
                if variant is None:
                    continue
                target = target_for(instrument, rule)
                good = fitting(target, rule, variant)
                for condition in conditions_for(rule, variant, target, "sq").strict:
                    broken = breaking(condition, good)
                    if broken is not None:
                        yield Case(instrument, f"{prefix}{name}", condition, target, good, *broken)


def breaking(condition: Condition, good: Candidate) -> tuple[Candidate, tuple[str, ...]] | None:
    """Return the calibration with one condition broken, and what must be told; None where nothing can break it."""
    hour = timedelta(hours=1)
    match condition:
        case Constant(column, allowed):
            bad = "Fail" if allowed.negated else not allowed.constants[0] if column in _TRUTHS else "odd"
            return _with(good, column, bad), (str(bad), f"wanted {allowed}")
        case Equal("instrument", _):
            return None  # of another instrument: not even a near miss
        case Equal(column, wanted):
            bad, told, wish = _other(wanted)
            return _with(good, column, bad), (told, f"wanted {wish}")
        case Contains(column, wanted):
            return _with(good, column, "odd"), ("odd", f"wanted with {wanted}")
        case Within(column, wanted, tolerance):
            bad = wanted + 2 * tolerance
            return _with(good, column, bad), (f"{bad:.10g}", f"wanted {wanted:.10g}", f"within {tolerance:g}")
        case Interval(_, limit):
            return _with(good, "ut_datetime", MOMENT - limit), ("d apart" if limit.days > 1 else "h apart", "less than")
        case NotAfter():
            return _with(good, "ut_datetime", MOMENT + hour), ("taken 1 h after", "wanted not after")
        case Valid():
            wanted_at = "wanted at 2016-01-02 08:00:00"
            return replace(good, valid=(MOMENT + hour, None)), ("valid from 2016-01-02 09:00:00", wanted_at)
        case Certified():
            note = "by ana at 2016-01-03 11:00: saturated"
            return replace(good, state="vetoed", state_note=note), (f"vetoed {note}",)
        case FitForScience():
            quick = _with(good, "processing", "Quick-Look")
            return (quick, ("processed as Quick-Look", "wanted Science-Quality")) if good.is_master else None
        case Present():
            return replace(good, present=False), ("its file is gone",)
    raise AssertionError(f"nobody knows how to break {condition}")


_TRUTHS = frozenset({"spectroscopy", "phot_standard", "engineering"})


def _with(candidate: Candidate, column: str, value: Any) -> Candidate:
    return replace(candidate, columns={**candidate.columns, column: value})


def _other(wanted: Any) -> tuple[Any, str, str]:
    """Return another value, and how both are told."""
    if isinstance(wanted, tuple):
        return (0, 512, 0, 512), "[1:512,1:512]", "[1:1024,1:1024]"
    if isinstance(wanted, bool):
        return not wanted, str(not wanted), str(wanted)
    if isinstance(wanted, float):
        return wanted + 1, f"{wanted + 1:g}", f"{wanted:g}"
    return ("odd", "odd", str(wanted)) if isinstance(wanted, str) else (wanted + 1, str(wanted + 1), str(wanted))
