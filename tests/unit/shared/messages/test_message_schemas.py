from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nightcrew.shared.messages import KINDS, decode, encode
from nightcrew.shared.messages.schema import SCHEMAS, file_name, schema_of, written
from support.examples_messages import finished, job, one_of_each
from support.schema_compat import breaking

NAME = re.compile(r"(?P<type>[a-z.]+)-(?P<major>\d+)\.(?P<minor>\d+)\.json")
COMMITTED = sorted(path.name for path in SCHEMAS.iterdir() if path.name.endswith(".json"))
EXAMPLES = {message.type: message for message in one_of_each()}


def committed(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return read


def current_major(name: str) -> bool:
    """Whether a schema is of a version that this release reads."""
    parts = NAME.fullmatch(name)
    assert parts is not None, name
    kind = KINDS.get(parts["type"])
    return kind is not None and kind.model_fields["version"].default.partition(".")[0] == parts["major"]


READABLE = [name for name in COMMITTED if current_major(name)]


@pytest.mark.parametrize("type_", sorted(KINDS))
def test_the_committed_schema_is_what_the_model_says(type_):
    kind = KINDS[type_]
    assert (SCHEMAS / file_name(kind)).read_text(encoding="utf-8") == written(kind), "run 'make docs'"


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_schema_is_a_json_schema(name):
    Draft202012Validator.check_schema(committed(name))


@pytest.mark.parametrize("name", READABLE)
def test_what_is_written_today_fulfils_the_schemas_of_earlier_minor_versions(name):
    message = EXAMPLES[committed(name)["properties"]["type"]["const"]]
    Draft202012Validator(committed(name)).validate(json.loads(encode(message)))
    assert breaking(committed(name), schema_of(type(message))) == []


@pytest.mark.parametrize("name", READABLE)
def test_what_earlier_minor_versions_wrote_is_read_today(name):
    schema = committed(name)
    message = EXAMPLES[schema["properties"]["type"]["const"]]
    version = name.rpartition("-")[2].removesuffix(".json")
    fields = {name: value for name, value in json.loads(encode(message)).items() if name in schema["properties"]}
    read = decode(json.dumps({**fields, "version": version}).encode())
    assert type(read) is type(message)


def test_a_schema_lets_later_minor_versions_through_but_no_other_major_one():
    validator = Draft202012Validator(schema_of(type(job())))
    data = json.loads(encode(job()))
    assert validator.is_valid({**data, "version": "1.12", "urgency": 9})
    assert not validator.is_valid({**data, "version": "2.0"})


def altered(field: str, **changes: Any) -> dict[str, Any]:
    schema = deepcopy(schema_of(type(finished())))
    schema["properties"][field] |= changes
    return schema


def test_a_new_field_or_a_better_word_breaks_no_reader():
    old = schema_of(type(finished()))
    assert breaking(old, old) == []
    assert breaking(old, altered("attempt", description="better")) == []
    grown = deepcopy(old)
    grown["properties"]["urgency"] = {"type": "integer"}
    assert breaking(old, grown) == []


def test_what_would_break_readers_is_told():
    old = schema_of(type(finished()))
    assert breaking(old, altered("attempt", minimum=0)) != []
    without = deepcopy(old)
    without["required"].remove("attempt")
    assert breaking(old, without) == ["attempt: no longer always there"]
    more = deepcopy(old)
    more["$defs"]["Status"]["enum"].append("tired")
    assert breaking(old, more) == ["status: may be 'tired'"]
