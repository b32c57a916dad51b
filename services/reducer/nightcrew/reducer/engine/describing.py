"""Tags and descriptors of a frame in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightcrew.shared.instruments import Description, Headers, describe

if TYPE_CHECKING:
    from typing import Any

    from nightcrew.shared.frames import Frame


def describe_frame(frame: Frame) -> Description:
    """Return the description of a frame as its headers stand now."""
    return describe(
        Headers(
            frame.phu, [plane.header for plane in frame.planes], frame.filename, [plane.shape for plane in frame.planes]
        )
    )


def of_extension(value: Any, index: int) -> Any:
    """Return what a descriptor says of the extension `index` (0-based): its own item of a list, or the only value."""
    return value[index] if isinstance(value, list) else value
