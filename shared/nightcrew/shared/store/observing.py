"""A store that tells what it costs."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from nightcrew.shared.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.shared.store.protocol import Entry, Store, Stored

Operation: TypeAlias = Literal["put", "get", "show", "stat", "list", "delete"]


class Observer(Protocol):
    """Counts what is done with a store."""

    def done(self, operation: Operation, seconds: float, size: int) -> None:
        """Note that something was done with so many bytes."""

    def refused(self, operation: Operation) -> None:
        """Note that the store could not be asked."""


@dataclass(frozen=True, slots=True)
class ObservedStore:
    """A store that does what another one does, and tells.

    Parameters
    ----------
    inner
        That one.
    observer
        Is told.
    """

    inner: Store
    observer: Observer

    @property
    def url(self) -> str:
        """Where it is."""
        return self.inner.url

    def put(self, path: Path, key: str, sha256: str) -> Stored:
        """Keep a file; see `Store`."""
        with self._timed("put") as sizes:
            stored = self.inner.put(path, key, sha256)
            sizes.append(stored.size)
        return stored

    def get(self, key: str, target: Path) -> Stored:
        """Write a file to `target`; see `Store`."""
        with self._timed("get") as sizes:
            stored = self.inner.get(key, target)
            sizes.append(stored.size)
        return stored

    def stat(self, key: str) -> Stored | None:
        """Return what is known of a file; see `Store`."""
        with self._timed("stat"):
            return self.inner.stat(key)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield files by key; see `Store`."""
        with self._timed("list"):
            found = [*self.inner.entries(prefix)]
        yield from found

    def delete(self, key: str) -> None:
        """Remove a file; see `Store`."""
        with self._timed("delete"):
            self.inner.delete(key)

    def show(self, key: str, name: str) -> None:
        """Let a name stand for a file; see `Store`."""
        with self._timed("show"):
            self.inner.show(key, name)

    @contextmanager
    def _timed(self, operation: Operation) -> Iterator[list[int]]:
        began = time.monotonic()
        sizes: list[int] = []
        try:
            yield sizes
        except StoreError:
            self.observer.refused(operation)
            raise
        self.observer.done(operation, time.monotonic() - began, sum(sizes))
