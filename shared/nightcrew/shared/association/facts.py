"""What an association compares: plain values of a target, and the columns of a candidate (calibrations, 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Protocol, TypeAlias

from nightcrew.shared.association.columns import binning, columns_of, filter_set, processing
from nightcrew.shared.errors import CalibrationError, NightcrewError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

Value: TypeAlias = "bool | int | float | str | datetime | date | time | tuple[Value, ...] | None"
Values: TypeAlias = "Mapping[str, Value]"

Validity: TypeAlias = "tuple[datetime | None, datetime | None]"

CERTIFIED = "certified"
"""State of a calibration that may serve."""

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 (all times are UTC, without zone, as in headers)


class Described(Protocol):
    """What is asked of a frame: `nightcrew.shared.instruments.Description` answers it."""

    @property
    def tags(self) -> AbstractSet[str]:
        """The tags of the frame."""

    def value(self, name: str, /, **options: bool) -> object:
        """Return a descriptor; NightcrewError if the instrument does not have it or the headers do not tell."""


COMPARED = (
    *("instrument", "ut_datetime", "observation_type", "observation_class", "observation_id", "object", "qa_state"),
    *("exposure_time", "coadds", "central_wavelength", "detector_x_bin", "detector_y_bin", "data_section"),
    *("read_mode", "well_depth_setting", "camera", "filter_name", "focal_plane_mask", "disperser", "lyot_stop"),
    *("gcal_lamp", "array_name", "amp_read_area", "detector_roi_setting", "read_speed_setting", "gain_setting"),
    *("nod_count", "shuffle_pixels", "program_id", "data_label"),
)
"""Descriptors that frames are registered with and that rules may compare."""

FROM_TAGS: Mapping[str, str] = {
    "spectroscopy": "SPECT",
    "prepared": "PREPARED",
    "nodandshuffle": "NODANDSHUFFLE",
    "overscan_subtracted": "OVERSCAN_SUBTRACTED",
    "overscan_trimmed": "OVERSCAN_TRIMMED",
}
"""Values that say whether a frame carries a tag (calibrations, 7.2)."""

DERIVED: Mapping[str, str] = {**dict.fromkeys(FROM_TAGS, ""), "filter_set": "filter_name"}
"""Values that nobody sends, and the descriptor that each is made of; none for those that follow from the tags."""


@dataclass(frozen=True, slots=True)
class Target:
    """A frame that needs calibrations.

    Parameters
    ----------
    instrument
        Canonical name: NIRI, F2, ...
    tags
        Its tags.
    values
        Descriptors as plain values: `central_wavelength` in micrometres, sections as four numbers.
    name
        File name, for messages.
    """

    instrument: str
    tags: frozenset[str]
    values: Values
    name: str = ""

    @classmethod
    def from_description(cls, description: Described, filename: str = "", names: Iterable[str] = ()) -> Target:
        """Make a target of a description.

        Parameters
        ----------
        description
            Tags and descriptors.
        filename
            File name, for messages.
        names
            Descriptors to ask for besides those that rules compare.
        """
        values = {name: plain_value(description, name) for name in (*COMPARED, *names)}
        values["detector_binning"] = binning(values)
        return cls(canonical_instrument(values["instrument"]), frozenset(description.tags), values, filename)

    @classmethod
    def from_request(cls, tags: Iterable[str], descriptors: Mapping[str, object], filename: str = "") -> Target:
        """Make a target of the JSON that a reduction sends: lists for sections, ISO 8601 for times, UTC without zone.

        Raises
        ------
        CalibrationError
            If a time is not ISO 8601.
        """
        values = {name: plain(value) for name, value in descriptors.items()}
        try:
            moment = descriptors.get("ut_datetime")
            if isinstance(moment, str):
                given = datetime.fromisoformat(moment)
                values["ut_datetime"] = given if given.tzinfo is None else given.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError) as error:
            raise CalibrationError(
                f"request for {filename or 'a frame'}: ut_datetime is not ISO 8601 ({error})"
            ) from error
        return cls(canonical_instrument(values.get("instrument")), frozenset(tags), values, filename)

    def value(self, name: str) -> Value:
        """Return the value that a rule compares with.

        Raises
        ------
        CalibrationError
            If the target does not say anything under that name, not even that it is unknown.
        """
        if name in FROM_TAGS:
            return FROM_TAGS[name] in self.tags
        if name == "instrument":
            return self.instrument
        if name == "filter_set":
            return filter_set(self.value("filter_name"))
        try:
            return self.values[name]
        except KeyError:
            whose = self.name or "the target"
            raise CalibrationError(f"{whose}: the request lacks {name!r}, which a rule compares; send it") from None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A calibration, raw or processed, that may be given to a target.

    Parameters
    ----------
    filename
        Base name.
    columns
        What the rules compare (calibrations, 1).
    tags
        Its tags.
    path
        Where it lies; None for one that is still to be made.
    entry
        Number of its entry: of two that are equally good the later one is taken.
    present
        Whether the file is there to be used.
    state
        What has been decided about it; only `certified` ones serve.
    state_note
        By whom, when and why: `by ana at 2026-11-02 03:10: saturated`.
    valid
        From when (included) until when (excluded), UTC, it serves, None for no bound.  Where this is given, the rules
        about time do not count.
    """

    filename: str
    columns: Values
    tags: frozenset[str] = frozenset()
    path: Path | None = None
    entry: int = 0
    present: bool = True
    state: str = CERTIFIED
    state_note: str = ""
    valid: Validity | None = None
    seconds: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", whole_seconds(self.columns.get("ut_datetime")))

    @classmethod
    def from_description(
        cls,
        description: Described,
        filename: str,
        path: Path | None = None,
        entry: int = 0,
        header: Mapping[str, object] | None = None,
    ) -> Candidate:
        """Make a candidate of a description.

        Parameters
        ----------
        description
            Tags and descriptors.
        filename, path, entry
            See the class.
        header
            Primary header, for the keywords that tell how the frame was processed.
        """
        target = Target.from_description(description, filename=filename)
        return cls.from_target(target, filename, path, entry, processing(header or {}))

    @classmethod
    def from_target(
        cls,
        target: Target,
        filename: str,
        path: Path | None = None,
        entry: int = 0,
        processed_as: str = "Raw",
    ) -> Candidate:
        """Register a frame that is known as a target already; `processed_as` is its column `processing`."""
        return cls(filename, columns_of(target, processed_as), target.tags, path, entry)

    @property
    def ut_datetime(self) -> datetime | None:
        """UTC of the start of the first exposure in it."""
        moment = self.columns.get("ut_datetime")
        return moment if isinstance(moment, datetime) else None

    @property
    def is_master(self) -> bool:
        """Whether it is a product, not a raw or prepared frame."""
        return str(self.columns.get("reduction")).startswith("PROCESSED")

    def value(self, column: str) -> Value:
        """Return a column; one that was not stored but follows from others is made of these."""
        if column in self.columns:
            return self.columns[column]
        if column in FROM_TAGS:
            return FROM_TAGS[column] in self.tags
        return filter_set(self.columns.get("filter_name")) if column == "filter_set" else None


def plain_value(description: Described, name: str) -> Value:
    """Return a descriptor as a plain value; one that cannot be had is None."""
    options = {"asMicrometers": True} if name == "central_wavelength" else {}
    try:
        return plain(description.value(name, **options))
    except NightcrewError:
        return None


def plain(value: object) -> Value:
    """Return a value as rules compare it.

    A list of one value per extension collapses if all are equal, else its items are joined by `+`.
    """
    if value is None or isinstance(value, (bool, int, float, str, datetime, date, time)):
        return value
    if isinstance(value, (tuple, list)) and _is_section(value):
        return tuple(plain(part) for part in value)
    if isinstance(value, (tuple, list)):
        parts = [plain(part) for part in value]
        if not parts:
            return None
        return parts[0] if all(part == parts[0] for part in parts) else "+".join(str(part) for part in parts)
    if hasattr(value, "item"):
        return plain(value.item())
    return str(value)


def whole_seconds(moment: Value) -> int:
    """Return the seconds since 2000, the fraction dropped (towards zero); 0 if the moment is unknown."""
    return int((moment - EPOCH).total_seconds()) if isinstance(moment, datetime) else 0


def canonical_instrument(name: Value) -> str:
    """Return the name that rules are kept under; very old Flamingos-2 headers say `Flam`."""
    text = str(name or "").upper()
    return "F2" if text == "FLAM" else text


def _is_section(value: Sequence[object]) -> bool:
    return len(value) == 4 and all(isinstance(part, int) for part in value)
