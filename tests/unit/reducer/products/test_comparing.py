"""How two products differ, in words."""

from __future__ import annotations

import numpy as np
import pytest

from nightcrew.reducer.products.comparing import differences
from nightcrew.shared.frames import HistoryRow, Plane, ProvenanceRow, Table
from support.runs import niri_frame


def product(when="2020-01-01T00:00:00.000000"):
    frame = niri_frame(data=np.arange(12, dtype=np.float32).reshape(3, 4))
    plane = frame.planes[0]
    plane.variance = np.full((3, 4), np.nan, np.float32)
    plane.dq = np.zeros((3, 4), np.uint16)
    plane.objcat = Table(np.array([(1, 2.5, "a")], [("NUMBER", "i4"), ("X", "f8"), ("NAME", "U3")]), {"X": "pix"})
    frame.phu["PREPARE"] = (when, "UT time stamp for prepare")
    frame.phu["GEM-TLM"] = (when, "UT last modification with GEMINI")
    frame.phu["COMMENT"] = "one"
    frame.phu["CHECKSUM"] = when
    frame.provenance = [ProvenanceRow(when, "N1.fits", "0" * 32, "prepare")]
    frame.history = [HistoryRow("addDQ", f'{{"user_bpm": "/{when}/bpm.fits", "time": 1.0}}', when, when)]
    return frame


def test_products_made_at_other_times_in_other_places_are_the_same() -> None:
    assert not list(differences(product(), product("2031-02-03T04:05:06.789000")))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda f: f.phu.set("EXPTIME", 5.0), "primary header: EXPTIME is"),
        (lambda f: f.phu.set("NEWKEY", 1), "primary header: NEWKEY is absent, now 1 / "),
        (lambda f: f.phu.remove("OBJECT"), "OBJECT is 'test field' / , now absent"),
        (lambda f: f.phu.set("COMMENT", "two"), "COMMENT is"),
        (lambda f: f.planes[0].header.set("GAIN", 2.0), "header of extension 1: GAIN"),
        (lambda f: f.planes.append(f.planes[0]), "1 science extensions, now 2"),
        (lambda f: setattr(f.planes[0], "dq", None), "extension 1: dq is missing now"),
        (lambda f: setattr(f.planes[0], "objmask", f.planes[0].dq), "extension 1: objmask was not there before"),
        (
            lambda f: setattr(f.planes[0], "dq", np.eye(3, 4, dtype=np.uint16)),
            "dq: 3 of 12 pixels differ, by at most 1",
        ),
        (lambda f: setattr(f.planes[0], "data", np.zeros((2, 4), np.float32)), "data is 4 x 3 float32, now 4 x 2"),
        (lambda f: setattr(f.planes[0], "data", f.planes[0].data * -0.0), "data: 12 of 12 pixels differ"),
        (lambda f: setattr(f.planes[0], "variance", np.zeros((3, 4), np.float32)), "variance: 12 of 12 pixels differ"),
        (lambda f: setattr(f.planes[0], "objcat", None), "OBJCAT is missing now"),
        (lambda f: f.tables.update(SKYTABLE=f.planes[0].objcat), "table SKYTABLE was not there before"),
        (lambda f: f.provenance.clear(), "PROVENANCE: 1 rows, now 0"),
        (
            lambda f: f.history.__setitem__(0, HistoryRow("addVAR", "{}", "", "")),
            "HISTORY: row 1 is addDQ; user_bpm=bpm",
        ),
        (
            lambda f: f.history.__setitem__(0, HistoryRow("addDQ", '{"user_bpm": "bpm.fits", "time": 2.0}', "", "")),
            "HISTORY: row 1 (addDQ) is time=1.0, now time=2.0",
        ),
    ],
)
def test_each_difference_is_told_in_one_line(change, line) -> None:
    ours = product()
    change(ours)
    told = list(differences(ours, product()))
    assert len(told) == 1
    assert line in told[0]
    assert "\n" not in told[0]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (Table(np.array([(1, 2.5, "a")], [("N", "i4"), ("X", "f8"), ("NAME", "U3")]), {"X": "pix"}), "columns"),
        (Table(np.zeros(2, [("NUMBER", "i4"), ("X", "f8"), ("NAME", "U3")]), {"X": "pix"}), "1 rows, now 2"),
        (Table(np.array([(1, 2.5, "a")], [("NUMBER", "i4"), ("X", "f8"), ("NAME", "U3")]), {}), "units"),
        (
            Table(np.array([(1, 2.6, "a")], [("NUMBER", "i4"), ("X", "f8"), ("NAME", "U3")]), {"X": "pix"}),
            "X differs in 1 of 1 rows",
        ),
    ],
)
def test_tables_are_compared_by_cell(table, line) -> None:
    ours = product()
    ours.planes[0].objcat = table
    (told,) = differences(ours, product())
    assert line in told


def test_text_is_the_same_whatever_the_width_of_its_column() -> None:
    ours = product()
    cells = np.array([(1, 2.5, "a")], [("NUMBER", "i4"), ("X", "f8"), ("NAME", "U30")])
    ours.planes[0].objcat = Table(cells, {"X": "pix"})
    assert not list(differences(ours, product()))


def test_arguments_that_are_no_json_objects_are_compared_as_they_are() -> None:
    ours, theirs = product(), product()
    ours.history = [HistoryRow("a", "{", "", ""), HistoryRow("b", "[1]", "", "")]
    theirs.history = [HistoryRow("a", "{", "", ""), HistoryRow("b", "[1]", "", "")]
    assert not list(differences(ours, theirs))


def test_an_image_without_flags_is_the_same_as_itself() -> None:
    frame = niri_frame()
    frame.planes = [Plane(frame.planes[0].header, frame.planes[0].data)]
    assert not list(differences(frame, frame.copy()))
