"""`recipe_system.utils.reduce_utils`: calibrations that a user names (commands, 15.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["normalize_ucals"]


def normalize_ucals(cals: Iterable[str] | Mapping[str, str | Path] | None) -> dict[str, Path]:
    """Return user calibrations by type.

    Parameters
    ----------
    cals
        `["processed_dark:PATH", ...]`, or by type already.

    Raises
    ------
    ValueError
        If one is no such pair, or there is no such type.
    TypeError
        If a file is missing, cannot be read, or is of another type.
    """
    from nightcrew.cli.errors import UsageProblem
    from nightcrew.cli.user_calibrations import user_calibrations
    from nightcrew.shared.errors import CalibrationError

    texts = [f"{kind}:{path}" for kind, path in cals.items()] if isinstance(cals, Mapping) else list(cals or ())
    try:
        return user_calibrations(texts)
    except UsageProblem as error:
        raise ValueError(str(error.message).removeprefix("--user_cal ")) from error
    except CalibrationError as error:
        raise TypeError(str(error).removeprefix("--user_cal ")) from error
