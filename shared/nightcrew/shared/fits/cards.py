"""Headers between bytes and astropy: nothing in a header of the wild may raise, warn or get lost."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from nightcrew.shared.fits.blocks import CARD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from astropy.io.fits import Header

_PRINTABLE = bytes(byte if 32 <= byte < 127 else ord(" " if byte < 128 else "?") for byte in range(256))
"""FITS headers are printable ASCII: control characters become blanks, what is beyond ASCII a question mark."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[ED][+-]?\d+)?"
_WELL_FORMED = re.compile(
    rf"[A-Z0-9_-]{{1,8}} *(?<=.{{8}})= (?: *(?:'(?:[^']|'')*'|{_NUMBER}|[TF]))? *(?:/|$)"
    r"|(?:COMMENT |HISTORY |CONTINUE| {8})"
)
"""Cards whose value astropy can read without being asked to repair it."""


def parse(raw: bytes) -> Header:
    """Make a header of the cards before END.

    A value that cannot be parsed becomes text, so that asking for it never raises;
    everything else stays as it was.
    """
    from astropy.io.fits import Header  # noqa: PLC0415  a quarter of a second that only headers are worth

    text = raw.translate(_PRINTABLE).decode("ascii")
    if all(_WELL_FORMED.match(text, start, start + CARD) for start in range(0, len(text), CARD)):
        return Header.fromstring(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = Header.fromstring(text)
        _repair(header)
    return header


def _repair(header: Header) -> None:
    from astropy.io.fits import VerifyError  # noqa: PLC0415

    for card in header.cards:
        try:
            card.verify("silentfix+ignore")
            _ = card.value, card.comment, str(card)
        except (VerifyError, ValueError):
            # Not even repairable: a CONTINUE that continues no text, for one.
            text = str(card.rawvalue)
            print(text)


def images(header: Header) -> list[str]:
    """Return the cards of a header as text, 80 characters each, in the form the standard asks for."""
    lines = []
    for card in header.cards:
        card.verify("silentfix+ignore")
        image = str(card)
        lines += [image[start : start + CARD].ljust(CARD) for start in range(0, len(image), CARD)]
    return lines


def card(keyword: str, value: Any, comment: str = "") -> str:
    """Return one card as text."""
    from astropy.io.fits import Card  # noqa: PLC0415

    return str(Card(keyword, value, comment))


def without(lines: Iterable[str], keywords: frozenset[str]) -> list[str]:
    """Return the cards whose keyword is not among `keywords`."""
    return [line for line in lines if line[:8].rstrip() not in keywords]
