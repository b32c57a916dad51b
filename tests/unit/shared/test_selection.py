"""Selecting frames by tags and expressions."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.shared.errors import FrameError, NightcrewError
from nightcrew.shared.instruments import Headers, describe
from nightcrew.shared.selection import (
    Category,
    ExpressionError,
    compile_expression,
    select,
    split_tags,
    unknown_tags,
)
from nightcrew.shared.selection.names import DESCRIPTORS


class Frame:
    def __init__(self, *tags: str, **values: Any) -> None:
        self.tags = frozenset(tags)
        self.values = values

    def value(self, name: str, /, **options: bool) -> Any:
        if name not in self.values:
            raise FrameError(f"no {name}")
        value = self.values[name]
        return value.partition("_G")[0] if options.get("pretty") and isinstance(value, str) else value


FRAME = Frame(
    "NIRI", "RAW", "IMAGE",
    exposure_time=20.001, central_wavelength=1.65e-6, coadds=2, filter_name="J_G0802", camera="f6_G1",
    object="FS 17", is_ao=False, gain=[12.3], data_section=[(0, 1024, 0, 1024)], observation_class=None,
    ut_date=date(2015, 4, 4), ut_time=time(11, 14, 20, 100000), ut_datetime=datetime(2015, 4, 4, 11, 14, 20, 100000),  # noqa: DTZ001
)  # fmt: skip


def holds(text: str, *, strict: bool = False) -> bool:
    return compile_expression(text, strict).matches(FRAME)


@pytest.mark.parametrize(
    "text",
    [
        "exposure_time == 20",
        "20==exposure_time",
        "exposure_time in [10, 20]",
        "20 in [1, exposure_time]",
        "[exposure_time, 2] == [20, coadds]",
        "not exposure_time != 20",
        "(exposure_time==20)",
        "central_wavelength == 1.650001e-6",
        "filter_name == 'J' and camera == 'f6_G1'",
        "filter_name in ('J', 'H')",
        "filter_name not in ['H']",
        "'17' in object",
        '"FLAT" not in tags and "RAW" in tags',
        "is_ao is False",
        "not is_ao",
        "observation_class is None",
        "observation_class is not 'science'",
        "pupil_mask == None",
        "1 < coadds <= 2 < exposure_time",
        "coadds > -1",
        "coadds == 2.0",
        "coadds != '2'",
        "gain == [12.3] and gain != 12.3 and 12.3 in gain",
        "gain != [12.3, 12.3]",
        "data_section == [(0, 1024, 0, 1024)]",
        "ut_date == '2015-4-4'",
        "ut_date in ['2015-04-03', '2015-04-04']",
        "ut_time > '11:14' and ut_time < '11:14:21' and ut_time == '11:14:20.1'",
        "ut_time != '11:14:20'",
        "ut_datetime >= '2015-04-04' and ut_datetime < '2015-04-04T11:14:21'",
        "'2015-01-01' <= ut_date < '2016-01-01'",
        "local_time != '11:14:20'",
        "object < 'FT'",
        "  True  ",
        "object == 'FS \\x31\\x37'",
        "True or 1",
        "coadds == 2\r\nand True",
    ],
)
def test_expressions_that_hold(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "False",
        "exposure_time == 20.3",
        "pupil_mask < 3",
        "pupil_mask > 3",
        "pupil_mask in ['MIRROR']",
        "'MIRROR' in pupil_mask",
        "pupil_mask in object",
        "local_time > '00:00:00'",
        "ut_date == 5",
        "False and 1",
        "5 in gain",
    ],
)
def test_expressions_that_do_not_hold(text: str) -> None:
    assert not holds(text)


def test_strict_means_no_tolerance_and_full_names() -> None:
    assert not holds("exposure_time == 20", strict=True)
    assert holds("exposure_time == 20.001 and filter_name == 'J_G0802'", strict=True)


@pytest.mark.parametrize(
    ("text", "category", "position"),
    [
        ("", Category.SYNTAX, 0),
        ("   ", Category.SYNTAX, 0),
        ("coadds == 1 # one", Category.SYNTAX, 12),
        ("coadds == 0x1", Category.SYNTAX, 10),
        ("coadds == 1j", Category.SYNTAX, 10),
        ("coadds == +1", Category.SYNTAX, 10),
        ("coadds == -object", Category.SYNTAX, 10),
        ("coadds == -'a'", Category.SYNTAX, 10),
        ("object == b'a'", Category.SYNTAX, 10),
        ("object == f'a'", Category.SYNTAX, 10),
        ("object == r'a'", Category.SYNTAX, 10),
        ("object == '''a'''", Category.SYNTAX, 10),
        ("object == 'a' 'b'", Category.SYNTAX, 14),
        ("object == ...", Category.SYNTAX, 10),
        ("coadds + 1 == 2", Category.SYNTAX, 0),
        ("  object.lower() == 'a'", Category.SYNTAX, 2),
        ("object[0] == 'F'", Category.SYNTAX, 0),
        ("(lambda: True)()", Category.SYNTAX, 0),
        ("(coadds == 1) == True", Category.SYNTAX, 1),
        ("coadds == 1,", Category.SYNTAX, 0),
        ("coadds == {1}", Category.SYNTAX, 10),
        ("True if coadds == 1 else False", Category.SYNTAX, 0),
        ("object == 'é' and [x for x in tags]", Category.SYNTAX, 18),
        ("coadd == 1", Category.NAME, 0),
        ("coadds == 1 and obect == 'a'", Category.NAME, 16),
        ("coadds == 1 and\n bogus == 1", Category.NAME, 17),
        ("ut_date == '2015/04/04'", Category.VALUE, 11),
        ("ut_date == '2015-02-30'", Category.VALUE, 11),
        ("ut_date in ['2015-02-03', 'x']", Category.VALUE, 26),
        ("ut_time > '25:00:00'", Category.VALUE, 10),
        ("'x' < ut_datetime", Category.VALUE, 0),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_expression_is_seen_before_any_frame(
    text: str, category: Category, position: int
) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert (caught.value.category, caught.value.position) == (category, position)
    assert caught.value.text == text


@pytest.mark.parametrize("text", ["exposure_time=20", "coadds ==", "coadds <> 2", "coadds == \0", "(", "a b", "\ud800"])
def test_what_python_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert caught.value.category == Category.SYNTAX
    assert 0 <= caught.value.position <= len(text)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("object > 3", Category.TYPE),
        ("coadds < [3]", Category.TYPE),
        ("3 in object", Category.TYPE),
        ("3 in coadds", Category.TYPE),
        ("ut_date > 5", Category.TYPE),
        ("ut_datetime > ut_date", Category.TYPE),
        ("object == ut_date", Category.VALUE),
        ("1", Category.NOT_BOOLEAN),
        ("tags", Category.NOT_BOOLEAN),
        ("gain", Category.NOT_BOOLEAN),
        ("coadds and True", Category.NOT_BOOLEAN),
        ("pupil_mask", Category.NOT_BOOLEAN),
    ],
)
def test_what_is_wrong_with_the_values_is_seen_at_the_frame(text: str, category: Category) -> None:
    expression = compile_expression(text)
    with pytest.raises(ExpressionError) as caught:
        expression.matches(FRAME)
    assert caught.value.category == category


def test_an_error_points_at_the_place_and_suggests_a_name() -> None:
    with pytest.raises(ExpressionError, match="did you mean exposure_time") as caught:
        compile_expression("coadds == 1 and exposuretime == 20")
    assert isinstance(caught.value, NightcrewError)
    assert isinstance(caught.value, ValueError)
    line, caret = caught.value.pointed().split("\n")
    assert line[caret.index("^") :].startswith("exposuretime")


def test_a_deeply_nested_expression_is_refused_not_fatal() -> None:
    with pytest.raises(ExpressionError):
        compile_expression("(" * 5000 + "True" + ")" * 5000)


def test_tags_shield_frames_from_an_expression_that_would_fail_on_them() -> None:
    dark, image = Frame("DARK", "RAW", object=3), Frame("IMAGE", "RAW", object="M8")
    expression = compile_expression("object > 'M'")
    items = [("dark", dark), ("image", image), ("image", image)]
    assert select(items, ["RAW"], ["DARK"], expression) == ["image", "image"]
    assert select(items, ["RAW"]) == ["dark", "image", "image"]
    with pytest.raises(ExpressionError):
        select(items, expression=expression)


def test_no_expression_selects_everything() -> None:
    assert compile_expression(None).matches(FRAME)


def test_tag_lists_may_have_blanks_and_empty_items() -> None:
    assert split_tags("RAW, DARK ,,") == ("RAW", "DARK")
    assert split_tags(None) == split_tags("") == ()


def test_tags_that_no_frame_can_have_are_pointed_out() -> None:
    assert unknown_tags(["RAW", "NIRI", "BPM"]) == []
    lower, odd = unknown_tags(["dark", "XYZZY"])
    assert "did you mean DARK?" in lower
    assert "XYZZY" in odd


@given(st.text(max_size=40))
def test_any_text_is_either_an_expression_or_refused(text: str) -> None:
    try:
        position = len(compile_expression(text).text or "")
    except ExpressionError as error:
        position = error.position
    assert 0 <= position <= len(text)


@given(
    st.recursive(
        st.sampled_from(["coadds==2", "exposure_time == 20", "is_ao", "False", "'RAW' in tags", "object!='x'"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda parts: f"({''.join(parts)})"),
            inner.map(lambda text: f"not ({text})"),
        ),
        max_leaves=8,
    )
)
def test_logic_is_that_of_python(text: str) -> None:
    names = {"coadds": 2, "exposure_time": 20, "is_ao": False, "tags": FRAME.tags, "object": "FS 17"}
    assert holds(text) == eval(text, {}, names)


def test_every_name_of_the_manual_is_known() -> None:
    assert len(DESCRIPTORS) == 85
    for name in DESCRIPTORS:
        compile_expression(f"{name} == None")


def test_the_headers_of_a_real_frame_can_be_selected_on() -> None:
    phu = {"INSTRUME": "F2", "FILTER1": "Open", "FILTER2": "Ks_G0804", "EXPTIME": 8.001, "GRISM": "Open"}
    frame = describe(Headers(phu, ({"NAXIS": 2, "NAXIS1": 8, "NAXIS2": 8},), "S1.fits"))
    text = 'filter_name == "Ks" and exposure_time == 8 and central_wavelength is None and "F2" in tags'
    assert select([("S1.fits", frame)], ["IMAGE"], [], compile_expression(text)) == ["S1.fits"]
    assert not compile_expression(text, strict=True).matches(frame)
