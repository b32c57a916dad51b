"""What an association compares: plain values of a target, and the columns of a candidate (calibrations, 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Protocol, TypeAlias

from nightcrew.shared.errors import CalibrationError, NightcrewError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

Value: TypeAlias = "bool | int | float | str | datetime | date | time | tuple[Value, ...] | None"
Values: TypeAlias = "Mapping[str, Value]"

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 (all times are UTC, without zone, as in headers)

OBSERVATION_TYPES = frozenset(
    "DARK ARC FLAT BIAS OBJECT PINHOLE RONCHI CAL FRINGE MASK STANDARD SLITILLUM BPM".split()  # noqa: SIM905
)
OBSERVATION_CLASSES = frozenset(["dayCal", "partnerCal", "acqCal", "acq", "science", "progCal", "nightCal"])
QA_STATES = frozenset(["Fail", "CHECK", "Undefined", "Usable", "Pass"])

PROCESSED_KINDS = (
    *("BPM", "TELLURIC", "STANDARD", "SLITILLUM", "PINHOLE"),
    *("FRINGE", "ARC", "BIAS", "DARK", "FLAT", "SCIENCE"),
)
"""Tags that name what a processed frame is; the first that it carries counts.  A mask that keeps the
tag FLAT of its first input is still a mask."""

PROCESSING = {"sq": "Science-Quality", "ql": "Quick-Look"}
PROCESSING_RANK = {"Failed": 0, "Quality-Assessment": 1, "Raw": 2, "Quick-Look": 3, "Science-Quality": 4}

MAX_EXPOSURE = 10000.0
"""Exposure times from here on, s, are taken for a slip of the keyboard."""


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
    "gcal_lamp",
)
"""Descriptors that frames are registered with and that rules may compare."""

CLOSED: Mapping[str, Mapping[str, AbstractSet[str]]] = {
    "NIRI": {
        "read_mode": {"High Background", "Medium Background", "Low Background", "Invalid"},
        "well_depth_setting": {"Shallow", "Deep", "Invalid"},
        "camera": {"datum", "f13.9", "f14", "f32", "f6", "INVALID", "No Value", "UNKNOWN"},
    },
}
"""Columns of a candidate in which other values than these count as unknown.  The target keeps what it says,
so that a frame in an odd read mode matches nothing."""


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
        values["detector_binning"] = _binning(values)
        return cls(canonical_instrument(values["instrument"]), frozenset(description.tags), values, filename)

    @classmethod
    def from_request(cls, tags: Iterable[str], descriptors: Mapping[str, object], filename: str = "") -> Target:
        """Make a target of the JSON that a reduction sends: lists for sections, ISO 8601 for times.

        Raises
        ------
        CalibrationError
            If a time is not ISO 8601.
        """
        values = {name: plain(value) for name, value in descriptors.items()}
        try:
            moment = descriptors.get("ut_datetime")
            if isinstance(moment, str):
                values["ut_datetime"] = datetime.fromisoformat(moment)
        except ValueError as error:
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
        if name == "spectroscopy":
            return "SPECT" in self.tags
        if name == "instrument":
            return self.instrument
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
    """

    filename: str
    columns: Values
    tags: frozenset[str] = frozenset()
    path: Path | None = None
    entry: int = 0
    present: bool = True
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


def columns_of(target: Target, processed_as: str | None = "Raw") -> dict[str, Value]:
    """Return what a frame is registered with as a candidate (calibrations, 1).

    Parameters
    ----------
    target
        The frame, as it would ask for calibrations itself.
    processed_as
        Column `processing`.
    """
    columns = dict(target.values)
    spectroscopy = "SPECT" in target.tags
    exposure = columns.get("exposure_time")
    coadds = columns.get("coadds")
    columns |= {
        "instrument": target.instrument,
        "observation_type": _observation_type(target),
        "observation_class": _known(columns.get("observation_class"), OBSERVATION_CLASSES),
        "reduction": reduction(target.tags),
        "processing": processed_as,
        "qa_state": "Pass" if columns.get("observation_type") == "MASK"
        else _known(columns.get("qa_state"), QA_STATES) or "Undefined",
        "engineering": False,
        "phot_standard": False,
        "spectroscopy": spectroscopy,
        "central_wavelength": columns.get("central_wavelength") if spectroscopy else None,
        "exposure_time": exposure if isinstance(exposure, (int, float)) and 0 <= exposure < MAX_EXPOSURE else None,
        "coadds": 1 if coadds is None else coadds,
        "detector_binning": columns.get("detector_binning", _binning(columns)),
    }  # fmt: skip
    for name, known in CLOSED.get(target.instrument, {}).items():
        columns[name] = _known(columns.get(name), known)
    return columns


def reduction(tags: AbstractSet[str]) -> str:
    """Return how far a frame is reduced: RAW, PREPARED, PROCESSED_DARK, ..."""
    if "PROCESSED_SCIENCE" in tags:
        return "PROCESSED_SCIENCE"
    if "PROCESSED" in tags:
        return next((f"PROCESSED_{kind}" for kind in PROCESSED_KINDS if kind in tags), "PROCESSED_UNKNOWN")
    return "PREPARED" if "PREPARED" in tags else "RAW"


def processing(header: Mapping[str, object]) -> str:
    """Return with what intent a frame was processed, from keywords of its primary header."""
    for keyword in ("PROCREVW", "PROCITNT"):
        value = header.get(keyword)
        if isinstance(value, str) and value in PROCESSING_RANK:
            return value
    mode = header.get("PROCMODE", header.get("PROCSCI"))
    return PROCESSING.get(mode, "Raw") if isinstance(mode, str) else "Raw"


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
    if isinstance(value, tuple) or (isinstance(value, list) and _is_section(value)):
        return tuple(plain(part) for part in value)
    if isinstance(value, list):
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


def _is_section(value: list[object]) -> bool:
    return len(value) == 4 and all(isinstance(part, int) for part in value)


def _known(value: Value, known: AbstractSet[str]) -> Value:
    return value if isinstance(value, str) and value in known else None


def _observation_type(target: Target) -> Value:
    for tag in ("PINHOLE", "RONCHI"):
        if tag in target.tags:
            return tag
    return _known(target.values.get("observation_type"), OBSERVATION_TYPES)


def _binning(values: Values) -> str | None:
    x, y = values.get("detector_x_bin"), values.get("detector_y_bin")
    return None if x is None or y is None else f"{x}x{y}"
