"""What is sent about a frame that needs a calibration, and what is offered for it (calibrations, 7.2 and 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from nightcrew.shared.association.facts import Target
from nightcrew.shared.instruments import Headers, describe

if TYPE_CHECKING:
    from nightcrew.shared.association.facts import Validity
    from nightcrew.shared.frames import Frame
    from nightcrew.shared.instruments import Description

NOT_SENT = frozenset({"gain", "read_noise", "saturation_level", "non_linear_level"})
"""Descriptors that no rule compares and that differ from extension to extension."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A calibration that a server offers.

    Parameters
    ----------
    name
        Base name of the file.
    url
        Where to get it.
    md5, sha256
        Of the file as it is sent, hexadecimal; empty if not told.
    reason
        Why this one.
    relaxed
        Which rule it does not fulfil, if one was relaxed.
    caveats
        What speaks against it.
    valid
        The time for which somebody has certified it; None if the rules decide by its date.
    """

    name: str
    url: str
    md5: str
    sha256: str = ""
    reason: str = ""
    relaxed: str = ""
    caveats: tuple[str, ...] = ()
    valid: Validity | None = None


def description_of(frame: Frame) -> Description:
    """Return tags and descriptors of a frame in memory."""
    planes = frame.planes
    headers = Headers(frame.phu, [p.header for p in planes], frame.filename, [p.shape for p in planes])
    return describe(headers)


def request_for(description: Description, filename: str) -> dict[str, Any]:
    """Return name, tags and all descriptors of a frame, as JSON holds them.

    An unknown descriptor is null, a list of one value per extension collapses, times are ISO 8601, `central_wavelength`
    is in micrometres.
    """
    names = [name for name in description.names if name not in NOT_SENT]
    return request_of(Target.from_description(description, filename, names))


def request_of(target: Target) -> dict[str, Any]:
    """Return what is known of a frame that needs calibrations, as JSON holds it."""
    values = {name: _json(value) for name, value in target.values.items()}
    return {"name": target.name, "tags": sorted(target.tags), "descriptors": values}


def _json(value: object) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    return value
