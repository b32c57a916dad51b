"""What rules and boards ask of Prometheus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from support.composing import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
BOARDS = sorted((ROOT / "deploy" / "grafana" / "boards").glob("*.json"))
VARIABLES = {"$__rate_interval": "1m", "$instrument": ".*", "$queue": ".*", "$recipe": ".*"}
"""What Grafana puts into queries where all is chosen."""


@dataclass(frozen=True)
class Query:
    """One question.

    Parameters
    ----------
    where
        File and name of the alert, the record, the panel or the annotation.
    expression
        As Prometheus is asked.
    records
        The name under which the answer is kept; empty for those of alerts and boards.
    """

    where: str
    expression: str
    records: str = ""


def queries() -> Iterator[Query]:
    """Give what rules and boards ask."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                records = rule.get("record", "")
                yield Query(f"{path.stem}: {records or rule['alert']}", rule["expr"], records)
    for path in BOARDS:
        board = json.loads(path.read_text())
        asked = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]]
        asked += [(one["name"], one["expr"]) for one in board["annotations"]["list"]]
        for name, expression in asked:
            yield Query(f"{path.stem}: {name}", _filled_in(expression))


def _filled_in(expression: str) -> str:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression
