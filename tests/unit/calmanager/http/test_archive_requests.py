"""The archive's forms of requests and answers (calibrations, 9)."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import quote_plus
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.calmanager.http.archive import Selection, read_path
from nightcrew.calmanager.http.legacy import (
    NAMESPACE,
    ArchiveRequest,
    Association,
    BadRequest,
    Dataset,
    Offer,
    json_answer,
    literal,
    read_request,
    xml_answer,
)

OLD_FORM = (
    b"descriptors=%7B%27instrument%27%3A+%27NIRI%27%2C+%27ut_datetime%27%3A+datetime.datetime%282015%2C+4%2C+4%2C+16"
    b"%2C+9%2C+9%2C+600000%29%2C+%27exposure_time%27%3A+20.002%7D&types=%7B%27NIRI%27%7D"
)
"""As DRAGONS 3.0 to 4.0 sends it."""

DARK = Offer("GS-1-DARK", "S1_dark.fits", "8a91", "http://127.0.0.1:8100/file/7/S1_dark.fits")


def form(descriptors: str, types: str = "{'NIRI'}") -> bytes:
    return f"descriptors={quote_plus(descriptors)}&types={quote_plus(types)}".encode()


def test_a_json_request_is_tags_and_descriptors() -> None:
    body = b'{"tags": ["F2", "DARK"], "descriptors": {"coadds": 1, "data_section": [0, 2048, 0, 2048]}}'
    assert read_request(body) == ArchiveRequest(("F2", "DARK"), {"coadds": 1, "data_section": [0, 2048, 0, 2048]})


def test_the_old_form_is_read_as_dragons_sends_it() -> None:
    request = read_request(OLD_FORM)
    assert request.tags == ("NIRI",)
    assert request.descriptors == {
        "instrument": "NIRI",
        "ut_datetime": "2015-04-04T16:09:09.600000",
        "exposure_time": 20.002,
    }


def test_sections_and_moments_of_the_old_form_become_what_json_would_say() -> None:
    request = read_request(
        form(
            "{'data_section': Section(x1=0, x2=1024, y1=0, y2=1024), 'ut_date': datetime.date(2015, 4, 4), "
            "'ut_time': datetime.time(16, 9, 9), 'non_linear_coeffs': NonLinCoeffs(1.0, None, 2e-9), "
            "'airmass': None, 'is_ao': False, 'elevation': -1.5, 'detector_name': ('a', 'b')}",
            "['NIRI', 'CAL', 'DARK']",
        )
    )
    assert request.tags == ("CAL", "DARK", "NIRI")
    assert request.descriptors == {
        "data_section": [0, 1024, 0, 1024],
        "ut_date": "2015-04-04",
        "ut_time": "16:09:09",
        "non_linear_coeffs": "",
        "airmass": None,
        "is_ao": False,
        "elevation": -1.5,
        "detector_name": ["a", "b"],
    }


def test_a_filter_name_with_an_ampersand_survives_the_old_form() -> None:
    assert read_request(form("{'filter_name': 'H_G0803&Open'}")).descriptors == {"filter_name": "H_G0803&Open"}


@pytest.mark.parametrize(
    "text",
    [
        "{'airmass': nan}",
        "{'airmass': np.float64(1.2)}",
        "__import__('os').system('true')",
        "{'a': open('/etc/passwd')}",
        "{'a': (lambda: 1)()}",
        "{'a': 1 + 1}",
        "{'a': f'{1}'}",
        "{'a': b'bytes'}",
        "{'a': 1j}",
        "{**{'a': 1}}",
        "{'a': datetime.datetime(2015, 13, 1)}",
        "{'a': datetime.datetime.now()}",
        "{'a': Section(x1=0, x2='b', y1=0, y2=0)}",
        "{[1]: 2}",
        "[" * 5000,
        "{'a': 1",
        "9" * 5000,
        "{'a': \x00}",
    ],
)
def test_what_is_no_literal_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(BadRequest, match="Unable to parse descriptors"):
        literal(text, "descriptors")


@given(st.text(max_size=60))
def test_any_text_is_a_literal_or_refused(text: str) -> None:
    with contextlib.suppress(BadRequest):
        literal(text, "types")


@given(st.binary(max_size=80))
def test_any_body_is_a_request_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        read_request(body)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"", "Missing POST data"),
        (b"hello", "Unable to parse JSON POST data."),
        (b"\xff\xfe", "Unable to parse JSON POST data."),
        (b"[1]", "JSON POST data is not an object."),
        (b'{"tags": []}', "Missing field in request: 'descriptors'"),
        (b'{"tags": {}, "descriptors": {}}', "tags is not a list."),
        (b'{"tags": [], "descriptors": []}', "descriptors is not an object."),
        (b'{"tags": [1], "descriptors": {}}', "Tags and names of descriptors are text."),
        (json.dumps({"tags": ["A"] * 1001, "descriptors": {}}).encode(), "More than 1000 tags or descriptors."),
        (b"descriptors=%7B%7D", "Missing field in request: 'types'"),
        (b"descriptors=%7B%7D&types=1", "types is not a list."),
        (b"descriptors=1&types=%7B%7D", "descriptors is not a dictionary."),
        (b"descriptors=%ff&types=%7B%7D", "Unable to decode POST data."),
        (b"descriptors=\xff&types=%7B%7D", "Unable to decode POST data."),
    ],
)
def test_a_bad_request_is_told_in_the_archives_words(body: bytes, answer: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_request(body)
    assert str(refused.value) == answer


def test_the_json_answer_is_indented_as_the_archive_prints_it() -> None:
    answer = json_answer((Dataset("GS-2022B-Q-306-70-014", (Association("processed_dark", (DARK,)),)),))
    assert answer.startswith(b'[\n    {\n        "label": "GS-2022B-Q-306-70-014",\n        "filename": null,')
    assert json.loads(answer) == [
        {
            "label": "GS-2022B-Q-306-70-014",
            "filename": None,
            "md5": None,
            "cal_info": [
                {
                    "error": False,
                    "type": "processed_dark",
                    "cals": [{"label": "GS-1-DARK", "name": "S1_dark.fits", "md5": "8a91", "url": DARK.url}],
                }
            ],
        }
    ]


def test_a_question_that_failed_differs_from_one_without_answer() -> None:
    failed = json.loads(json_answer((Dataset(None, (Association("processed_dark", None),)),)))
    empty = json.loads(json_answer((Dataset(None, (Association("processed_dark", ()),)),)))
    assert failed[0]["cal_info"] == [{"error": True, "type": "processed_dark", "cals": None}]
    assert empty[0]["cal_info"] == [{"error": False, "type": "processed_dark", "cals": []}]


def test_the_xml_answer_is_that_of_the_archive() -> None:
    answer = xml_answer((Dataset("TARGET", (Association("processed_dark", (DARK,)),)),))
    assert answer.decode() == (
        '<?xml version="1.0" encoding="UTF-8" ?>\n'
        '<calibration_associations xmlns="http://www.gemini.edu/xml/gsaCalibrations/v1.0">\n'
        " <dataset>\n"
        "  <datalabel>TARGET</datalabel>\n"
        "  <calibration>\n"
        "    <caltype>processed_dark</caltype>\n"
        "    <datalabel>GS-1-DARK</datalabel>\n"
        "    <filename>S1_dark.fits</filename>\n"
        "    <md5>8a91</md5>\n"
        "    <url>http://127.0.0.1:8100/file/7/S1_dark.fits</url>\n"
        "  </calibration>\n"
        " </dataset>\n"
        "</calibration_associations>\n"
    )


def test_the_xml_answer_without_calibration_is_a_comment() -> None:
    answer = xml_answer((Dataset("TARGET", (Association("processed_dark", ()), Association("dark", None))),)).decode()
    assert "  <!-- NO CALIBRATION FOUND for caltype processed_dark -->\n" in answer
    assert "  <!-- ERROR while looking for caltype dark -->\n" in answer
    assert "<calibration>" not in answer


def test_no_md5_comes_without_its_url_and_text_is_escaped() -> None:
    gone = Offer("<A&B>", "S1_dark.fits", "8a91", None)
    answer = xml_answer((Dataset("<A&B>", (Association("processed_dark", (gone,)),)),))
    assert b"<md5>" not in answer
    labels = ET.fromstring(answer).iter(f"{{{NAMESPACE}}}datalabel")
    assert [label.text for label in labels] == ["<A&B>", "<A&B>"]


def test_a_frame_that_is_known_here_is_told_with_its_md5() -> None:
    answer = xml_answer((Dataset("TARGET", (), "S1_flat.fits", "77aa"),)).decode()
    assert "  <filename>S1_flat.fits</filename>\n  <md5>77aa</md5>\n" in answer


@pytest.mark.parametrize(
    ("path", "selection"),
    [
        ("processed_dark/sq/a_flat.fits", Selection("processed_dark", "sq", "a_flat.fits")),
        ("processed_dark/a_flat.fits", Selection("processed_dark", None, "a_flat.fits")),
        ("a_flat.fits/qa/processed_bpm", Selection("processed_bpm", "qa", "a_flat.fits")),
        ("bpm/a.fits", Selection(None, None, "a.fits", ("bpm",))),
        ("", Selection()),
    ],
)
def test_the_words_of_a_path_may_come_in_any_order(path: str, selection: Selection) -> None:
    assert read_path(path) == selection
