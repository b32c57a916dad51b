"""Files of the store on their way: to an attempt that needs them, and from one that has made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightcrew.reducer.worker.endings import Concluded, Ending, failed
from nightcrew.shared.errors import NightcrewError, ServiceError
from nightcrew.shared.outcomes import Status
from nightcrew.shared.store import NotStored, StoreError, is_reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from nightcrew.reducer.worker.keeping import InStore
    from nightcrew.reducer.worker.places import Workspace

INPUTS = "inputs"
PROBE = "jobs/none/"


@dataclass(slots=True)
class Carrier:
    """Carries files between the store and attempts, and notices when the store cannot be asked.

    Parameters
    ----------
    store
        Where products are kept.
    """

    store: InStore
    _unsure: bool = True

    def bring(
        self, request: Mapping[str, Any], workspace: Workspace, halt: Event, *, last: bool
    ) -> Mapping[str, Any] | Ending:
        """Return a request whose files are all on this machine, or the end of the attempt if they cannot be had.

        Parameters
        ----------
        request
            As the ledger has it.
        workspace
            Takes the files, and keeps them until the attempt has ended.
        halt
            Is set if nobody waits for them any more.
        last
            Whether there will be no other attempt, should one be missing.
        """
        directory = self.store.places.at_work(workspace) / INPUTS

        def local(path: str) -> str:
            if halt.is_set():
                raise StoreError("the attempt was given up")
            return str(self.store.depot.borrow(path, directory))

        try:
            brought = localised(request, local)
        except NotStored as error:
            return failed(Status.UNPROCESSABLE if last else Status.RETRYABLE, str(error), "inputs")
        except NightcrewError as error:
            return self._ended(error)
        assert isinstance(brought, Mapping)
        return brought

    def take(self, end: Concluded, workspace: Workspace, halt: Event) -> Concluded:
        """Put what an attempt has made into the store; return its end, which is another one if that failed."""
        try:
            self.store.upload(workspace, end.made, halt)
        except NightcrewError as error:
            return self._ended(error, end)
        return end

    def trouble(self) -> str:
        """Say why no job should be begun; empty if the store answers, and nothing has failed since it was asked."""
        if self._unsure:
            try:
                list(self.store.depot.store.entries(PROBE))
            except StoreError as error:
                return str(error)
            self._unsure = False
        return ""

    def _ended(self, error: NightcrewError, end: Concluded | None = None) -> Concluded:
        self._unsure = self._unsure or isinstance(error, StoreError)
        status = Status.RETRYABLE if isinstance(error, ServiceError) else Status.UNPROCESSABLE
        return failed(status, str(error), error.code, end.usage if end else None)


def localised(value: Any, local: Callable[[str], str]) -> Any:
    """Return a request, or a part of one, with what `local` gives in place of each reference to the store."""
    if isinstance(value, Mapping):
        return {key: localised(one, local) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [localised(one, local) for one in value]
    return local(value) if isinstance(value, str) and is_reference(value) else value
