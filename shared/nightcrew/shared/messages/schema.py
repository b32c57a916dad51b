"""JSON Schemas of the messages, for readers that are not written in Python.

`schemas/` holds one file for each version of each kind that was ever released: a message of a minor version fulfils
the schemas of all earlier ones of its major version.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from nightcrew.shared.messages.envelope import Message

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMAS: Traversable = files("nightcrew.shared.messages") / "schemas"


def schema_of(kind: type[Message]) -> dict[str, Any]:
    """Return the JSON Schema of a kind as it is written now.

    It allows fields that it does not name, and later minor versions, because a reader has to.
    """
    made = kind.model_json_schema(mode="serialization")
    made.pop("additionalProperties")
    major = kind.model_fields["version"].default.partition(".")[0]
    version = {"description": "Major and minor version.", "pattern": rf"^{major}\.[0-9]+$", "type": "string"}
    properties = made["properties"] | {"version": version}
    return {"$schema": DIALECT, **made, "properties": properties}


def file_name(kind: type[Message]) -> str:
    """Return the name of the schema file of a kind and its version: `job.ready-1.0.json`."""
    fields = kind.model_fields
    return f"{fields['type'].default}-{fields['version'].default}.json"


def written(kind: type[Message]) -> str:
    """Return the text of the schema file."""
    return json.dumps(schema_of(kind), indent=2, sort_keys=True) + "\n"
