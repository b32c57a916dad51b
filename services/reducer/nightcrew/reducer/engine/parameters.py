"""Typed parameters of primitives: defaults, ranges, choices, and how text becomes a value."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightcrew.shared.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.config import JsonDict
    from pydantic.fields import FieldInfo

P = TypeVar("P", bound="Parameters")

LITERALS: Mapping[str, object] = {"None": None, "True": True, "False": False}


class Parameters(BaseModel):
    """What one primitive can be told; a field's order here is its order in `showpars`."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    def shared_with(self, model: type[Parameters]) -> dict[str, Any]:
        """Return the values that `model` has too, except `suffix`: what a primitive passes on to one it calls."""
        names = (set(type(self).model_fields) & set(model.model_fields)) - {"suffix"}
        return {name: getattr(self, name) for name in type(self).model_fields if name in names}


def parameter(
    default: Any,
    description: str,
    *,
    choices: Mapping[str, str] | None = None,
    ge: float | None = None,
    gt: float | None = None,
    lt: float | None = None,
    le: float | None = None,
) -> Any:
    """Declare a parameter: its default, the line `showpars` prints, its range, the meaning of its choices."""
    extra: JsonDict | None = {"choices": {**choices}} if choices else None
    made: Any = Field(default, description=description, ge=ge, gt=gt, lt=lt, le=le, json_schema_extra=extra)
    return made


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of `showpars`.

    Parameters
    ----------
    name, value, description
        What the parameter is called, its current value, what it means.
    valid_range
        As `[0.0,inf)`, or empty.
    choices
        Allowed values and their meanings, or empty.
    """

    name: str
    value: Any
    description: str
    valid_range: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def settings(parameters: Parameters) -> list[Setting]:
    """List the parameters of a primitive with their current values, in order of declaration."""
    return [
        Setting(name, getattr(parameters, name), field.description or "", _range(field), _choices(field))
        for name, field in type(parameters).model_fields.items()
    ]


def _range(field: FieldInfo) -> str:
    low, high = "(-inf", "inf)"
    for bound in field.metadata:
        match bound:
            case Ge():
                low = f"[{bound.ge}"
            case Gt():
                low = f"({bound.gt}"
            case Lt():
                high = f"{bound.lt})"
            case Le():
                high = f"{bound.le}]"
    return "" if (low, high) == ("(-inf", "inf)") else f"{low},{high}"


def _choices(field: FieldInfo) -> tuple[tuple[str, str], ...]:
    extra = field.json_schema_extra
    meanings = extra.get("choices", {}) if isinstance(extra, dict) else {}
    literal = next((a for a in _members(field.annotation) if get_origin(a) is Literal), None)
    if literal is None:
        return ()
    assert isinstance(meanings, dict)
    return tuple((str(value), str(meanings.get(str(value), ""))) for value in get_args(literal))


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(get_args(annotation))
    return (annotation,)


def make(model: type[P], values: Mapping[str, Any], primitive: str) -> P:
    """Validate `values`, which may be text as typed by a user.

    Raises
    ------
    BadValue
        If a value has the wrong type, is out of range, or is not one of the choices.
    """
    ready = {name: _from_text(value, model.model_fields[name]) for name, value in values.items()}
    try:
        return model(**ready)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0]) if problem["loc"] else "?"
        raise BadValue(
            f"{primitive}:{name}={values.get(name)!s} is not valid: {problem['msg'][:1].lower()}{problem['msg'][1:]}; "
            f"see 'nightcrew showpars FILE {primitive}'"
        ) from error


def _from_text(value: Any, field: FieldInfo) -> Any:
    """Turn text into a value as the reference does (commands, 10.1): literals, lists at commas, bool strictly."""
    if not isinstance(value, str):
        return value
    members = _members(field.annotation)
    if value in LITERALS and (value != "None" or type(None) in members):
        return LITERALS[value]
    if any(get_origin(member) is list for member in members):
        return [item.strip() for item in value.split(",") if item.strip()]
    if bool in members:
        return _NotABool(value)
    return value


class _NotABool:
    """Text where only True or False will do: fails validation and shows what was typed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text
