"""What the services tell one another: small, versioned facts, written as JSON."""

from nightcrew.shared.messages.codec import LIMIT, MessageTooLarge, Undecodable, decode, encode
from nightcrew.shared.messages.envelope import EVENTS, JOBS, Message, Route
from nightcrew.shared.messages.kinds import (
    KINDS,
    AnyMessage,
    CalibrationCertified,
    CalibrationVetoed,
    FrameArrived,
    JobClass,
    JobFinished,
    JobReady,
)

__all__ = [
    "EVENTS",
    "JOBS",
    "KINDS",
    "LIMIT",
    "AnyMessage",
    "CalibrationCertified",
    "CalibrationVetoed",
    "FrameArrived",
    "JobClass",
    "JobFinished",
    "JobReady",
    "Message",
    "MessageTooLarge",
    "Route",
    "Undecodable",
    "decode",
    "encode",
]
