"""Selecting frames by tags and by an expression over descriptors: the language of `dataselect`.

>>> expression = compile_expression('exposure_time == 20 and filter_name in ["J", "H"]')
>>> selected = select([(path, description), ...], ["RAW"], ["FLAT"], expression)  # doctest: +SKIP
"""

from nightcrew.shared.selection.choose import Record, select, split_tags, unknown_tags
from nightcrew.shared.selection.errors import Category, ExpressionError
from nightcrew.shared.selection.expression import Expression, compile_expression

__all__ = [
    "Category",
    "Expression",
    "ExpressionError",
    "Record",
    "compile_expression",
    "select",
    "split_tags",
    "unknown_tags",
]
