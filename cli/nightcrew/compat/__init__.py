"""DRAGONS' Python names for users whose scripts have them (commands, 15 and 16.2).

>>> import nightcrew.compat  # doctest: +SKIP
>>> nightcrew.compat.install()  # the rest of a tutorial's script stays as it is  # doctest: +SKIP
"""

from nightcrew.compat import astrodata, cal_service, dataselect, logutils, reduce_utils
from nightcrew.compat.errors import (
    CalibrationNotFoundError,
    FieldValidationError,
    NoInputFiles,
    RecipeNotFound,
    ReductionFailed,
    UnrecognizedParameterException,
)
from nightcrew.compat.installing import install
from nightcrew.compat.reducing import Reduce, reduce_data

__all__ = [
    "CalibrationNotFoundError",
    "FieldValidationError",
    "NoInputFiles",
    "RecipeNotFound",
    "Reduce",
    "ReductionFailed",
    "UnrecognizedParameterException",
    "astrodata",
    "cal_service",
    "dataselect",
    "install",
    "logutils",
    "reduce_data",
    "reduce_utils",
]
