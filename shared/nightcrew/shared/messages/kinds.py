"""The kinds of messages.

A new field with a default raises the minor version, anything else the major; `make docs` then writes the new schema
beside the older ones in `schemas/`, which stay.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 (pydantic reads the annotations)
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias
from uuid import UUID  # noqa: TC003 (pydantic reads the annotations)

from pydantic import Field

from nightcrew.shared.messages.envelope import JOBS, Message, Word
from nightcrew.shared.outcomes import Status  # noqa: TC001 (pydantic reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Mapping

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Row = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""The number of a row in the database."""


class FrameArrived(Message):
    """A frame was verified, described and recorded."""

    KEY: ClassVar[str] = "frame.{instrument}.{kind}"
    type: Literal["frame.arrived"] = "frame.arrived"
    version: Literal["1.0"] = "1.0"
    frame_id: Row = Field(description="The frame.")
    content_hash: Sha256 = Field(description="SHA-256 of the file's content, hexadecimal.")
    instrument: Word = Field(description="As the headers spell it: NIRI, F2.")
    kind: Word = Field(description="What it is a frame of: dark, flat, science.")
    night: date = Field(description="The UTC date that names the observing night.")


class JobClass(StrEnum):
    """What a job asks of the reducer that runs it; each class has a queue of its own."""

    REALTIME = "realtime"
    """Seconds, while somebody waits: quick looks, quality assessment."""
    CALIBRATION = "calibration"
    """Masters, for which other jobs wait."""
    SCIENCE = "science"
    """Stacks of ordinary size."""
    LARGE = "large"
    """More memory or time than an ordinary reducer has."""


class JobReady(Message):
    """A job can be run."""

    EXCHANGE: ClassVar[str] = JOBS
    KEY: ClassVar[str] = "{job_class}"
    type: Literal["job.ready"] = "job.ready"
    version: Literal["1.0"] = "1.0"
    job_id: UUID = Field(description="The job.")
    job_class: JobClass = Field(description="Which reducers may run it.")


class JobFinished(Message):
    """An attempt at a job came to an end, good or bad."""

    KEY: ClassVar[str] = "job.finished.{status}"
    type: Literal["job.finished"] = "job.finished"
    version: Literal["1.0"] = "1.0"
    job_id: UUID = Field(description="The job.")
    attempt: int = Field(ge=1, description="Which attempt it was, from 1.")
    status: Status = Field(description="How it ended.")


class CalibrationCertified(Message):
    """A calibration may be used from now on."""

    KEY: ClassVar[str] = "calibration.certified.{instrument}"
    type: Literal["calibration.certified"] = "calibration.certified"
    version: Literal["1.0"] = "1.0"
    calibration_id: Row = Field(description="The calibration.")
    caltype: Word = Field(description="Its type: processed_dark, bpm.")
    instrument: Word = Field(description="As the headers spell it: NIRI, F2.")
    affected: int = Field(0, ge=0, description="How many jobs wait for a calibration like it, as far as known.")


class CalibrationVetoed(Message):
    """A calibration must not be used any more."""

    KEY: ClassVar[str] = "calibration.vetoed.{instrument}"
    type: Literal["calibration.vetoed"] = "calibration.vetoed"
    version: Literal["1.0"] = "1.0"
    calibration_id: Row = Field(description="The calibration.")
    caltype: Word = Field(description="Its type: processed_dark, bpm.")
    instrument: Word = Field(description="As the headers spell it: NIRI, F2.")
    affected: int = Field(ge=0, description="How many products were made with it.")


AnyMessage: TypeAlias = FrameArrived | JobReady | JobFinished | CalibrationCertified | CalibrationVetoed

KINDS: Mapping[str, type[AnyMessage]] = MappingProxyType(
    {
        "frame.arrived": FrameArrived,
        "job.ready": JobReady,
        "job.finished": JobFinished,
        "calibration.certified": CalibrationCertified,
        "calibration.vetoed": CalibrationVetoed,
    }
)
"""Every kind by the `type` that it bears."""
