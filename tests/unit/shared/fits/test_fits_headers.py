"""Headers of the wild: every card is kept, none raises or warns."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import example, given
from hypothesis import strategies as st

from nightcrew.shared.fits import cards, open_frame, read_headers, write_frame
from nightcrew.shared.fits.blocks import Cards


def header(*lines: str) -> fits.Header:
    return cards.parse("".join(line.ljust(80) for line in lines).encode("latin-1"))


def test_well_formed_cards_stay_as_they_are():
    lines = [
        "SIMPLE  =                    T / conforms to FITS standard",
        "A_1-B   = 'it''s      '        / text",
        "EMPTY   =",
        "NOVALUE =                      / nothing yet",
        "REAL    =           -1.5000E-3 / Jy",
        "COMPACT = 3",
        "LONG    = 'a text that goes on, as the options of some primitives do, and &'",
        "CONTINUE  'on&'",
        "CONTINUE  '' / and a comment",
        "COMMENT = this is not a value",
        "HISTORY",
        "",
        "HIERARCH ESO DET = 'x'",
    ]
    assert [line.rstrip() for line in cards.images(header(*lines))] == lines


def test_a_keyword_without_value_is_undefined_not_missing():
    parsed = header("NOVALUE =                      / nothing yet")
    assert "NOVALUE" in parsed
    assert parsed["NOVALUE"] is None


@pytest.mark.parametrize(
    ("line", "keyword", "value"),
    [
        ("RA      = 12 34 56 / hours", "RA", "12 34 56"),
        ("AIRMASS = nan", "AIRMASS", "nan"),
        ("OBJECT  = 'M 82", "OBJECT", "'M 82"),
        ("EXPTIME = 1.5 seconds", "EXPTIME", "1.5 seconds"),
        ("GAIN    = 1.5d1", "GAIN", 15.0),
        ("lower   = 3", "LOWER", 3),
    ],
)
def test_a_value_that_cannot_be_parsed_is_text(line, keyword, value):
    parsed = header("SIMPLE  =                    T", line)
    assert parsed[keyword] == value
    assert header(*cards.images(parsed))[keyword] == value


@pytest.mark.parametrize(
    "line", ["JUNK card without a value", "CONTINUE  'of nothing'", "=", "EXTNAME 'SCI'", "H=5", "A" * 80]
)
def test_a_card_that_is_none_becomes_a_comment(line):
    parsed = header("SIMPLE  =                    T", line)
    assert "".join(parsed["COMMENT"]) == line
    assert "EXTNAME" not in parsed


def test_what_is_not_ascii_is_replaced():
    parsed = header("OBSERVER= 'Zo\xeb'", "OBJECT  = 'a\x00\x07b'")
    assert (parsed["OBSERVER"], parsed["OBJECT"]) == ("Zo?", "a  b")


CARDISH = st.one_of(
    st.binary(min_size=80, max_size=80),
    st.builds(
        lambda keyword, rest: (keyword.ljust(8)[:8] + rest).ljust(80)[:80].encode("latin-1"),
        st.sampled_from(["FOO", "CONTINUE", "COMMENT", "HIERARCH", "DP1", "", "B.C", "x"]),
        st.one_of(
            st.sampled_from(
                [
                    "= 'abc&'",
                    "  'abc&'",
                    "= 'AXIS.1: 2'",
                    " A B = 3",
                    "= 1 / x",
                    "= (1,2",
                    "= 'a''' b",
                    "= '" + "''" * 40,
                ]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=72),
        ),
    ),
)


@given(st.lists(CARDISH, max_size=6))
@example([b"0[)2=".ljust(80, b"'"), b"CONTINUE  'x'".ljust(80)])
def test_no_header_raises_or_warns_when_it_is_read_used_copied_or_written(lines):
    parsed = cards.parse(b"SIMPLE  =                    T".ljust(80) + b"".join(lines))
    for one in (parsed, parsed.copy()):
        for card in one.cards:
            _ = card.keyword, card.value, card.comment
        repr(one)
        images = cards.images(one)
        assert all(len(image) == 80 for image in images)
        again = cards.parse("".join(images).encode())
        assert [repr(card.value) for card in again.cards if card.keyword == "SIMPLE"] == ["True"] * again.count(
            "SIMPLE"
        )
    lookup = Cards(b"".join(lines))
    for keyword in ("FOO", "CONTINUE", "COMMENT", "DP1", ""):
        lookup.get(keyword)


def test_a_comment_too_long_for_its_card_is_cut_without_ado():
    long = fits.Header([("KEY", 1.5)])
    long["KEY"] = (1.5, "x" * 100)
    assert [len(image) for image in cards.images(long)] == [80]


def test_cards_survive_a_frame_that_is_read_and_written(tmp_path: Path, raw):
    content = raw.read_bytes()
    for number, line in enumerate(
        ["RA      = 12 34 56 / h", "JUNK with no value", "BLANKED =                      / no value"]
    ):
        assert number < 3
        content = content.replace(b"END".ljust(80) + b" " * 80, line.ljust(80).encode() + b"END".ljust(80), 1)
    raw.write_bytes(content)
    written = tmp_path / "written.fits"
    write_frame(open_frame(raw), written)
    first, second = read_headers(raw)[0], read_headers(written)[0]
    layout = {"EXTEND", "NEXTEND", "ORIGNAME"}
    kept = [str(card) for card in first.cards if card.keyword not in layout]
    assert [str(card) for card in second.cards if card.keyword not in {*layout, "CHECKSUM", "DATASUM"}] == kept
    with fits.open(written) as hdus:
        hdus.verify("exception")
