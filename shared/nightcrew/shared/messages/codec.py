"""Messages to bytes and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from nightcrew.shared.errors import NightcrewError
from nightcrew.shared.messages.envelope import Message
from nightcrew.shared.messages.kinds import KINDS, AnyMessage

LIMIT = 16 * 1024
"""The longest message in bytes: more than any of our kinds needs, less than a broker minds."""
VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})", re.ASCII)


class MessageTooLarge(NightcrewError):
    """A message that carries more than identifiers and small facts."""

    code = "message"


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that are no message of ours; `reason` says why in one line.

    Parameters
    ----------
    reason
        The rule that is broken, and where.
    type, version
        What the bytes say they are, as far as that could be read.
    """

    reason: str
    type: str = ""
    version: str = ""


def encode(message: Message) -> bytes:
    """Return a message as UTF-8 JSON.

    Raises
    ------
    MessageTooLarge
        Above `LIMIT` bytes.
    """
    body = message.model_dump_json().encode()
    if len(body) > LIMIT:
        raise MessageTooLarge(
            f"{message.type} {message.message_id}: {len(body)} bytes, at most {LIMIT}; "
            "put it into the database and send its identifier"
        )
    return body


def decode(body: bytes) -> AnyMessage | Undecodable:
    """Return the message that the bytes hold, or why they hold none.

    A newer minor version is read as ours: fields that we do not know are left out.
    """
    if len(body) > LIMIT:
        return Undecodable(f"{len(body)} bytes, at most {LIMIT}")
    try:
        data = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        return Undecodable(f"no JSON: {error}")
    if not isinstance(data, dict):
        return Undecodable("no JSON object")
    type_, version = _text(data.get("type")), _text(data.get("version"))
    kind = KINDS.get(type_)
    if kind is None:
        return Undecodable(f"unknown type {type_!r}", type_, version)
    ours = kind.model_fields["version"].default
    if (newer := _is_newer(version, ours)) is None:
        return Undecodable(f"version {version!r} of {type_}; this release reads {ours}", type_, version)
    if missing := sorted(Message.model_fields.keys() - data.keys()):
        # Here the defaults would hide the fault: a made-up message_id makes a repeat look new.
        return Undecodable(f"{missing[0]}: missing", type_, version)
    known = {**data, "version": ours}
    if newer:
        known = {name: value for name, value in known.items() if name in kind.model_fields}
    try:
        return kind.model_validate_json(to_json(known), strict=True)
    except ValidationError as error:
        return Undecodable(_first_fault(error), type_, version)


def _text(value: Any) -> str:
    return value[:64] if isinstance(value, str) else ""


def _is_newer(version: str, ours: str) -> bool | None:
    """Tell whether a minor version is newer than ours; None for another major version, or none."""
    theirs, own = VERSION.fullmatch(version), VERSION.fullmatch(ours)
    if theirs is None or own is None or int(theirs[1]) != int(own[1]):
        return None
    return int(theirs[2]) > int(own[2])


def _first_fault(error: ValidationError) -> str:
    """Say the first fault in one line, without the value: it may be anything."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"]) or "message"
    return f"{where}: {fault['msg']}"
