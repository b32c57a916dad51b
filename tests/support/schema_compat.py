"""Whether readers of an older JSON Schema can go on with messages of a newer one."""

from __future__ import annotations

from typing import Any

WORDS = {"description", "title", "default"}
"""Keys that are for people."""


def breaking(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what a reader of the old schema would stumble over; empty if nothing."""
    found = [f"{name}: no longer always there" for name in old["required"] if name not in new["required"]]
    for name in old["properties"].keys() & new["properties"].keys():
        before, after = _plain(old, name), _plain(new, name)
        if "enum" in before and "enum" in after:
            added = set(after.pop("enum")) - set(before.pop("enum"))
            found += [f"{name}: may be {choice!r}" for choice in sorted(added)]
        if before != after:
            found.append(f"{name}: {after} instead of {before}")
    return sorted(found)


def _plain(schema: dict[str, Any], name: str) -> dict[str, Any]:
    field = schema["properties"][name]
    if "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    return {key: value for key, value in field.items() if key not in WORDS}
