"""What the planner knows about a frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from nightcrew.shared.association import Target, processing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.shared.association import Value
    from nightcrew.shared.instruments import Description

PLANNED = ("data_label", "program_id", "detector_x_offset", "detector_y_offset", "wavelength_band")
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
    """

    file: str
    instrument: str
    tags: frozenset[str]
    values: Mapping[str, Value]
    ut_datetime: datetime | None
    processing: str = "Raw"

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
