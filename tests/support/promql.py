"""What a query must have data for in a night in which all is well.

An alert is silent as long as nothing is wrong: its comparison lets nothing through.  So each query is asked without
what lets through only some samples, and in its parts:

- `a > 1` (no `bool`) asks for a, and for b too in `a > b`;
- `a and b`, `a unless b` ask for a and for b, each by itself;
- `a or b` asks for what either has;
- `absent(a)` asks for a.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import promql_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
_INTERSECTIONS = {"and", "unless"}


def demands(query: str) -> list[str]:
    """Return queries which must each have data.

    Examples
    --------
    >>> demands('sum(x) / (sum(y) >= 5) > 0.1 and on (q) absent(z{a="b"})')
    ['sum(x{}) / (sum(y{}))', 'z{a="b"}']
    """
    return list(dict.fromkeys(_escaped(part) for part in _parts(promql_parser.parse(query))))


def series(query: str) -> list[tuple[str, str]]:
    """Return name and selector of each series that a query asks for."""
    return [(node.name, _plain(node)) for node in _walk(promql_parser.parse(query)) if _is(node, "VectorSelector")]


def _parts(node: Any) -> Iterator[str]:
    if _is(node, "ParenExpr"):
        yield from _parts(node.expr)
    elif _is(node, "BinaryExpr") and (str(node.op) in _INTERSECTIONS or _lets_some_through(node)):
        yield from _parts(node.lhs)
        if not _is(node.rhs, "NumberLiteral") and list(_selectors(node.rhs)):
            yield from _parts(node.rhs)
    elif _is(node, "Call") and node.func.name == "absent":
        yield from _parts(node.args[0])
    else:
        yield _whole(node)


def _whole(node: Any) -> str:
    """Return a query without what lets only some samples through; the text of a part stands in that of the whole."""
    if _is(node, "BinaryExpr") and _lets_some_through(node):
        return _whole(node.lhs)
    text = str(node)
    for child in _children(node):
        text = text.replace(str(child), _whole(child))
    return text


def _lets_some_through(node: Any) -> bool:
    return str(node.op) in _COMPARISONS and not (node.modifier is not None and node.modifier.return_bool)


def _children(node: Any) -> list[Any]:
    found = [getattr(node, name) for name in ("lhs", "rhs", "expr", "vector_selector") if hasattr(node, name)]
    return found + list(getattr(node, "args", ()))


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for child in _children(node):
        yield from _walk(child)


def _selectors(node: Any) -> Iterator[Any]:
    return (one for one in _walk(node) if _is(one, "VectorSelector"))


def _plain(node: Any) -> str:
    return _escaped(str(node).partition(" offset ")[0])


def _escaped(text: str) -> str:
    """Return the text of a query as the language wants it: the parser prints backslashes as they are meant."""
    return text.replace("\\", "\\\\")


def _is(node: Any, kind: str) -> bool:
    return type(node).__name__ == kind
