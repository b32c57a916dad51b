"""What `Reduce.runr` raises: our errors, which are also those that scripts written for DRAGONS catch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.shared.errors import (
    BadValue,
    CalibrationError,
    FrameError,
    NightcrewError,
    UnknownParameter,
    UnknownRecipe,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.shared.outcomes import Outcome


class NoInputFiles(FrameError, OSError):
    """No file was given, or none of those given can be read."""


class UnrecognizedParameterException(UnknownParameter):
    """A primitive or parameter that does not exist."""


class RecipeNotFound(UnknownRecipe):
    """A name that is neither recipe nor primitive."""


class FieldValidationError(BadValue, ValueError):
    """A value that a parameter cannot take."""


class CalibrationNotFoundError(CalibrationError, RuntimeError):
    """A calibration that was needed, and that nobody has."""


class ReductionFailed(NightcrewError, RuntimeError):
    """Any other end of a reduction that is not a success."""


BY_CODE: Mapping[str, type[NightcrewError]] = {
    kind.code: kind
    for kind in (UnrecognizedParameterException, RecipeNotFound, FieldValidationError, CalibrationNotFoundError)
}
"""Exceptions by the code of an outcome; a code that is not here becomes `ReductionFailed`."""


def as_exception(outcome: Outcome) -> NightcrewError:
    """Return what to raise for an outcome that is no success."""
    return BY_CODE.get(outcome.code, ReductionFailed)(outcome.reason)


def as_dragons(error: NightcrewError) -> NightcrewError:
    """Return an error of ours under the name that DRAGONS gives to it."""
    kind = BY_CODE.get(error.code)
    return error if kind is None or isinstance(error, kind) else kind(str(error))
