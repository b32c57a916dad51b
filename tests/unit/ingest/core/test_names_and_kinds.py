"""Names in the archive, names from outside, and what a frame is a frame of."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nightcrew.ingest.core.kinds import KINDS, kind_of
from nightcrew.ingest.core.naming import UnsafeName, place, printable, safe_name, versioned
from nightcrew.shared.frame_facts import FrameFacts
from nightcrew.shared.messages.envelope import Word

NIGHT = date(2016, 1, 1)


def facts(*tags: str, **values: object) -> FrameFacts:
    return FrameFacts("N1.fits", "NIRI", frozenset(tags), values, None)  # type: ignore[arg-type]


def test_a_frame_belongs_below_its_instrument_and_night():
    assert place("GMOS-N", NIGHT, "N1.fits") == PurePosixPath("GMOS-N/2016-01-01/N1.fits")


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("N1.fits", "N1.v2.fits"),
        ("N1.fits.bz2", "N1.v2.fits.bz2"),
        ("N1.FITS.GZ", "N1.v2.FITS.GZ"),
        ("N1.fit", "N1.v2.fit"),
        ("odd", "odd.v2"),
    ],
)
def test_a_further_file_of_the_same_name_bears_its_version_before_the_ending(name, second):
    assert (versioned(name, 1), versioned(name, 2)) == (name, second)


@pytest.mark.parametrize("name", ["N20160102S0001.fits", "a b.fits.bz2", "N1_dark.fits.fz", "x=1@home.fit"])
def test_names_that_observatories_give_are_safe(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "N1", "../N1.fits", "a/b.fits", "/etc/N1.fits", ".N1.fits", "N1.fits\n", "N\0.fits", "-rf.fits", "ü.fits",
     "N1.fits.exe", "a" * 251 + ".fits", "..fits", "N1.fits/"],
)  # fmt: skip
def test_other_names_are_refused_in_one_line(name):
    with pytest.raises(UnsafeName) as refused:
        safe_name(name)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


@given(st.text())
def test_no_name_from_outside_leads_out_of_a_directory(name):
    try:
        kept = safe_name(name)
    except UnsafeName:
        return
    assert Path(kept).name == kept
    assert kept not in {"", ".", ".."}
    assert not kept.startswith((".", "-"))


@given(st.binary(min_size=1, max_size=50))
def test_every_path_can_be_written_into_the_ledger(raw):
    text = printable(os.fsdecode(raw))
    text.encode()
    assert printable("/raw/é.fits") == "/raw/é.fits"


@pytest.mark.parametrize(
    ("tags", "values", "kind"),
    [
        ({"DARK", "CAL", "RAW"}, {}, "dark"),
        ({"FLAT", "DARK"}, {}, "dark"),
        ({"FLAT", "LAMPON"}, {}, "flat"),
        ({"ARC"}, {}, "arc"),
        ({"BIAS"}, {}, "bias"),
        ({"PROCESSED", "DARK"}, {}, "processed"),
        ({"IMAGE"}, {"observation_type": "OBJECT", "observation_class": "science"}, "science"),
        ({"IMAGE"}, {"observation_type": "OBJECT", "observation_class": None}, "science"),
        ({"IMAGE"}, {"observation_type": "OBJECT", "observation_class": "partnerCal"}, "standard"),
        ({"IMAGE"}, {"observation_type": "OBJECT", "observation_class": "acq"}, "acquisition"),
        ({"IMAGE"}, {"observation_type": "MASK"}, "other"),
        (set(), {}, "other"),
    ],
)
def test_the_kind_of_a_frame_is_one_word_of_few(tags, values, kind):
    assert kind_of(facts(*tags, **values)) == kind
    assert kind in KINDS


def test_kinds_may_stand_in_messages_and_labels():
    assert len(KINDS) <= 10
    for kind in KINDS:
        TypeAdapter(Word).validate_python(kind)
