"""Worked examples of selecting frames (`dataselect.json`)."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from nightcrew.shared.errors import FrameError
from nightcrew.shared.selection import ExpressionError, compile_expression, select
from support.examples_io import Report

DECODERS = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "datetime": datetime.fromisoformat,
    "tuple": lambda parts: tuple(decode(part) for part in parts),
    "dict": dict,
}


def decode(value: Any) -> Any:
    """Return the value of a descriptor as it was before it was written as JSON."""
    if isinstance(value, list):
        return [decode(part) for part in value]
    if isinstance(value, dict) and len(value) == 1:
        ((kind, content),) = value.items()
        return value if kind == "error" else DECODERS[kind](content)
    return value


class Recorded:
    """A frame whose tags and descriptors were written down."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.tags = frozenset(answers["tags"])
        self._full = {name: decode(value) for name, value in answers["descriptors"].items()}
        self._pretty = {name: decode(value) for name, value in answers["pretty"].items()}

    def value(self, name: str, /, **options: bool) -> Any:
        """Return a descriptor, or raise as it did."""
        value = (self._pretty if options.get("pretty") else self._full).get(name)
        if isinstance(value, dict) and "error" in value:
            raise FrameError(f"{name}: {value['error']}")
        return value


def run(content: dict[str, Any]) -> Report:
    """Run all queries of a file."""
    report = Report()
    frames = [(name, Recorded(answers)) for name, answers in sorted(content["files"].items())]
    for query in content["queries"]:
        try:
            expression = compile_expression(query["expression"], query["strict"])
            outcome: dict[str, Any] = {"selected": select(frames, query["tags"], query["xtags"], expression)}
        except ExpressionError as error:
            outcome = {"error": str(error.category)}
        wanted = query["intended"]
        problem = (
            None if outcome == wanted else f"{query['expression']!r} gives {_brief(outcome)}, not {_brief(wanted)}"
        )
        report.record(query["id"], problem)
    return report


def _brief(outcome: dict[str, Any]) -> str:
    if "error" in outcome:
        return f"error {outcome['error']}"
    names = outcome["selected"]
    return f"{len(names)} frames ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
