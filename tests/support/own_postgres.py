"""A PostgreSQL of the test's own, which may be stopped and killed."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.database.embedded import EmbeddedServer, keeper
from support.postgres import with_password

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE = "suite"


class OwnPostgres:
    """The embedded server, under one address for as long as it is used.

    Parameters
    ----------
    directory
        Empty; a short path, because the socket is in it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = EmbeddedServer(directory)
        self.server.start()
        self.server.create_database(DATABASE)

    @property
    def url(self) -> str:
        return with_password(self.server.url(DATABASE))

    def stop(self) -> None:
        """Stop it as an administrator does: transactions that are open are rolled back."""
        keeper.stop(self.directory)

    def kill(self) -> None:
        """End it as a power cut does."""
        running = keeper.postmaster(self.directory)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        assert keeper.is_free(self.directory / keeper.SERVER, wait=20)

    def start(self) -> None:
        """Start it again; it recovers if it has to."""
        self.server.start()

    def close(self) -> None:
        self.server.close()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """Run a server of our own."""
    with tempfile.TemporaryDirectory(prefix="nc-pg-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        server = OwnPostgres(Path(name))
        try:
            yield server
        finally:
            server.close()
