"""`gempy.adlibrary.dataselect`: selecting files by tags and descriptors (commands, 15.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from nightcrew.compat.astrodata import AstroData
from nightcrew.shared.selection import Expression, compile_expression, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nightcrew.shared.instruments import Description

T = TypeVar("T")

__all__ = ["expr_parser", "select_data"]


def expr_parser(expression: str, strict: bool = False) -> Expression:
    """Check an expression over descriptors.

    Parameters
    ----------
    expression
        As `exposure_time==20 and filter_name=="J"`.
    strict
        Whether values are compared without tolerance and with their full component names.

    Raises
    ------
    ExpressionError
        If it is not one; a `ValueError` too.
    """
    return compile_expression(expression, strict=strict)


def select_data(
    inputs: Iterable[T],
    tags: Sequence[str] = (),
    xtags: Sequence[str] = (),
    expression: Expression | str | None = "True",
    adpkg: str | None = None,
) -> list[T]:
    """Return the inputs that have all `tags`, none of `xtags`, and fulfil the expression, in their order.

    Parameters
    ----------
    inputs
        Paths, or datasets that `astrodata.open` has opened.
    tags, xtags
        Tags that must all be there, and tags of which none may be.
    expression
        From `expr_parser`, or text, which is then not strict; None selects everything.
    adpkg
        Not supported: instruments are those that nightcrew knows.

    Raises
    ------
    FrameError
        If a file cannot be read.
    ExpressionError
        If the expression is none, or cannot be evaluated on a file.
    ValueError
        If `adpkg` is given.
    """
    if adpkg is not None:
        raise ValueError(f"adpkg={adpkg!r}: packages of other instruments are not supported; leave it out")
    condition = compile_expression(expression) if isinstance(expression, str) else expression
    return select(((item, _described(item)) for item in inputs), tags, xtags, condition)


def _described(item: Any) -> Description:
    from nightcrew.cli.inputs import describe_file

    return item.description if isinstance(item, AstroData) else describe_file(str(item))
