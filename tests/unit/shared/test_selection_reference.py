"""The worked examples of the selection language: what each query must select, or be refused for."""

from __future__ import annotations

import json

import pytest

from support import examples_dataselect
from support.reference import require_reference

pytestmark = pytest.mark.reference


def test_every_worked_query_selects_what_it_should() -> None:
    book = json.loads(require_reference("spec", "examples", "dataselect.json").read_text())
    report = examples_dataselect.run(book)
    assert report.failures == []
    assert report.passed == len(book["queries"]) >= 70
