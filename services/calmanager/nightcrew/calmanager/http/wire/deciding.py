"""What people decide about a calibration, as JSON."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from nightcrew.calmanager.http.wire.calibrations import RecordOut  # noqa: TC001 (pydantic reads the annotation)
from nightcrew.calmanager.http.wire.model import Model, Name, Text, Utc
from nightcrew.calmanager.http.wire.products import AffectedItem  # noqa: TC001 (pydantic reads the annotation)


class CertifyIn(Model):
    """Somebody vouches for a calibration."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"who": "ana", "why": "compared with last week's", "since": "2026-11-01T00:00:00"}]
        }
    )

    who: Name
    why: Text
    since: Utc | None = Field(None, description="UTC; from then on it serves, whatever the rules say of its date")
    until: Utc | None = Field(None, description="UTC; until then, itself excluded")


class VetoIn(Model):
    """Somebody says that a calibration is bad, or takes that back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"who": "ana", "why": "saturated"}]})

    who: Name
    why: Text


class SupersedeIn(Model):
    """Another calibration takes its place."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"by": "S20131121S0300_dark.fits", "who": "ana", "why": "more frames"}]}
    )

    by: Name | int = Field(description="Name or number of the one that takes its place")
    who: Name
    why: Text


class VetoedOut(Model):
    """A vetoed calibration, and what was made with it."""

    record: RecordOut
    affected: list[AffectedItem]
