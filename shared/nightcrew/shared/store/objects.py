"""An object store as a store: S3 and what is compatible with it, or memory for tests."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from nightcrew.shared.store.errors import NotStored, Occupied, StoreError
from nightcrew.shared.store.hashing import Hashed, pieces, write_whole
from nightcrew.shared.store.keys import checked_key, checked_prefix
from nightcrew.shared.store.protocol import Entry, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obstore.store import ObjectStore as Objects

SHA256 = "sha256"
"""Name of the digest among what the store keeps with an object: `x-amz-meta-sha256` in S3."""
PART = 8 << 20
PARTS = 4
"""Bytes of a part of an upload, and parts in flight at once: what an upload takes of memory."""
NO_BUCKET = "NoSuchBucket"
CODE = re.compile(r"<Code>(\w+)</Code>")
CAUSE = re.compile(r'kind: (TimedOut)|message: "([^"\n\\]+)"|InvalidCertificate\(\s*(\w+)')
LINE = 400


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Keeps files as objects; the store itself sees to it that each is there as a whole.

    Parameters
    ----------
    objects
        The store, with its prefix.
    url
        Where it is, for people.
    """

    objects: Objects
    url: str

    def put(self, path: Path, key: str, sha256: str) -> Stored:
        """Keep a file; see `Store`."""
        known = self.stat(key)
        if known is not None:
            if known.sha256 != sha256:
                raise Occupied(f"{key}: is in {self.url} with other bytes (SHA-256 {known.sha256}, not {sha256})")
            return known
        bytes_ = Hashed(str(path), pieces(path), sha256)
        with self._asking(key):
            obstore.put(
                self.objects, key, iter(bytes_), attributes={SHA256: sha256}, chunk_size=PART, max_concurrency=PARTS
            )
        return Stored(key, bytes_.size, sha256)

    def get(self, key: str, target: Path) -> Stored:
        """Write a file to `target`; see `Store`."""
        try:
            with self._asking(key):
                got = obstore.get(self.objects, checked_key(key))
        except _Nothing:
            raise NotStored(f"{key}: is not in {self.url}; restore it from a copy") from None
        known = Stored(key, got.meta["size"], str(got.attributes.get(SHA256, "")))

        def arriving() -> Iterator[bytes]:
            with self._asking(key):
                for chunk in got.stream(min_chunk_size=PART):
                    yield bytes(chunk)

        write_whole(target, Hashed(f"{self.url}/{key}", arriving(), known.sha256))
        return known

    def stat(self, key: str) -> Stored | None:
        """Return what is known of a file; see `Store`."""
        try:
            with self._asking(key):
                got = obstore.get(self.objects, checked_key(key), options={"head": True})
                return Stored(key, got.meta["size"], str(got.attributes.get(SHA256, "")))
        except _Nothing:
            return None

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield files by key; see `Store`."""
        with self._asking(prefix):
            found = [
                Entry(one["path"], one["size"])
                for some in obstore.list(self.objects, checked_prefix(prefix).removesuffix("/") or None)
                for one in some
            ]
        yield from sorted(found, key=lambda one: one.key)

    def delete(self, key: str) -> None:
        """Remove a file; see `Store`."""
        try:
            with self._asking(key):
                obstore.delete(self.objects, checked_key(key))
        except _Nothing:
            return

    def show(self, key: str, name: str) -> None:
        """Let a name stand for a file, as a copy that the store itself makes; see `Store`."""
        try:
            with self._asking(name):
                obstore.copy(self.objects, checked_key(key), checked_key(name), overwrite=True)
        except _Nothing:
            raise NotStored(f"{key}: is not in {self.url}; restore it from a copy") from None

    @contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        """Turn failures into errors of a store; the library's messages have no secrets in them, but many lines."""
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            if NO_BUCKET in str(error):
                raise StoreError(f"{self.url}: there is no such bucket; make it, or correct the address") from error
            if isinstance(error, FileNotFoundError):
                raise _Nothing from error
            raise StoreError(f"{self.url}/{key}: {_told(error)}; check address, credentials and network") from error


def _told(error: Exception) -> str:
    """Return the first line of a message, and what is behind it: the server's code, or why it was not reached."""
    line, _, more = str(error).partition("\n")
    line, _, answer = line.partition(": <?xml")
    cause = CODE.search(answer) or CAUSE.search(more)
    return f"{line[:LINE]} ({next(filter(None, cause.groups()))})" if cause else line[:LINE]


class _Nothing(Exception):
    """The store has been asked, and there is no such object."""
