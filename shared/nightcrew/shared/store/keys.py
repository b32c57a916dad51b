"""Keys: what may be the name of a file in every store."""

from __future__ import annotations

import re

from nightcrew.shared.store.errors import NotAKey

LONGEST, LONGEST_PART = 900, 200
"""Characters; S3 allows 1024 with the prefix, file systems 255 in a part."""
_PART = re.compile(r"[A-Za-z0-9_!@&'()+,;=-][A-Za-z0-9_!@&'()+,;=. -]*", re.ASCII)


def checked_key(key: str) -> str:
    """Return a key: parts between slashes, of letters, digits, spaces and ``_!@&'()+,;=.-``, none beginning with a dot.

    Raises
    ------
    NotAKey
        If it is none.
    """
    parts = key.split("/")
    if len(key) > LONGEST or any(len(part) > LONGEST_PART or not _PART.fullmatch(part) for part in parts):
        raise NotAKey(
            f"{key!a}: cannot be kept in a store under this name; use letters, digits, spaces and _!@&'()+,;=.- "
            f"(no dot first, {LONGEST_PART} characters at most between two slashes)"
        )
    return key


def checked_prefix(prefix: str) -> str:
    """Return what keys may begin with: nothing, or whole parts of a key and a slash.

    Raises
    ------
    NotAKey
        If no key begins so.
    """
    if prefix:
        checked_key(prefix.removesuffix("/"))
        if not prefix.endswith("/"):
            raise NotAKey(f"{prefix!r}: names no whole part of a key; end it with a slash")
    return prefix
