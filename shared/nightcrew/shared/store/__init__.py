"""Where products are kept for all machines: a directory that they share, or a bucket of an object store."""

from __future__ import annotations

from nightcrew.shared.store.depot import Depot, is_reference, reference
from nightcrew.shared.store.directory import DirectoryStore
from nightcrew.shared.store.errors import Damaged, NotAKey, NotStored, Occupied, StoreError
from nightcrew.shared.store.protocol import Entry, Store, Stored
from nightcrew.shared.store.settings import StoreSettings, open_depot, open_store

__all__ = [
    "Damaged",
    "Depot",
    "DirectoryStore",
    "Entry",
    "NotAKey",
    "NotStored",
    "Occupied",
    "Store",
    "StoreError",
    "StoreSettings",
    "Stored",
    "is_reference",
    "open_depot",
    "open_store",
    "reference",
]
