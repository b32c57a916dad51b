"""A wire that can be cut: a TCP proxy on loopback."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class Proxy:
    """Hands bytes through to a server until it is told not to; frozen, it takes connections and says nothing.

    Parameters
    ----------
    host, port
        The server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = Lock()
        self._open: list[socket.socket] = []
        self._refusing = False
        self._flowing = Event()
        self._flowing.set()
        self._threads: list[Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def _start(self, run: object, *arguments: socket.socket) -> None:
        thread = Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._refusing:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(self._target)
                except OSError:  # the server is down
                    near.close()
                    continue
                self._open += [near, far]
            self._start(self._hand_on, near, far)
            self._start(self._hand_on, far, near)

    def _hand_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                target.sendall(data)
        self._shut(source)
        self._shut(target)

    @staticmethod
    def _shut(end: socket.socket) -> None:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

    def cut(self, *, refuse: bool = False) -> None:
        """Break all connections; refuse new ones as well, if asked to."""
        with self._lock:
            self._refusing = refuse
            for end in self._open:
                self._shut(end)

    def mend(self) -> None:
        """Take new connections again."""
        self._refusing = False

    def freeze(self) -> None:
        """Keep all bytes back, as a server does that hangs."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Hand on what was kept back, and what comes."""
        self._flowing.set()

    def close(self) -> None:
        """Break all connections and take no more."""
        self.thaw()
        self._shut(self._listener)
        self._listener.close()
        self.cut(refuse=True)
        for thread in self._threads:
            thread.join(5)
        for end in self._open:
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
