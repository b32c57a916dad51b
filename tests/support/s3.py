"""An S3 server for the tests: nanio, which checks signatures as the real ones do, as a process of its own."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.shared.store.settings import StoreSettings, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nightcrew.shared.store import Store

PATIENCE = 30.0
"""Seconds within which the server must be up."""


@dataclass(frozen=True)
class S3:
    """A server with one bucket, and what its clients need to know.

    Parameters
    ----------
    process
        The server.
    directory
        Where it keeps buckets.
    port
        Where it listens, on this machine.
    access_key, secret_key
        The only ones that it takes.
    """

    process: subprocess.Popen[bytes]
    directory: Path
    port: int
    access_key: str
    secret_key: str
    bucket: str = "observatory"

    def environment(self, prefix: str = "", **changes: str) -> dict[str, str]:
        """Return the variables of a service that uses the bucket; keys are in files."""
        keys = {"access": self.access_key, "secret": self.secret_key}
        for name, key in keys.items():
            (self.directory.parent / f"{name}.key").write_text(f"{key}\n")
        return {
            "NIGHTCREW_STORE_URL": f"s3://{self.bucket}/{prefix}?endpoint=http://127.0.0.1:{self.port}",
            "NIGHTCREW_STORE_ACCESS_KEY_FILE": str(self.directory.parent / "access.key"),
            "NIGHTCREW_STORE_SECRET_KEY_FILE": str(self.directory.parent / "secret.key"),
            "NIGHTCREW_STORE_RETRY": "1",
            "NIGHTCREW_STORE_TIMEOUT": "10",
            **changes,
        }

    def store(self, prefix: str = "", **changes: str) -> Store:
        """Return the bucket as a store."""
        given = {name.removeprefix("NIGHTCREW_").lower(): text for name, text in self.environment(prefix).items()}
        opened = open_store(StoreSettings.load(**{**given, **changes}))
        assert opened is not None
        return opened

    def silent(self, silent: bool) -> None:
        """Let the server hang, or go on."""
        self.process.send_signal(signal.SIGSTOP if silent else signal.SIGCONT)


@contextmanager
def s3_server(directory: Path) -> Iterator[S3]:
    """Run a server, and end it."""
    buckets = directory / "buckets"
    keys = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_hex(20)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("nanio"))
    command = [program, "serve", "--data-dir", str(buckets), "--host", "127.0.0.1", "--port", str(port)]
    (buckets / S3.bucket).mkdir(parents=True)
    with (directory / "s3.log").open("wb") as log:
        process = subprocess.Popen(command, env=_environment(*keys), stdout=log, stderr=log)
    try:
        _wait(process, port, directory / "s3.log")
        yield S3(process, buckets, port, *keys)
    finally:
        process.kill()
        process.wait()


def _environment(access_key: str, secret_key: str) -> Mapping[str, str]:
    return {**os.environ, "NANIO_ACCESS_KEY": access_key, "NANIO_SECRET_KEY": secret_key}


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        else:
            return
