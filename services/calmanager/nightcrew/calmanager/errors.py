"""What the calibration manager refuses, and whom it tells."""

from __future__ import annotations

from nightcrew.shared.errors import CalibrationError, FrameError


class Unknown(CalibrationError):
    """No calibration has this name or number."""

    code = "unknown"


class Ambiguous(CalibrationError):
    """A name means several calibrations."""

    code = "ambiguous"


class NotAllowed(CalibrationError):
    """The state of the calibration does not allow it."""

    code = "state"


class Overlap(CalibrationError):
    """Another certified calibration of the kind is valid at the same time."""

    code = "overlap"


class BadValidity(CalibrationError):
    """The time of validity is empty or upside down."""

    code = "validity"


class NoReason(CalibrationError):
    """It is not said who does it, or why."""

    code = "reason"


class BadName(FrameError):
    """A file name that cannot be one of a calibration."""

    code = "name"


class DigestMismatch(FrameError):
    """What arrived is not what was sent."""

    code = "digest"


class TooLarge(FrameError):
    """A file is larger than may be received."""

    code = "size"


class NotACalibration(FrameError):
    """A readable frame that no rule would ever give to another frame."""

    code = "not-a-calibration"
