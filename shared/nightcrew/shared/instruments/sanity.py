"""Whether a frame says what no reduction can do without, in a form that makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nightcrew.shared.instruments.describe import Description


@dataclass(frozen=True, slots=True)
class Mandatory:
    """A keyword that a frame must have.

    Parameters
    ----------
    keyword
        As the header has it.
    descriptor
        What is made of it.
    wanted
        What it must be, in words.
    holds
        Whether a value is that.
    """

    keyword: str
    descriptor: str
    wanted: str
    holds: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


ONE_ARRAY = frozenset({"NIRI", "F2"})
"""Instruments whose raw images are one array."""
NEVER_IN_PART = {"F2": (2048, 2048)}
"""Rows and columns of the detectors that are always read as a whole."""
MANDATORY = (
    Mandatory("COADDS", "coadds", "a whole number, 1 or more", lambda n: _number(n) and n >= 1),
    Mandatory("EXPTIME", "exposure_time", "a time in seconds, 0 or more", lambda t: _number(t) and t >= 0),
    Mandatory("DATE-OBS", "ut_datetime", "a date", lambda moment: isinstance(moment, datetime)),
)


def complaint(description: Description) -> str | None:
    """Return what is wrong with a frame's mandatory keywords or its structure in one line, or None if nothing is.

    Frames of instruments that are not known are not judged.
    """
    if not description.known:
        return None
    headers = description.headers
    for rule in MANDATORY:
        if not rule.holds(description.get(rule.descriptor)):
            value = headers.phu.get(rule.keyword)
            said = "is missing" if value is None else f"is {value!r}"
            return f"{headers.filename}: {rule.keyword} {said}, it must be {rule.wanted}; correct the header"
    if description.instrument in ONE_ARRAY and "RAW" in description.tags:
        wrong = _wrong_structure(headers.shapes, description.instrument)
        if wrong:
            return f"{headers.filename}: {wrong}; take the file as the archive ships it"
    return None


def no_pointing(description: Description) -> str | None:
    """Return why a raw image of the sky has no place on it, in one line; None if it has, or needs none."""
    if not description.known or "CAL" in description.tags or not {"RAW", "IMAGE"} <= description.tags:
        return None
    headers = description.headers
    source = next((header for header in (*headers.extensions, headers.phu) if "CTYPE1" in header), headers.phu)
    wanted = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")
    wrong = next((name for name in wanted if not _finite(source.get(name))), None)
    if wrong is None:
        a, b, c, d = (source.get(name, 0.0) for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"))
        scales = (source.get("CDELT1"), source.get("CDELT2"))
        square = all(map(_finite, (a, b, c, d))) and a * d != b * c
        if not square and not all(_finite(scale) and scale for scale in scales):
            wrong = "CD"
    if wrong is None:
        return None
    return f"{headers.filename}: no usable WCS ({wrong} is missing or makes no sense); correct the header"


def _wrong_structure(shapes: Sequence[tuple[int, ...]], instrument: str) -> str | None:
    if len(shapes) != 1:
        found = f"has {len(shapes) or 'no'} science extension{'s' if len(shapes) > 1 else ''}"
        return f"{found} where raw {instrument} imaging has 1"
    (shape,) = shapes
    image = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    pixels = f"has {' x '.join(map(str, reversed(shape))) or 'no'} pixels"
    if len(image) != 2 or 0 in image:
        return f"{pixels} where imaging has two axes"
    whole = NEVER_IN_PART.get(instrument, image)
    if image != whole:
        return f"{pixels} where {instrument} always reads {whole[1]} x {whole[0]}"
    return None


def _finite(value: Any) -> bool:
    return _number(value) and isfinite(value)
