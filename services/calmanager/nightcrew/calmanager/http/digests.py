"""Digests that a sender announces in headers."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightcrew.calmanager.http.refusing import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEX = {"md5": re.compile(r"[0-9a-f]{32}"), "sha256": re.compile(r"[0-9a-f]{64}")}
_FIELD = re.compile(r"([a-z0-9*_.-]+)=:([A-Za-z0-9+/=]*):")


@dataclass(frozen=True, slots=True)
class Announced:
    """What a sender says of a file: MD5 and SHA-256, hexadecimal, or None."""

    md5: str | None = None
    sha256: str | None = None


def announced(headers: Mapping[str, str]) -> Announced:
    """Read `X-Content-MD5`, `X-Content-SHA256` (hexadecimal) and `Content-Digest` (RFC 9530; `sha-256`, `md5`).

    Raises
    ------
    Refusal
        400 if one of them is no such digest, or two contradict each other.
    """
    found: dict[str, str] = {}
    for name, kind in (("X-Content-MD5", "md5"), ("X-Content-SHA256", "sha256")):
        value = headers.get(name.lower())
        if value is not None:
            _note(found, kind, value.strip().lower(), name)
    for field in filter(None, (part.strip() for part in headers.get("content-digest", "").split(","))):
        match = _FIELD.fullmatch(field)
        if match is None:
            raise Refusal(400, "request", "Content-Digest: write sha-256=:BASE64: as RFC 9530 has it")
        if match[1] in ("sha-256", "md5"):
            try:
                value = base64.b64decode(match[2], validate=True).hex()
            except binascii.Error:
                value = ""
            _note(found, match[1].replace("-", ""), value, "Content-Digest")
    return Announced(**found)


def _note(found: dict[str, str], kind: str, value: str, header: str) -> None:
    if not _HEX[kind].fullmatch(value):
        raise Refusal(400, "request", f"{header}: not a digest of the kind {kind}")
    if found.setdefault(kind, value) != value:
        raise Refusal(400, "request", f"{header}: contradicts another header about the {kind}")
