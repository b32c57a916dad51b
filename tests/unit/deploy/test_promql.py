"""What a query must have data for while all is well."""

from __future__ import annotations

import pytest

from support.promql import demands, series
from support.queries import queries


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("max(a) > 60", ["max(a{})"]),
        ("a > b", ["a{}", "b{}"]),
        ("a < bool -12", ["a{} < bool -12"]),
        ("sum(a) / (sum(b) >= 5) > 0.1", ["sum(a{}) / (sum(b{}))"]),
        ("a > 1 and on (q) b == 0 unless c", ["a{}", "b{}", "c{}"]),
        ("time() - max(a) > 120 or absent(a)", ["time() - max(a{}) or  absent(a{})"]),
        ("absent(a)", ["a{}"]),
        (r'rate(a{le=~"120(\\.0)?"}[5m])', [r'rate(a{le=~"120(\\.0)?"}[5m])']),
    ],
)
def test_a_query_is_asked_without_what_lets_only_some_samples_through(query: str, parts: list[str]) -> None:
    assert demands(query) == parts


def test_all_series_of_a_query_are_found() -> None:
    found = series('sum by (x) (rate(a_total{y="z"}[5m] offset 1h)) / on (x) max(b) or vector(1)')
    assert found == [("a_total", 'a_total{y="z"}'), ("b", "b{}")]


def test_nothing_that_is_demanded_lets_only_some_samples_through() -> None:
    for query in queries():
        for part in demands(query.expression):
            assert demands(part) == [part]
