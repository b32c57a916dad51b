"""A store, with copies on this machine: what services use."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.errors import SettingsError
from nightcrew.shared.fits.output import writing
from nightcrew.shared.store.hashing import sha256_of

if TYPE_CHECKING:
    from nightcrew.shared.store.cache import Cache
    from nightcrew.shared.store.protocol import Store

SCHEME = "store:"
"""What references begin with, which stand for a path wherever a file may lie in the store."""
CALIBRATIONS = "calibrations"


def reference(key: str) -> str:
    """Return what stands in the ledger for the path of a file in the store."""
    return SCHEME + key


def is_reference(path: str) -> bool:
    """Whether something that stands for a path means a file in the store."""
    return path.startswith(SCHEME)


def key_of(path: str) -> str:
    """Return the key that a reference names."""
    return path.removeprefix(SCHEME)


@dataclass(frozen=True, slots=True)
class Depot:
    """Gives files of the store as files on this machine.

    Parameters
    ----------
    store, cache
        Where they are, and where their copies are.
    """

    store: Store
    cache: Cache

    def bring(self, path: str) -> Path:
        """Return a file on this machine: that of a reference, or the path itself.

        Raises
        ------
        NotStored
            If there is none.
        StoreError
            If the store cannot be asked.
        ServiceError
            If the disk refuses.
        """
        return self.cache.fetch(self.store, key_of(path)) if is_reference(path) else Path(path)

    def borrow(self, path: str, directory: Path) -> Path:
        """Do the same, with a name of its own below `directory`, so that it stays there whatever becomes of the copy.

        Raises
        ------
        NotStored, StoreError, ServiceError
            As `bring`.
        """
        if not is_reference(path):
            return Path(path)
        key = key_of(path)
        kept = directory / key
        for _ in range(2):
            copy = self.cache.fetch(self.store, key)
            with writing(kept):
                kept.parent.mkdir(parents=True, exist_ok=True)
            with suppress(OSError):  # it is there already, the copy has gone, or is in another file system
                kept.hardlink_to(copy)
            if kept.exists():
                return kept
        self.store.get(key, kept)
        return kept

    def keep_calibration(self, path: Path) -> str:
        """Put a calibration into the store, under its content, and return the reference.

        Raises
        ------
        StoreError
            If the store does not take it.
        """
        sha256 = sha256_of(path)
        key = f"{CALIBRATIONS}/{sha256[:2]}/{sha256}/{path.name}"
        self.store.put(path, key, sha256)
        return reference(key)


def no_store(path: str) -> SettingsError:
    """Return the error of a reference where no store is known."""
    return SettingsError(f"{path}: lies in the store of products; set NIGHTCREW_STORE_URL to its address")
