"""Messages for the tests, one of each kind."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from nightcrew.shared.messages import (
    AnyMessage,
    CalibrationCertified,
    CalibrationVetoed,
    FrameArrived,
    JobClass,
    JobFinished,
    JobReady,
)
from nightcrew.shared.outcomes import Status

JOB = UUID("00000000-0000-4000-8000-000000000001")


def frame(number: int = 1, *, instrument: str = "NIRI", kind: str = "science") -> FrameArrived:
    return FrameArrived(
        frame_id=number,
        content_hash=f"{number:064x}",
        instrument=instrument,
        kind=kind,
        night=date(2016, 1, 2),
        producer="ingest",
    )


def job(job_class: JobClass = JobClass.REALTIME) -> JobReady:
    return JobReady(job_id=JOB, job_class=job_class, producer="planner")


def finished(status: Status = Status.SUCCEEDED) -> JobFinished:
    return JobFinished(job_id=JOB, attempt=1, status=status, producer="reducer")


def certified() -> CalibrationCertified:
    return CalibrationCertified(
        calibration_id=7, caltype="processed_dark", instrument="NIRI", affected=2, producer="calmanager"
    )


def vetoed() -> CalibrationVetoed:
    return CalibrationVetoed(
        calibration_id=7, caltype="processed_dark", instrument="NIRI", affected=3, producer="calmanager"
    )


def one_of_each() -> tuple[AnyMessage, ...]:
    return (frame(), job(), finished(), certified(), vetoed())
