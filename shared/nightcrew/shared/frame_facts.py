"""What planning needs to know about a frame, and how the ledger keeps it: as JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from nightcrew.shared.association import Candidate, Target, processing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nightcrew.shared.association import Value
    from nightcrew.shared.association.facts import Validity
    from nightcrew.shared.instruments import Description

PLANNED = ("detector_x_offset", "detector_y_offset", "wavelength_band")
"""Descriptors that planning needs besides those that calibration rules compare."""

_ENDINGS = (".bz2", ".gz", ".fz", ".fits", ".fit")


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """A frame, as far as planning is concerned.

    Parameters
    ----------
    file
        File name, as given.
    instrument
        Canonical name: NIRI, F2, ...
    tags
        Its tags.
    values
        Descriptors as plain values (`nightcrew.shared.association.Target`).
    ut_datetime
        UTC of the start of the exposure.
    processing
        With what intent it was processed: Science-Quality, Quick-Look, Raw, ...
    valid
        For a calibration, the time for which somebody has certified it; None if the rules decide by its date.
    """

    file: str
    instrument: str
    tags: frozenset[str]
    values: Mapping[str, Value]
    ut_datetime: datetime | None
    processing: str = "Raw"
    valid: Validity | None = None

    @classmethod
    def from_description(cls, file: str, description: Description) -> FrameFacts:
        """Take down what planning needs from the headers of a frame."""
        target = Target.from_description(description, file, PLANNED)
        moment = target.values["ut_datetime"]
        return cls(
            file,
            target.instrument,
            target.tags,
            target.values,
            moment if isinstance(moment, datetime) else None,
            processing(description.headers.phu),
        )

    @property
    def root(self) -> str:
        """File name without directory and endings: products are named after it."""
        name = PurePath(self.file).name
        for ending in _ENDINGS:
            if name.lower().endswith(ending):
                name = name[: -len(ending)]
        return name

    @property
    def exposure(self) -> tuple[Value, ...]:
        """What tells an exposure from every other one; a frame that does not say is one of its own."""
        told = (self.instrument, self.values.get("data_label"), self.ut_datetime)
        return (self.root,) if None in told else told

    @property
    def target(self) -> Target:
        """The frame as one that asks for calibrations."""
        return Target(self.instrument, self.tags, self.values, self.file)

    def as_candidate(self, name: str, entry: int = 0) -> Candidate:
        """Return the frame as a calibration that may be given to others."""
        return replace(Candidate.from_target(self.target, name, None, entry, self.processing), valid=self.valid)

    def value(self, names: str) -> Value:
        """Return a value; `a|b` means that of a or, where that is unknown, of b."""
        found = (self.values.get(name) for name in names.split("|"))
        return next((value for value in found if value is not None), None)

    def number(self, name: str) -> float | None:
        """Return a value that is a number, else None."""
        value = self.values.get(name)
        return float(value) if isinstance(value, (int, float)) else None

    @property
    def time(self) -> datetime:
        """UTC of the start of the exposure, of a frame that was admitted to a group."""
        assert self.ut_datetime is not None
        return self.ut_datetime


_READERS: Mapping[str, Callable[[str], datetime | date | time]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}


def to_json(facts: FrameFacts) -> dict[str, Any]:
    """Return the facts of a frame as JSON; times as `{"datetime": "2016-01-02T09:00:00"}`, sections as lists."""
    kept: dict[str, Any] = {
        "instrument": facts.instrument,
        "tags": sorted(facts.tags),
        "values": {name: _plain(value) for name, value in facts.values.items()},
        "ut_datetime": None if facts.ut_datetime is None else facts.ut_datetime.isoformat(),
        "processing": facts.processing,
    }
    if facts.valid is not None:
        kept["valid"] = [None if end is None else end.isoformat() for end in facts.valid]
    return kept


def from_json(file: str, kept: Mapping[str, Any]) -> FrameFacts:
    """Return the facts of the frame `file` that `to_json` has written."""
    moment = kept["ut_datetime"]
    since, until = (None if end is None else datetime.fromisoformat(end) for end in kept.get("valid", (None, None)))
    return FrameFacts(
        file,
        kept["instrument"],
        frozenset(kept["tags"]),
        {name: _value(value) for name, value in kept["values"].items()},
        None if moment is None else datetime.fromisoformat(moment),
        kept["processing"],
        (since, until) if "valid" in kept else None,
    )


def _plain(value: Value) -> Any:
    # A datetime is a date too, so it is asked for first.
    for name, kind in (("datetime", datetime), ("date", date), ("time", time)):
        if isinstance(value, kind):
            return {name: value.isoformat()}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _value(kept: Any) -> Value:
    if isinstance(kept, dict):
        ((name, text),) = kept.items()
        read: datetime | date | time = _READERS[name](text)
        return read
    return tuple(_value(part) for part in kept) if isinstance(kept, list) else kept
