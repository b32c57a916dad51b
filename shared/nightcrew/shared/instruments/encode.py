"""Values of descriptors as JSON."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from typing import Any

from nightcrew.shared.instruments.describe import DescriptorError


def encode(value: Any) -> Any:
    """Turn the value of a descriptor into what JSON can hold.

    Returns
    -------
    object
        Sections, tuples and sets as lists, dates and times as ISO text, ``{"nonfinite": ...}``
        and ``{"error": ...}`` for what has no place in JSON; int and float stay apart.
    """
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return [encode(item) for item in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, DescriptorError):
        return {"error": value.kind}
    if hasattr(value, "item"):
        return encode(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"nonfinite": str(value)}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
