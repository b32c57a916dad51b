"""File names from primitive to primitive."""

from __future__ import annotations

import pytest

from nightcrew.reducer.engine.naming import stem, with_suffix


@pytest.mark.parametrize(
    ("name", "original", "suffix", "expected"),
    [
        ("N1.fits", "N1.fits", "_dark", "N1_dark.fits"),
        ("N1_stack.fits", "N1.fits", "_dark", "N1_dark.fits"),
        ("N1_ql_dark.fits", "N1.fits", "_flat", "N1_ql_flat.fits"),
        ("xN1_stack.fits", "N1.fits", "_q", "xN1_q.fits"),
        ("N1_stack.fits", "N1.fits", "", "N1.fits"),
        ("N1_stack.fits", "N1.fits", None, "N1_stack.fits"),
        ("other_stack.fits", "N1.fits", "_dark", "other_dark.fits"),
        ("other.fits", "N1.fits", "_dark", "other_dark.fits"),
        ("N1.fits.bz2", "N1.fits", "_dark", "N1_dark.fits"),
    ],
)
def test_the_last_suffix_is_replaced(name: str, original: str, suffix: str | None, expected: str) -> None:
    assert with_suffix(name, original, suffix) == expected


def test_compression_endings_are_no_part_of_a_name() -> None:
    assert {stem(f"N1.fits{end}") for end in ("", ".bz2", ".gz", ".fz")} == {"N1"}
