"""Products on this machine, wherever reducers keep them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.database import DatabaseSettings
from nightcrew.shared.fits.output import writing
from nightcrew.shared.store import Depot, StoreSettings, is_reference, open_depot
from nightcrew.shared.store.depot import no_store
from nightcrew.shared.store.hashing import Hashed, pieces, write_whole

if TYPE_CHECKING:
    from nightcrew.shared.ledger.records import ProductRow

COPIES = "store-cache"
"""Directory below that of the user's data for copies of what lies in the store."""


@dataclass(frozen=True, slots=True)
class Products:
    """Gives products as files on this machine.

    Parameters
    ----------
    depot
        The store; None if none is configured.
    """

    depot: Depot | None

    @classmethod
    def configured(cls) -> Products:
        """Return those of the store that the environment names.

        Raises
        ------
        SettingsError
            If the settings make no sense.
        """
        return cls(open_depot(StoreSettings.load(), DatabaseSettings.load().data_dir / COPIES))

    def path(self, product: ProductRow) -> Path:
        """Return where a product is; one in the store is fetched.

        Raises
        ------
        SettingsError
            If it is in a store, and none is configured.
        NotStored
            If it is not in the store.
        ServiceError
            If the store cannot be asked, or the disk refuses.
        """
        if not is_reference(product.path):
            return Path(product.path)
        if self.depot is None:
            raise no_store(product.path)
        return self.depot.bring(product.path)

    def copy(self, product: ProductRow, directory: Path) -> Path:
        """Write a product into a directory under its public name, with the bytes that the ledger knows.

        Raises
        ------
        SettingsError, NotStored, ServiceError
            As `path`; also if the bytes are others.
        """
        source, target = self.path(product), directory / product.name
        with writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        write_whole(target, Hashed(str(source), pieces(source), product.sha256))
        return target
