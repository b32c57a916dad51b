"""Headers between bytes and astropy: nothing in a header of the wild may raise, warn or get lost."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from nightcrew.shared.fits.blocks import CARD, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io.fits import Header

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[ED][+-]?\d+)?"
_WELL_FORMED = re.compile(
    rf"(?!CONTINUE)[A-Z0-9_-]{{1,8}} *(?<=^.{{8}})= (?: *(?:'(?:[^']|'')*'|{_NUMBER}|[TF]))? *(?:/|$)"
    r"|(?:COMMENT |HISTORY | {8})"
)
"""Cards whose value astropy can read without being asked to repair it."""
_TO_BE_CONTINUED = re.compile(r"(?:.{8}= |CONTINUE) *'(?:[^']|'')*&' *(?:/|$)")
_CONTINUATION = re.compile(r"CONTINUE  *'(?:[^']|'')*' *(?:/|$)")


def parse(raw: bytes) -> Header:
    """Make a header of the cards before END.

    A value that cannot be parsed becomes text, and a card that astropy could not read at
    all becomes a comment, so that asking for a value never raises.
    """
    from astropy.io.fits import Header  # noqa: PLC0415  a quarter of a second that only headers are worth

    text = printable(raw)
    lines = [text[start : start + CARD] for start in range(0, len(text), CARD)]
    if all(map(_WELL_FORMED.match, lines)):
        return Header.fromstring(text)
    sound = _soundness(lines)
    if all(sound):
        return Header.fromstring(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = Header.fromstring("".join(_repaired(lines, sound)))
        for card in header.cards:
            card.verify("silentfix+ignore")
    return header


def _soundness(lines: list[str]) -> list[bool]:
    """Tell of each card whether it is well formed, or continues the text of one that is."""
    sound: list[bool] = []
    for line in lines:
        open_ended = bool(sound) and sound[-1] and _TO_BE_CONTINUED.match(lines[len(sound) - 1])
        sound.append(bool(_WELL_FORMED.match(line) or (open_ended and _CONTINUATION.match(line))))
    return sound


def _has_value(line: str) -> bool:
    """Whether astropy sees a keyword with a value: the equal sign at column 9, or earlier by mistake."""
    if line.startswith("HIERARCH "):
        return "=" in line
    return 0 < line.find("= ") <= 8 and not line.startswith("CONTINUE")


def _repaired(lines: list[str], sound: list[bool]) -> Iterator[str]:
    for line, is_sound in zip(lines, sound, strict=True):
        if is_sound:
            yield line
            continue
        repaired = _with_value(line) if _has_value(line) else []
        yield from repaired or (f"COMMENT {part}".ljust(CARD) for part in (line[:72], line[72:]) if part.strip())


def _with_value(line: str) -> list[str]:
    """Return the card as astropy repairs it, or nothing if that does not help."""
    from astropy.io.fits import Card, VerifyError  # noqa: PLC0415

    card = Card.fromstring(line)
    try:
        card.verify("silentfix+ignore")
        _ = card.value, card.comment
        repaired = _lines(str(card))
    except (VerifyError, ValueError):
        return []
    return repaired if len(repaired) == 1 or all(_soundness(repaired)) else []


def images(header: Header) -> list[str]:
    """Return the cards of a header as text, 80 characters each, in the form the standard asks for."""
    with warnings.catch_warnings():
        # A comment that does not fit is cut: nobody can do anything about that when a file is written.
        warnings.simplefilter("ignore")
        lines: list[str] = []
        for card in header.cards:
            card.verify("silentfix+ignore")
            lines += _lines(str(card))
    return lines


def image(keyword: str, value: Any, comment: str = "") -> str:
    """Return one card as text."""
    from astropy.io.fits import Card  # noqa: PLC0415

    return str(Card(keyword, printable(value.encode()) if isinstance(value, str) else value, comment))


def comment_of(line: str) -> str:
    """Return the comment of one card."""
    from astropy.io.fits import Card  # noqa: PLC0415

    return str(Card.fromstring(line).comment)


def _lines(text: str) -> list[str]:
    return [text[start : start + CARD].ljust(CARD) for start in range(0, len(text), CARD)]
