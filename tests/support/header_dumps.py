"""Text dumps of FITS headers: 80-character cards, HDU after HDU."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from astropy.io.fits import Header

if TYPE_CHECKING:
    from pathlib import Path

_BETWEEN = re.compile(r"(--- (PHU|HDU \d+) ---|# HDU \d+ in .*:|END)\s*")
_APPENDIX = re.compile(r"-{3,} .* -{3,}\s*")


def read_dump(path: Path) -> list[Header]:
    """Return the header of each HDU; text around the cards is left out."""
    hdus: list[list[str]] = []
    inside, expected = False, True
    for line in path.read_text(encoding="latin-1").splitlines():
        if _BETWEEN.fullmatch(line):
            inside, expected = False, True
        elif _APPENDIX.fullmatch(line):
            inside, expected = False, False
        elif line.startswith("XTENSION=") or (expected and line.startswith("SIMPLE  =")):
            if inside or expected:
                hdus.append([line])
                inside, expected = True, False
        elif inside:
            hdus[-1].append(line)
    return [_header(cards) for cards in hdus]


def _header(cards: list[str]) -> Header:
    while not cards[-1].strip():
        cards.pop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Header.fromstring("".join(card.ljust(80)[:80] for card in cards))
