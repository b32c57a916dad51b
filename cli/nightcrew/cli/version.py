"""Which nightcrew this is."""

from __future__ import annotations


def version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import version as installed

    return installed("nightcrew")
