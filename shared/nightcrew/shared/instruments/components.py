"""Words that headers use: component names, percentiles, numbers written as text."""

from __future__ import annotations

import re
from typing import Any

_ID = re.compile(r".*_(G\d{4})")
_PERCENTILE = re.compile(r"\d\d-percentile")


def strip_id(name: Any) -> Any:
    """Return a component's name without its identifier: ``J_G0202`` is ``J``."""
    return name.partition("_G")[0] if isinstance(name, str) else name


def keep_id(name: str) -> str:
    """Return a component's name and identifier without what follows: ``HK_G0806_good`` is ``HK_G0806``."""
    match = _ID.match(name)
    return f"{strip_id(name)}_{match[1]}" if match else strip_id(name)


def percentile(value: Any) -> int | None:
    """Read an observing-condition keyword: ``Any`` is 100, ``70-percentile`` is 70, else unknown."""
    if value == "Any":
        return 100
    if isinstance(value, str) and _PERCENTILE.fullmatch(value):
        return int(value[:2])
    return None


def number(value: Any) -> float | None:
    """Read a number that may be written as text; None if it is not one."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def angle(value: Any, *, hours: bool = False) -> float | None:
    """Read a coordinate in degrees.

    Parameters
    ----------
    value
        A number of degrees, or text: a number, or sexagesimal such as ``12:30:00``.
    hours
        Whether sexagesimal text without unit is in hours (right ascension).

    Returns
    -------
    float or None
        Degrees; None if the text is no angle.
    """
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    text = str(value).strip()
    plain = number(text)
    if plain is not None:
        return plain
    unit = re.search(r"\s*(hours?|degrees?)$", text)
    if unit:
        hours = unit[1].startswith("hour")
        text = text[: unit.start()]
    fields = re.fullmatch(r"([+-]?)(\d+)[:\s](\d+)(?:[:\s](\d+(?:\.\d*)?))?", text.strip())
    if fields is None:
        plain = number(text)
        return None if plain is None else plain * (15.0 if hours else 1.0)
    sign, whole, minutes, seconds = fields.groups(default="0")
    degrees = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    return (-degrees if sign == "-" else degrees) * (15.0 if hours else 1.0)
