"""What can be wrong with a selection expression."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from nightcrew.shared.errors import NightcrewError


class Category(StrEnum):
    """Kinds of mistakes in an expression."""

    SYNTAX = "syntax"
    """The text is not an expression of this language; seen before any file is opened."""
    NAME = "name"
    """A name that no descriptor has; seen before any file is opened."""
    VALUE = "value"
    """A text beside a date or time that is none; mostly seen before any file is opened."""
    TYPE = "type"
    """Two values that have no order, such as a number and a text; seen when a frame is looked at."""
    NOT_BOOLEAN = "not_boolean"
    """A value where a condition was expected; seen when a frame is looked at."""


class ExpressionError(NightcrewError, ValueError):
    """An expression that cannot be understood, or cannot be evaluated.

    Parameters
    ----------
    problem
        What is wrong, without the expression.
    category
        Kind of mistake.
    text
        The expression as typed.
    position
        0-based index into `text` of the character where the trouble starts.
    """

    code: ClassVar[str] = "expression"

    def __init__(self, problem: str, category: Category, text: str, position: int) -> None:
        super().__init__(f"{problem}, at character {position + 1} of the expression {text!r}")
        self.problem = problem
        self.category = category
        self.text = text
        self.position = position

    def pointed(self) -> str:
        """Return the expression with a caret below the place in question: two lines."""
        before = self.text[: self.position].replace("\n", " ")
        blank = "".join(" " if not mark.isspace() else mark for mark in before)
        return f"{self.text.replace(chr(10), ' ')}\n{blank}^ {self.problem}"
