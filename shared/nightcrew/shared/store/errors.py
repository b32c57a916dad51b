"""What may go wrong with a store."""

from __future__ import annotations

from nightcrew.shared.errors import NightcrewError, ServiceError


class StoreError(ServiceError):
    """The store cannot be asked, or does not take or give a file now; trying again may help."""

    code = "store"


class Damaged(StoreError):
    """The bytes are not those whose SHA-256 was recorded; on the way they may have been."""

    code = "store-damaged"


class NotStored(NightcrewError):
    """The store has been asked, and has nothing under a key."""

    code = "not-stored"


class Occupied(NightcrewError):
    """Something else lies under the key: what is stored is never replaced."""

    code = "store-occupied"


class NotAKey(NightcrewError):
    """Text that cannot be a key."""

    code = "store-key"
