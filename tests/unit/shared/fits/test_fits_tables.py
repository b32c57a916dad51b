"""Binary tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nightcrew.shared.errors import FrameError
from nightcrew.shared.fits import open_frame, verify, write_frame
from nightcrew.shared.frames import Frame, HistoryRow, ProvenanceRow, Table

PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tables") / "frame.fits"


def written(path: Path, table: Table) -> Table:
    write_frame(Frame(fits.Header(), [], "N1.fits", tables={"CAT": table}), path)
    assert verify(path).ok
    return open_frame(path).tables["CAT"]


@st.composite
def tables(draw) -> Table:
    height = draw(st.integers(0, 4))
    types = ["f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", "c8", "c16", "U"]
    columns = {}
    for number in range(draw(st.integers(1, 5))):
        dtype = draw(st.sampled_from(types))
        shape = (height, *draw(st.sampled_from([(), (3,), (2, 3)])))
        elements = PRINTABLE if dtype == "U" else None
        columns[f"C{number}"] = draw(hnp.arrays("U12" if dtype == "U" else dtype, shape, elements=elements))
    rows = np.empty(height, [(name, column.dtype, column.shape[1:]) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return Table(rows, {"C0": "pixel"})


@given(tables())
@settings(max_examples=60)
def test_tables_come_back_as_they_were_and_astropy_agrees(scene, table):
    read = written(scene, table)
    assert read.units == table.units
    with fits.open(scene) as hdus:
        hdus.verify("exception")
        theirs = hdus["CAT"].data
        for name in table.rows.dtype.names:
            assert read.rows[name].shape == table.rows[name].shape
            np.testing.assert_array_equal(read.rows[name], table.rows[name])
            if len(table.rows):
                np.testing.assert_array_equal(
                    np.asarray(theirs[name]).reshape(table.rows[name].shape), table.rows[name]
                )


def test_scaled_columns_are_scaled_and_names_used_twice_are_told_apart(scene):
    columns = [
        fits.Column("A", "I", array=[2, 5]),
        fits.Column("BITS", "11X", array=np.ones((2, 11), bool)),
        fits.Column("E", "1A", array=np.array(["", ""])),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="CAT")]).writeto(scene, overwrite=True)
    content = scene.read_bytes()
    at = content.index(b"TTYPE2  =")
    content = content[:at] + b"TTYPE2  = 'A'".ljust(80) + content[at + 80 :]
    scale = b"TSCAL1  =  0.5".ljust(80) + b"TZERO1  =  10".ljust(80) + b"END".ljust(80)
    scene.write_bytes(scale.join(content.rsplit(b"END".ljust(80) + b" " * 160, 1)))
    rows = open_frame(scene).tables["CAT"].rows
    assert rows["A"].tolist() == [11.0, 12.5]
    assert rows["A_2"].shape == (2, 2)
    assert rows["E"].tolist() == ["", ""]


def test_a_table_without_columns_is_a_table(scene):
    assert written(scene, Table(np.empty(0, []))).rows.dtype.names in (None, ())


@pytest.mark.parametrize(
    ("card", "replacement", "rule"),
    [
        ("TFORM1  =", "TFORM1  = '1PE(9)'", "not of fixed width"),
        ("TFORM1  =", "TFORM1  = 'nonsense'", "not of fixed width"),
        ("TFORM1  =", "TFORM1  = '99999999J'", "fill"),
        ("TFIELDS =", "TFIELDS =   9999999999", "TFIELDS"),
        ("TFIELDS =", "TFIELDS = 'two'", "TFIELDS"),
        ("NAXIS1  =", "NAXIS1  =  3", "fill"),
        ("NAXIS   =                    2", "NAXIS   =                    1", "NAXIS = 1"),
        ("GCOUNT  =", "GCOUNT  =  0", "leave no room"),
    ],
)
def test_a_table_that_contradicts_itself_is_an_error(scene, card, replacement, rule):
    written(scene, Table(np.zeros(700, [("A", "i4")])))
    content = scene.read_bytes()
    at = content.index(card.encode(), content.index(b"XTENSION"))
    scene.write_bytes(content[:at] + replacement.ljust(80).encode() + content[at + 80 :])
    with pytest.raises(FrameError, match=rule):
        open_frame(scene)


def test_types_that_tables_do_not_have_are_an_error(scene):
    with pytest.raises(FrameError, match="column A has type float16"):
        written(scene, Table(np.zeros(1, [("A", "f2")])))


def test_units_and_names_of_the_world_are_made_ascii(scene):
    read = written(scene, Table(np.array([("é",)], [("A", "U3")]), {"A": "µm"}))
    assert read.rows["A"].tolist() == ["?"]
    assert read.units["A"].endswith("m")


def test_nothing_of_the_story_is_cut(scene):
    provenance = [ProvenanceRow("t", "n" * 200 + ".fits", "", "prepare")]
    history = [HistoryRow("p" * 130, '{"a": "' + "x" * 500 + '"}', "t", "")]
    write_frame(Frame(fits.Header(), [], "N1.fits", provenance=provenance, history=history), scene)
    read = open_frame(scene)
    assert (read.provenance, read.history) == (provenance, history)
    assert fits.getheader(scene, "HISTORY")["TFORM2"] == f"{len(history[0].arguments) + 1}A"
