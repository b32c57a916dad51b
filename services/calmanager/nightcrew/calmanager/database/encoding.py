"""Values of association as JSON in the database, and back.

Every value is kept so that equality in the database is equality of the rules: numbers by their shortest decimal form,
sections as lists, times as ISO 8601, unknown as null.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightcrew.shared.association import Value


def jsonable(value: Value) -> Any:
    """Return a value as `json` writes it; numbers that are none are unknown."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, tuple):
        return [jsonable(part) for part in value]
    return storable(value)


def storable(text: str) -> str:
    """Return a text as PostgreSQL can hold it: NUL and lone surrogates are replaced."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def text_of(value: Value) -> str:
    """Return a value as JSON text."""
    return json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False)


def columns_to_json(columns: Mapping[str, Value]) -> dict[str, Any]:
    """Return the columns of a calibration as they are kept."""
    return {name: jsonable(value) for name, value in columns.items()}


def columns_from_json(kept: Mapping[str, Any]) -> dict[str, Value]:
    """Return the columns of a calibration as rules compare them."""
    columns: dict[str, Value] = {name: _value(value) for name, value in kept.items()}
    moment = columns.get("ut_datetime")
    if isinstance(moment, str):
        columns["ut_datetime"] = datetime.fromisoformat(moment)
    return columns


def _value(kept: Any) -> Value:
    if isinstance(kept, list):
        return tuple(_value(part) for part in kept)
    value: Value = kept
    return value
