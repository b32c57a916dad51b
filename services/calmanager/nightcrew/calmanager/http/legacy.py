"""The archive's older form of a request, text of Python literals, and its answers as XML or JSON (calibrations, 9).

Nothing here is evaluated: the text is parsed, and only the shapes that a reduction sends are turned into values.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus
from xml.sax.saxutils import escape

from nightcrew.shared.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAMESPACE = "http://www.gemini.edu/xml/gsaCalibrations/v1.0"
_MOMENTS: dict[str, Callable[..., date | time]] = {"datetime": datetime, "date": date, "time": time}
_MOST_NAMES = 1000
"""Descriptors and tags of one request; a reduction sends 82 and about 10."""


class BadRequest(CalibrationError):
    """A request whose text cannot be understood; the message is what the archive answers."""

    code = "request"


@dataclass(frozen=True, slots=True)
class ArchiveRequest:
    """What a reduction tells of the frame that needs a calibration: tags, and descriptors as JSON would hold them."""

    tags: tuple[str, ...]
    descriptors: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """One calibration of an answer; `url` is None if its file cannot be had."""

    label: str | None
    name: str
    md5: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Association:
    """The calibrations of one type; `offers` is None if the question could not be answered."""

    caltype: str
    offers: tuple[Offer, ...] | None


@dataclass(frozen=True, slots=True)
class Dataset:
    """The answer for one target.

    Parameters
    ----------
    label
        Data label of the target.
    associations
        One for each type that was asked for.
    filename, md5
        Of the target, only if it was looked up here; a reduction's request describes it instead.
    """

    label: str | None
    associations: tuple[Association, ...]
    filename: str | None = None
    md5: str | None = None


def read_request(body: bytes) -> ArchiveRequest:
    """Read either form of a request: a JSON object, or `descriptors=...&types=...`.

    Raises
    ------
    BadRequest
        With the archive's words for what is wrong.
    """
    if not body:
        raise BadRequest("Missing POST data")
    text = body.lstrip()
    return _read_form(body) if text.startswith(b"descriptors=") else _read_json(text)


def _read_json(body: bytes) -> ArchiveRequest:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("Unable to parse JSON POST data.") from error
    if not isinstance(document, dict):
        raise BadRequest("JSON POST data is not an object.")
    for key, kind in (("tags", list), ("descriptors", dict)):
        if key not in document:
            raise BadRequest(f"Missing field in request: {key!r}")
        if not isinstance(document[key], kind):
            raise BadRequest(f"{key} is not {'a list' if kind is list else 'an object'}.")
    return _request(document["tags"], document["descriptors"])


def _read_form(body: bytes) -> ArchiveRequest:
    try:
        text = unquote_plus(body.decode("ascii"), errors="strict")
    except ValueError as error:
        raise BadRequest("Unable to decode POST data.") from error
    descriptors, found, types = text.strip().removeprefix("descriptors=").rpartition("&types=")
    if not found:
        raise BadRequest("Missing field in request: 'types'")
    values = literal(descriptors, "descriptors")
    tags = literal(types, "types")
    if not isinstance(values, dict):
        raise BadRequest("descriptors is not a dictionary.")
    if not isinstance(tags, (list, tuple, set)):
        raise BadRequest("types is not a list.")
    return _request(sorted(tags, key=str), values)


def _request(tags: list[Any], descriptors: dict[Any, Any]) -> ArchiveRequest:
    if len(tags) > _MOST_NAMES or len(descriptors) > _MOST_NAMES:
        raise BadRequest(f"More than {_MOST_NAMES} tags or descriptors.")
    if not all(isinstance(name, str) for name in (*tags, *descriptors)):
        raise BadRequest("Tags and names of descriptors are text.")
    return ArchiveRequest(tuple(tags), descriptors)


def literal(text: str, what: str) -> Any:
    """Return the value of a Python literal.

    Parameters
    ----------
    text
        Numbers, text, None, True, False; lists, tuples, sets and dictionaries of them; `datetime.datetime(...)`,
        `date` and `time` of whole numbers become ISO 8601 text; `Section(x1=, x2=, y1=, y2=)` becomes the list of
        its numbers; `NonLinCoeffs(...)` becomes the empty text.
    what
        Name of the text, for messages.

    Raises
    ------
    BadRequest
        For everything else, `nan` and `np.float64(...)` among it.
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise BadRequest(f"Unable to parse {what}: not a literal of numbers, text, lists and dictionaries.") from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if value is None or isinstance(value, (bool, int, float, str)):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part) for part in parts]
        case ast.Set(elts=parts):
            return {_value(part) for part in parts}
        case ast.Dict(keys=keys, values=values):
            return {_value(_known(key)): _value(value) for key, value in zip(keys, values, strict=True)}
        case ast.Call(func=ast.Name(id="set"), args=[], keywords=[]):
            return set()
        case ast.Call(func=ast.Name(id="NonLinCoeffs")):
            return ""
        case ast.Call(func=ast.Name(id="Section"), args=args, keywords=keywords):
            return [_whole(part) for part in (*args, *(keyword.value for keyword in keywords))]
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="datetime"), attr=("datetime" | "date" | "time") as kind),
            args=args,
            keywords=[],
        ):
            return _MOMENTS[kind](*[_whole(part) for part in args]).isoformat()
    raise ValueError(f"{type(node).__name__} is not a literal")


def _known(node: ast.expr | None) -> ast.expr:
    if node is None:
        raise ValueError("** is not a literal")
    return node


def _whole(node: ast.expr) -> int:
    value = _value(node)
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def json_answer(datasets: tuple[Dataset, ...]) -> bytes:
    """Return the answer of `/jsoncalmgr`, indented by 4 as the archive prints it."""
    document = [
        {
            "label": dataset.label,
            "filename": dataset.filename,
            "md5": dataset.md5,
            "cal_info": [_json_of(association) for association in dataset.associations],
        }
        for dataset in datasets
    ]
    return json.dumps(document, indent=4).encode()


def _json_of(association: Association) -> dict[str, Any]:
    offers = association.offers
    return {
        "error": offers is None,
        "type": association.caltype,
        "cals": None
        if offers is None
        else [{"label": one.label, "name": one.name, "md5": one.md5, "url": one.url} for one in offers],
    }


def xml_answer(datasets: tuple[Dataset, ...]) -> bytes:
    """Return the answer of `/calmgr`; an `<md5>` never comes without its `<url>`."""
    lines = ['<?xml version="1.0" encoding="UTF-8" ?>', f'<calibration_associations xmlns="{NAMESPACE}">']
    for dataset in datasets:
        lines.append(" <dataset>")
        lines += _elements(2, datalabel=dataset.label, filename=dataset.filename)
        if dataset.filename:
            lines += _elements(2, md5=dataset.md5)
        for association in dataset.associations:
            lines += _xml_of(association)
        lines.append(" </dataset>")
    lines.append("</calibration_associations>")
    return "\n".join(lines).encode() + b"\n"


def _xml_of(association: Association) -> list[str]:
    caltype = association.caltype
    if not association.offers:
        why = "NO CALIBRATION FOUND for" if association.offers is not None else "ERROR while looking for"
        return [f"  <!-- {why} caltype {caltype.replace('--', '- -')} -->"]
    lines = []
    for offer in association.offers:
        lines.append("  <calibration>")
        lines += _elements(4, caltype=caltype, datalabel=offer.label, filename=offer.name)
        if offer.url is not None:
            lines += _elements(4, md5=offer.md5, url=offer.url)
        lines.append("  </calibration>")
    return lines


def _elements(indent: int, **values: str | None) -> list[str]:
    return [f"{' ' * indent}<{name}>{escape(value)}</{name}>" for name, value in values.items() if value is not None]
