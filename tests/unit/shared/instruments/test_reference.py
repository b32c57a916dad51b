"""Tags and descriptors of real headers are those of the reference."""

from __future__ import annotations

import ast
import json
import math
import re
from functools import cache
from typing import Any

import pytest

from nightcrew.shared.instruments import Description, DescriptorError, describe, encode, science_headers
from support.header_dumps import read_dump
from support.reference import reference_dir, require_reference

INSTRUMENTS = ("NIRI", "F2", "GNIRS", "GSAOI", "GMOS")


def answers() -> list[dict[str, Any]]:
    base = reference_dir()
    if base is None:
        return []
    rows = map(json.loads, (base / "headers" / "golden.jsonl").read_text().splitlines())
    return [row for row in rows if row["instrument"] in INSTRUMENTS]


@cache
def description(file: str, fits_name: str) -> Description:
    return describe(science_headers(read_dump(require_reference("headers", file)), fits_name))


def asked(of: Description, question: str) -> Any:
    name, _, arguments = question.partition("(")
    options = {key: ast.literal_eval(value) for key, value in re.findall(r"(\w+)=([^,)]+)", arguments)}
    try:
        return encode(of.value(name, **options))
    except DescriptorError as error:
        return encode(error)


def same(ours: Any, theirs: Any, question: str = "") -> bool:
    """Whether two encoded values agree: floats to 1e-6, coordinates to 1e-7 degrees, int and float apart."""
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs, [question] * len(ours)))
    if isinstance(theirs, float) and isinstance(ours, float):
        if re.match("(wcs_|target_)?(ra|dec)\\b", question):
            return abs(ours - theirs) <= 1e-7
        # The reference interpolates the tilt of a grating in a table; we solve for it.
        return math.isclose(ours, theirs, rel_tol=3e-6 if question.startswith("dispersion") else 1e-6)
    return type(ours) is type(theirs) and ours == theirs


def differences(of: Description, expected: dict[str, Any], *, variants: bool = False) -> list[str]:
    found = []
    for question, theirs in expected.items():
        ours = asked(of, question)
        accidental = variants and theirs == {"error": "TypeError"} and not question.startswith(("target", "disp"))
        if not accidental and not same(ours, theirs, question):
            found.append(f"{question}: {ours!r} instead of {theirs!r}")
    return found


pytestmark = pytest.mark.reference


def test_the_reference_headers_are_at_hand():
    require_reference("headers", "golden.jsonl")


@pytest.mark.parametrize("answer", answers(), ids=lambda answer: answer["file"])
class TestRealHeaders:
    def test_science_extensions_are_found(self, answer):
        headers = description(answer["file"], answer["fits_name"]).headers
        assert len(headers.extensions) == answer["n_ext"]
        assert [list(shape) for shape in headers.shapes] == answer["shapes"]

    def test_tags_are_those_of_the_reference(self, answer):
        assert sorted(description(answer["file"], answer["fits_name"]).tags) == answer["tags"]

    def test_descriptors_are_those_of_the_reference(self, answer):
        of = description(answer["file"], answer["fits_name"])
        assert sorted(of.names) == sorted(answer["descriptors"])
        assert differences(of, answer["descriptors"]) == []

    def test_options_work_as_in_the_reference(self, answer):
        of = description(answer["file"], answer["fits_name"])
        assert differences(of, answer["variants"], variants=True) == []

    def test_a_single_extension_answers_as_in_the_reference(self, answer):
        if answer["n_ext"]:
            first = description(answer["file"], answer["fits_name"]).on(0)
            assert differences(first, answer.get("first_extension", {})) == []
