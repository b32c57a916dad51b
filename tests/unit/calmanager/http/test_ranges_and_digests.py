"""Ranges of files, entity tags, and digests in headers."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.calmanager.http.digests import Announced, announced
from nightcrew.calmanager.http.ranges import Part, Unsatisfiable, names_etag, part_of
from nightcrew.calmanager.http.refusing import Refusal

MD5 = hashlib.md5(b"dark").hexdigest()
SHA256 = hashlib.sha256(b"dark").hexdigest()


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-9", Part(0, 9)),
        ("bytes=90-", Part(90, 99)),
        ("bytes=90-1000", Part(90, 99)),
        ("bytes=-10", Part(90, 99)),
        ("bytes=-1000", Part(0, 99)),
        ("bytes = 0-0 ", Part(0, 0)),
        ("bytes=100-", Unsatisfiable()),
        ("bytes=-0", Unsatisfiable()),
        ("bytes=0-9,20-29", None),
        ("bytes=9-0", None),
        ("bytes=-", None),
        ("lines=0-9", None),
        ("bytes=a-b", None),
        ("bytes=0-99999999999999999999999", None),
    ],
)
def test_a_range_is_a_part_of_a_file_of_100_bytes(header: str | None, part: object) -> None:
    assert part_of(header, 100) == part


@given(st.text(alphabet="bytes=0123456789-, ", max_size=20), st.integers(0, 1000))
def test_a_part_lies_within_its_file(header: str, size: int) -> None:
    part = part_of(header, size)
    if isinstance(part, Part):
        assert 0 <= part.first <= part.last < size
        assert part.length == part.last - part.first + 1


@pytest.mark.parametrize("header", ['"abc"', 'W/"abc"', '"x", "abc"', "*"])
def test_an_entity_tag_is_found_in_if_none_match(header: str) -> None:
    assert names_etag(header, '"abc"')


@pytest.mark.parametrize("header", [None, "", '"ab"', "abc"])
def test_another_entity_tag_is_not(header: str | None) -> None:
    assert not names_etag(header, '"abc"')


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, Announced()),
        ({"x-content-md5": MD5.upper()}, Announced(md5=MD5)),
        ({"x-content-sha256": SHA256, "x-content-md5": MD5}, Announced(MD5, SHA256)),
        (
            {"content-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(SHA256)).decode()}:, sha-512=:AAAA:"},
            Announced(sha256=SHA256),
        ),
    ],
)
def test_digests_are_read_from_headers(headers: dict[str, str], found: Announced) -> None:
    assert announced(headers) == found


@pytest.mark.parametrize(
    "headers",
    [
        {"x-content-md5": "short"},
        {"x-content-sha256": MD5},
        {"content-digest": "sha-256=abc"},
        {"content-digest": "sha-256=:AA:"},
        {"x-content-sha256": SHA256, "content-digest": f"sha-256=:{base64.b64encode(bytes(32)).decode()}:"},
    ],
)
def test_a_digest_that_is_none_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        announced(headers)
    assert refused.value.status == 400
