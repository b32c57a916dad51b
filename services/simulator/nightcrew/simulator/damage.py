"""What goes wrong with a file after the frame was written."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Damage:
    """A damage of a file: what it is, and what it makes of the bytes."""

    summary: str
    apply: Callable[[bytes], bytes]


DAMAGES: Mapping[str, Damage] = MappingProxyType(
    {
        "truncated": Damage("the copy stopped at 60 per cent", lambda data: data[: len(data) * 3 // 5]),
        "trailing-bytes": Damage("777 bytes follow the last block", lambda data: data + b"\x00" * 777),
        "empty-file": Damage("a name without content", lambda _data: b""),
        "not-fits": Damage(
            "a web page under the frame's name", lambda _data: b"<html>503 Service Unavailable</html>\n"
        ),
    }
)
"""The damages by name."""
