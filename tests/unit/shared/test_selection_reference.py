"""The worked examples of the selection language: what each query must select, or be refused for."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from typing import Any

import pytest

from nightcrew.shared.errors import FrameError
from nightcrew.shared.selection import ExpressionError, compile_expression, select
from support.reference import require_reference

pytestmark = pytest.mark.reference

DECODERS = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "datetime": datetime.fromisoformat,
    "tuple": lambda parts: tuple(decode(part) for part in parts),
    "dict": dict,
}


def decode(value: Any) -> Any:
    if isinstance(value, list):
        return [decode(part) for part in value]
    if isinstance(value, dict) and len(value) == 1:
        ((kind, content),) = value.items()
        return value if kind == "error" else DECODERS[kind](content)
    return value


class Recorded:
    """A frame whose descriptor values were written down."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.tags = frozenset(answers["tags"])
        self.full = {name: decode(value) for name, value in answers["descriptors"].items()}
        self.pretty = {name: decode(value) for name, value in answers["pretty"].items()}

    def value(self, name: str, /, **options: bool) -> Any:
        value = (self.pretty if options.get("pretty") else self.full).get(name)
        if isinstance(value, dict) and "error" in value:
            raise FrameError(f"{name}: {value['error']}")
        return value


def test_every_worked_query_selects_what_it_should() -> None:
    book = json.loads(require_reference("spec", "examples", "dataselect.json").read_text())
    frames = [(name, Recorded(answers)) for name, answers in sorted(book["files"].items())]
    assert len(book["queries"]) >= 70
    wrong = []
    for query in book["queries"]:
        try:
            expression = compile_expression(query["expression"], query["strict"])
            outcome = {"selected": select(frames, query["tags"], query["xtags"], expression)}
        except ExpressionError as error:
            outcome = {"error": str(error.category)}
        if outcome != query["intended"]:
            wrong.append((query["id"], query["expression"], outcome, query["intended"]))
    assert not wrong
