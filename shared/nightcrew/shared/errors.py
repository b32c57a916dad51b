"""The errors that nightcrew raises on purpose, and whom they address."""

from __future__ import annotations

from typing import ClassVar


class NightcrewError(Exception):
    """Root of all our errors.

    ::

        NightcrewError
         ├── FrameError            the file: truncated, unknown instrument, bad keyword
         │    └── ShapeMismatch    two frames that do not cover the same part of the detector
         ├── CalibrationError      none found (why), vetoed, unreachable
         ├── RecipeError           no such recipe, bad parameter, wrong input for it
     │    ├── UnknownRecipe    a name that is neither recipe nor primitive for these data
     │    ├── UnknownParameter a primitive or a parameter of it that does not exist
     │    └── BadValue         a value that a parameter cannot take
         ├── SettingsError         a setting or environment variable that makes no sense
         └── ServiceError          broker, database, disk: usually worth another try
              └── SchemaMismatch   the tables are not those that this version needs

    Parameters
    ----------
    message
        One line that names the file, the rule that was broken and the remedy.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class FrameError(NightcrewError):
    """A file that cannot be used as it is."""

    code = "frame"


class ShapeMismatch(FrameError):
    """Two frames that do not cover the same part of the detector."""

    code = "shape"


class CalibrationError(NightcrewError):
    """A calibration that was needed and not found, or could not be used."""

    code = "calibration"


class RecipeError(NightcrewError):
    """A request that no recipe can fulfil: unknown name, bad parameter, wrong input."""

    code = "recipe"


class UnknownRecipe(RecipeError):
    """A name that is neither a recipe nor a primitive for these data."""

    code = "no_recipe"


class UnknownParameter(RecipeError):
    """A primitive, or a parameter of one, that does not exist."""

    code = "no_parameter"


class BadValue(RecipeError):
    """A value that a parameter cannot take."""

    code = "bad_value"


class ServiceError(NightcrewError):
    """Broker, database or disk failed; trying again may help."""

    code = "service"
    retryable = True


class SettingsError(NightcrewError):
    """A setting or environment variable that makes no sense; the line never shows a secret."""

    code = "settings"


class SchemaMismatch(ServiceError):
    """The tables are not those that this version of nightcrew needs; the line says what to run."""

    code = "schema"
    retryable = False
