"""Where the products of attempts stay: on the disk of this machine, or in the store of all machines.

::

    jobs/JOB/ATTEMPT-TOKEN/NAME       key of a product; what the ledger has is `store:` and this
    nights/YYYYMMDD/NAME              the name by which people find it
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nightcrew.shared.errors import ServiceError
from nightcrew.shared.store import NotStored, StoreError, is_reference, reference
from nightcrew.shared.store.depot import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from threading import Event
    from uuid import UUID

    from nightcrew.reducer.worker.places import Places, Workspace
    from nightcrew.reducer.worker.wire import Made
    from nightcrew.shared.store import Depot

JOBS, NIGHTS = "jobs", "nights"


class Keeping(Protocol):
    """Keeps products; all methods raise ServiceError if disk or store fail."""

    @property
    def places(self) -> Places:
        """The directories of this machine."""

    def path(self, workspace: Workspace, name: str) -> str:
        """Return what the ledger has for the path of a product."""

    def settle_in(self, workspace: Workspace) -> None:
        """Bring the products of an attempt to where they stay, before the ledger has them."""

    def show(self, workspace: Workspace, night: date, paths: Mapping[str, str]) -> None:
        """Let public names stand for products, whatever they stood for before; `paths` are those of the ledger."""

    def attempts(self, job: UUID) -> frozenset[str]:
        """Return the attempts at a job of which something may be kept that nobody on this machine sees to."""

    def remove(self, job: UUID, attempt: str) -> None:
        """Remove what is kept of an attempt."""

    def forget(self, path: str, night: date, name: str, *, named: bool) -> bool:
        """Remove a product, and its public name too unless that stands for another one (`named`).

        One that is gone is no error.

        Returns
        -------
        bool
            False for one that is kept elsewhere, and still is.
        """

    def close(self, workspace: Workspace) -> None:
        """Tidy up after an attempt whose products have their public names."""

    def discard(self, workspace: Workspace) -> None:
        """Remove all that an attempt has written."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """Products stay in a directory, from one rename on.

    Parameters
    ----------
    places
        The directories.
    """

    places: Places

    def path(self, workspace: Workspace, name: str) -> str:
        """Return the path of a product."""
        return str(self.places.kept(workspace) / name)

    def settle_in(self, workspace: Workspace) -> None:
        """Move the products of an attempt to where they stay."""
        self.places.keep(workspace)

    def show(self, workspace: Workspace, night: date, paths: Mapping[str, str]) -> None:
        """Link products under their public names."""
        for path in filter(is_reference, paths.values()):
            raise ServiceError(f"{path}: lies in the store of products; set NIGHTCREW_STORE_URL to its address")
        self.places.show(workspace, {self.places.public(night, name): Path(path) for name, path in paths.items()})

    def attempts(self, job: UUID) -> frozenset[str]:  # noqa: ARG002 (each has its directory in scratch)
        """Return nothing: whatever is kept is seen to."""
        return frozenset()

    def remove(self, job: UUID, attempt: str) -> None:
        """Do nothing: there is nothing that nobody sees to."""

    def forget(self, path: str, night: date, name: str, *, named: bool) -> bool:
        """Remove a product, and the directories that are empty then; its public name only if it is ours still."""
        return self.places.forget(Path(path), None if named else self.places.public(night, name))

    def close(self, workspace: Workspace) -> None:
        """Remove the directory of the attempt."""
        self.places.close(workspace)

    def discard(self, workspace: Workspace) -> None:
        """Remove all that the attempt has written."""
        self.places.discard(workspace)


@dataclass(frozen=True, slots=True)
class InStore:
    """Products stay in the store; on this machine are attempts at work, and copies.

    A machine may vanish with its scratch.  What its attempts have left in the store is removed by whoever sees to the
    next attempt at the same job.

    Parameters
    ----------
    places
        The directories.
    depot
        The store.
    """

    places: Places
    depot: Depot

    def path(self, workspace: Workspace, name: str) -> str:
        """Return the reference of a product."""
        return reference(_key(workspace, name))

    def settle_in(self, workspace: Workspace) -> None:
        """Do nothing: `upload` has been called, with more patience than there is now."""

    def upload(self, workspace: Workspace, made: Iterable[Made], halt: Event) -> None:
        """Put the products of an attempt into the store; what is there already is not sent again.

        Raises
        ------
        StoreError
            If the store does not take one, or `halt` is set before all are there.
        NotAKey
            If one has a name that the store cannot have.
        """
        output = self.places.output(workspace)
        for one in made:
            if halt.is_set():
                raise StoreError(f"{self.depot.store.url}: the upload was given up")
            self.depot.store.put(output / one.name, _key(workspace, one.name), one.sha256)

    def show(self, workspace: Workspace, night: date, paths: Mapping[str, str]) -> None:
        """Let public names in the store stand for products; those from before there was a store are linked."""
        older = {self.places.public(night, name): Path(path) for name, path in paths.items() if not is_reference(path)}
        self.places.show(workspace, older)
        for name, path in paths.items():
            if is_reference(path):
                try:
                    self.depot.store.show(key_of(path), f"{NIGHTS}/{night:%Y%m%d}/{name}")
                except NotStored as error:
                    raise ServiceError(str(error)) from error

    def attempts(self, job: UUID) -> frozenset[str]:
        """Return the attempts at a job of which something is in the store."""
        return frozenset(one.key.split("/")[2] for one in self.depot.store.entries(f"{JOBS}/{job}/"))

    def remove(self, job: UUID, attempt: str) -> None:
        """Remove what is in the store of an attempt."""
        for one in [*self.depot.store.entries(f"{JOBS}/{job}/{attempt}/")]:
            self.depot.store.delete(one.key)

    def forget(self, path: str, night: date, name: str, *, named: bool) -> bool:
        """Remove a product from the store; one from before there was a store from the disk."""
        if not is_reference(path):
            return self.places.forget(Path(path), None if named else self.places.public(night, name))
        if not named:
            self.depot.store.delete(f"{NIGHTS}/{night:%Y%m%d}/{name}")
        self.depot.store.delete(key_of(path))
        return True

    def close(self, workspace: Workspace) -> None:
        """Keep the products as copies, and remove the directory of the attempt."""
        output = self.places.output(workspace)
        for path in sorted(output.iterdir()) if output.is_dir() else ():
            self.depot.cache.adopt(path, _key(workspace, path.name))
        self.depot.cache.trim()
        self.places.close(workspace)

    def discard(self, workspace: Workspace) -> None:
        """Remove all that the attempt has written, here and in the store."""
        self.remove(workspace.job, workspace.kept_name)
        self.places.close(workspace)


def _key(workspace: Workspace, name: str) -> str:
    return f"{JOBS}/{workspace.job}/{workspace.kept_name}/{name}"
