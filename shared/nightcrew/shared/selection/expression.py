"""The language of selections: parsing, checking, and evaluating an expression over descriptors.

Grammar (commands, 2.2)::

    expr    := or-expr of and-expr of [not] comparison, parentheses
    compare := operand (op operand)+        op: == != < <= > >= in "not in" is "is not"
    operand := descriptor | tags | number | 'text' | True | False | None | -number | [list] | (tuple)

Python's parser reads the text; whatever is not in this grammar is refused.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import tokenize
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.selection.errors import Category, ExpressionError
from nightcrew.shared.selection.names import DESCRIPTORS, PRETTY, TAGS, TOLERANCES
from nightcrew.shared.selection.values import (
    READERS,
    BadTextError,
    Item,
    UnorderedError,
    before,
    contains,
    equal,
    wrap,
)

if TYPE_CHECKING:
    from nightcrew.shared.selection.choose import Record

Condition: TypeAlias = Callable[["Record"], bool]
Operand: TypeAlias = Callable[["Record"], Item]

_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_IGNORED = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

_COMPARE: dict[type[ast.cmpop], Callable[[Item, Item], bool]] = {
    ast.Eq: equal,
    ast.Is: equal,
    ast.NotEq: lambda a, b: not equal(a, b),
    ast.IsNot: lambda a, b: not equal(a, b),
    ast.Lt: lambda a, b: before(a, b, or_equal=False),
    ast.LtE: lambda a, b: before(a, b, or_equal=True),
    ast.Gt: lambda a, b: before(b, a, or_equal=False),
    ast.GtE: lambda a, b: before(b, a, or_equal=True),
    ast.In: lambda a, b: contains(b, a),
    ast.NotIn: lambda a, b: not contains(b, a),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition on frames, checked as far as that is possible without a frame.

    Parameters
    ----------
    text
        As typed; None where there is none, which everything fulfils.
    strict
        Whether values are compared without tolerance and with their full component names.
    """

    text: str | None
    strict: bool
    _condition: Condition = field(repr=False, compare=False)

    def matches(self, record: Record) -> bool:
        """Whether a frame fulfils the condition.

        Raises
        ------
        ExpressionError
            Category `type`, `value` or `not_boolean`.
        """
        return self._condition(record)


def compile_expression(text: str | None, strict: bool = False) -> Expression:
    """Read an expression.

    Parameters
    ----------
    text
        The expression; None selects everything.
    strict
        Compare without tolerance, and full component names.

    Raises
    ------
    ExpressionError
        Category `syntax`, `name`, or (for the text of a date) `value`.
    """
    if text is None:
        return Expression(None, strict, lambda _: True)
    compiler = _Compiler(text, strict)
    return Expression(text, strict, compiler.condition(compiler.parse()))


class _Compiler:
    """Turns the syntax tree of one text into functions of a record."""

    def __init__(self, text: str, strict: bool) -> None:
        self.text = text
        self.strict = strict
        self.source = re.sub(r"[\r\n]", " ", text.strip())
        self.indent = len(text) - len(text.lstrip())

    def parse(self) -> ast.expr:
        """Return the syntax tree, and refuse spellings that it does not show."""
        if not self.source:
            self.refuse("the expression is empty", 0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # odd escapes, `1or 2`: Python's concern, not the user's
                tree = ast.parse(self.source, mode="eval").body
        except SyntaxError as error:
            self.refuse(_plainly(error.msg), self.place((error.offset or 1) - 1))
        except (ValueError, RecursionError, MemoryError):
            self.refuse("this cannot be read", self.indent)
        self.check_spelling()
        return tree

    def place(self, column: int) -> int:
        """Return the index into the text of a column of the stripped source."""
        return self.indent + min(max(column, 0), len(self.source))

    def check_spelling(self) -> None:
        """Refuse comments, prefixed, triple-quoted or adjacent texts, and numbers other than decimal ones."""
        last = None
        for token in tokenize.generate_tokens(io.StringIO(self.source).readline):
            if token.type in _IGNORED:
                continue
            position = self.place(token.start[1])
            if token.type == tokenize.COMMENT:
                self.refuse("comments are not understood", position)
            if token.type == tokenize.NUMBER and not _NUMBER.fullmatch(token.string):
                self.refuse(f"the number {token.string} is not a decimal one", position)
            if token.type == tokenize.STRING:
                if token.string[0] not in "'\"" or token.string[:3] in ("'''", '"""'):
                    self.refuse("a text is written 'so' or \"so\"", position)
                if last == tokenize.STRING:
                    self.refuse("two texts side by side", position)
            last = token.type

    def condition(self, node: ast.expr) -> Condition:
        """Compile what must be true or false."""
        if isinstance(node, ast.BoolOp):
            parts = [self.condition(value) for value in node.values]
            if isinstance(node.op, ast.And):
                return lambda record: all(part(record) for part in parts)
            return lambda record: any(part(record) for part in parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.condition(node.operand)
            return lambda record: not inner(record)
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        return self.bare(node)

    def bare(self, node: ast.expr) -> Condition:
        """Compile an operand that stands alone: its value must be a bool."""
        operand = self.operand(node)

        def truth(record: Record) -> bool:
            value = operand(record).value
            if isinstance(value, bool):
                return value
            problem = f"{_shown(value)} is neither true nor false"
            raise self.error(problem, Category.NOT_BOOLEAN, node)

        return truth

    def comparison(self, node: ast.Compare) -> Condition:
        """Compile a chain of comparisons: each pair must hold."""
        nodes = [node.left, *node.comparators]
        pairs = [self.pair(left, op, right) for left, op, right in zip(nodes, node.ops, node.comparators, strict=False)]
        return pairs[0] if len(pairs) == 1 else lambda record: all(pair(record) for pair in pairs)

    def pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        """Compile one comparison; a literal beside a date is read at once, so that a bad one is seen early."""
        compare = _COMPARE[type(op)]
        first, second = self.operand(left), self.operand(right)
        self.check_dates(left, right)
        self.check_dates(right, left)

        def holds(record: Record) -> bool:
            a, b = first(record), second(record)
            try:
                return compare(a, b)
            except UnorderedError:
                problem = f"{_shown(a.value)} and {_shown(b.value)} cannot be compared like that"
                raise self.error(problem, Category.TYPE, left) from None
            except BadTextError as error:
                raise self.error(str(error), Category.VALUE, left) from None

        return holds

    def check_dates(self, literal: ast.expr, beside: ast.expr) -> None:
        """Refuse a text beside the name of a date or time if it is none."""
        reader = READERS.get(beside.id) if isinstance(beside, ast.Name) else None
        if reader is None:
            return
        for node in literal.elts if isinstance(literal, (ast.List, ast.Tuple)) else [literal]:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                try:
                    reader(node.value)
                except BadTextError as error:
                    raise self.error(str(error), Category.VALUE, node) from None

    def operand(self, node: ast.expr) -> Operand:
        """Compile a name, a literal, or a list of them."""
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            parts = [self.operand(part) for part in node.elts]
            return lambda record: Item(tuple(part(record) for part in parts))
        constant = self.constant(node)
        return lambda _: constant

    def constant(self, node: ast.expr) -> Item:
        """Return a number, a text, True, False or None."""
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (bool, int, float, str))):
            return Item(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            value = node.operand.value
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return Item(-value)
        raise self.error("this is not understood here", Category.SYNTAX, node)

    def name(self, node: ast.Name) -> Operand:
        """Compile the name of a descriptor, or `tags`."""
        name = node.id
        if name == TAGS:
            return lambda record: Item(record.tags)
        if name not in DESCRIPTORS:
            near = difflib.get_close_matches(name, [*DESCRIPTORS, TAGS], n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise self.error(f"there is no descriptor {name!r}{hint}", Category.NAME, node)
        options = {"pretty": True} if name in PRETTY and not self.strict else {}
        tolerance = None if self.strict else TOLERANCES.get(name)
        reader = READERS.get(name)

        def read(record: Record) -> Item:
            try:
                value = record.value(name, **options)
            except NightcrewError:
                value = None
            return wrap(value, tolerance, reader)

        return read

    def error(self, problem: str, category: Category, node: ast.expr) -> ExpressionError:
        """Return the error that points at a node."""
        column = len(self.source.encode()[: node.col_offset].decode(errors="ignore"))
        return ExpressionError(problem, category, self.text, self.place(column))

    def refuse(self, problem: str, position: int) -> NoReturn:
        """Say that the text is not of this language."""
        raise ExpressionError(problem, Category.SYNTAX, self.text, position)


def _plainly(message: str) -> str:
    """Return a message of Python's parser, shortened to one clause."""
    return message.partition(". ")[0] or "this cannot be read"


def _shown(value: object) -> str:
    """Return a value as an error message shows it."""
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(part.value if isinstance(part, Item) else part) for part in value)}]"
    return "the tags" if isinstance(value, (frozenset, set)) else repr(value)
