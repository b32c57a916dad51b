"""Calibrations that the user names: `--user_cal processed_dark:FILE` (commands, 10.1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.cli.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

PROCESSED = "arc bias dark flat fringe pinhole standard slitillum telluric bpm slitflat slit"
KINDS = (*(f"processed_{kind}" for kind in PROCESSED.split()), "bpm", "mask")


def user_calibrations(texts: Iterable[str]) -> dict[str, Path]:
    """Read `type:path` pairs; a type given again replaces the earlier one.

    Raises
    ------
    UsageProblem
        If one is no such pair, or its type does not exist.
    CalibrationError
        If a file does not exist, cannot be read, or is of another type.
    """
    chosen: dict[str, Path] = {}
    for text in texts:
        kind, colon, path = text.partition(":")
        if not colon or not path or ":" in path:
            raise UsageProblem(f"--user_cal {text}: expecting TYPE:FILE, as processed_dark:N1_dark.fits")
        if kind not in KINDS:
            raise UsageProblem(f"--user_cal {text}: Unknown calibration type '{kind}'; one of {', '.join(KINDS)}")
        _check(kind, path)
        chosen[kind] = Path(path)
    return chosen


def _check(kind: str, path: str) -> None:
    from nightcrew.cli.inputs import describe_file
    from nightcrew.shared.errors import CalibrationError, FrameError

    if not Path(path).is_file():
        raise CalibrationError(f"--user_cal {kind}:{path}: there is no file {path}; check the name")
    try:
        tags = describe_file(path).tags
    except FrameError as error:
        raise CalibrationError(f"--user_cal {kind}:{path}: {error}") from error
    missing = {word.upper() for word in kind.split("_")} - tags
    if missing:
        raise CalibrationError(
            f"Calibration type {kind} does not match file {path}: it lacks the tag {' and '.join(sorted(missing))}; "
            "use a product of that type"
        )
