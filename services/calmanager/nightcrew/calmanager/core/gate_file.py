"""Reading quality gates from YAML, and telling what is wrong with them (format: docs/reference/gates.md)."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from nightcrew.calmanager.core.gates import GATES, Limits, TypeGates
from nightcrew.shared.association import rules_for
from nightcrew.shared.association.reading import INSTRUMENTS
from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightcrew.calmanager.core.gates import Gates

SHIPPED = "gates.yaml"
_MASK_GATES = ("bad_fraction", "change")
_FRACTIONS = ("bad_fraction",)


def shipped_gates() -> Gates:
    """Return the gates that come with nightcrew."""
    text = (resources.files("nightcrew.calmanager") / "rules" / SHIPPED).read_text(encoding="utf-8")
    return parse_gates(text, SHIPPED)


def parse_gates(text: str, origin: str) -> Gates:
    """Read quality gates.

    Parameters
    ----------
    text
        YAML document.
    origin
        Name of the file, for messages.

    Raises
    ------
    CalibrationError
        With the first thing that is wrong.
    """
    wrong = lint_gates(text, origin)
    if wrong:
        raise CalibrationError(wrong[0])
    document = yaml.safe_load(text) or {}
    return {
        instrument: {caltype: _type_gates(entry) for caltype, entry in types.items()}
        for instrument, types in document.items()
    }


def lint_gates(text: str, origin: str) -> list[str]:
    """Return what is wrong with a file of quality gates, one line each; nothing if it is sound."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"{origin}: not YAML: {' '.join(str(error).split())}"]
    return [f"{origin}: {fault}" for fault in _faults(document)]


def _type_gates(entry: dict[str, Any]) -> TypeGates:
    limits = {gate: Limits(**entry[gate]) for gate in GATES if gate in entry}
    return TypeGates(limits, entry.get("unit", ""))


def _faults(document: Any) -> Iterator[str]:
    if document is None:
        return
    if not isinstance(document, dict):
        yield "it must map instruments to types of calibrations"
        return
    for instrument, types in document.items():
        if instrument not in INSTRUMENTS:
            yield f"there is no instrument {instrument!r} with association rules; known: {', '.join(INSTRUMENTS)}"
        elif not isinstance(types, dict):
            yield f"{instrument}: it must map types of calibrations to gates"
        else:
            known = [f"processed_{name}" for name, rule in rules_for(instrument).items() if rule.processed]
            for caltype, entry in types.items():
                where = f"{instrument}, {caltype}"
                if caltype not in known:
                    yield f"{where}: no such master; known: {', '.join(known)}"
                else:
                    yield from (f"{where}: {fault}" for fault in _faults_of_type(entry, caltype == "processed_bpm"))


def _faults_of_type(entry: Any, mask: bool) -> Iterator[str]:
    allowed = _MASK_GATES if mask else GATES
    if not isinstance(entry, dict) or not entry:
        yield f"it must map gates to limits; known: {', '.join(allowed)}"
        return
    if not mask and not (isinstance(entry.get("unit"), str) and entry["unit"]):
        yield "it lacks the unit of its limits, as BUNIT has it"
    for gate, limits in entry.items():
        if gate == "unit" and not mask:
            continue
        if gate not in allowed:
            yield f"there is no gate {gate!r} for it; known: {', '.join(allowed)}"
        elif not isinstance(limits, dict) or not limits or not set(limits) <= {"low", "high"}:
            yield f"{gate}: it must have low, high or both"
        else:
            yield from _faulty_limits(gate, limits)


def _faulty_limits(gate: str, limits: dict[str, Any]) -> Iterator[str]:
    for side, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            yield f"{gate}: {side} is {value!r}, which is no number"
            return
    low, high = limits.get("low"), limits.get("high")
    if low is not None and high is not None and low > high:
        yield f"{gate}: low ({low:g}) is above high ({high:g}), nothing could pass"
    if gate in _FRACTIONS and not all(0 <= value <= 1 for value in limits.values()):
        yield f"{gate}: a fraction lies between 0 and 1"
