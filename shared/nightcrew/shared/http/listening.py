"""The socket at which a service is reached."""

from __future__ import annotations

import socket

from nightcrew.shared.errors import ServiceError

_BACKLOG = 2048
"""Connections that wait to be taken: clients that come before the service is up are served late, not refused."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket at which clients are taken from now on, IPv4 or IPv6 as the address has it.

    Raises
    ------
    ServiceError
        If the address is none, or somebody else listens there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise ServiceError(
            f"{host}:{port}: cannot listen there ({error.strerror}); choose another --host or --port"
        ) from error
    return listening
