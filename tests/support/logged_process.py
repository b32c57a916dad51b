"""A service as a process of its own, whose log is read while it writes it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 30.0
"""Seconds within which a service must be up or down."""


class LoggedProcess:
    """What the processes of services have in common; used as a context it is killed in the end."""

    process: subprocess.Popen[str]

    def hear(self, line: str) -> None:
        """Take in a line of the log; called in a thread of its own."""
        raise NotImplementedError

    def launch(self, *arguments: str, environment: Mapping[str, str]) -> None:
        """Start Python with arguments, and listen."""
        self.process = subprocess.Popen(
            [sys.executable, *arguments], env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self.process.kill()
        self._gone()

    def terminate(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        return self._gone()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.hear(line)

    def _gone(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code
