"""Where the broker is: from arguments, else from the environment, else the one of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pika
from pydantic import Field, SecretStr

from nightcrew.shared.errors import SettingsError
from nightcrew.shared.settings import Settings

if TYPE_CHECKING:
    from pika.connection import Parameters

DEFAULT = "amqp://guest:guest@127.0.0.1:5672/"
HEARTBEAT = 30
"""Seconds; two missed ones end a connection.  Shorter than the broker's 60, long enough for a busy machine."""
BLOCKED_TIMEOUT = 300.0
"""Seconds that a broker short of memory or disk may keep a publisher waiting."""
SHAPE = "amqp://USER:PASSWORD@HOST:PORT/VHOST"


class RabbitSettings(Settings):
    """Where the broker is; the environment is read when an instance is made.

    Every field is an environment variable with the prefix ``NIGHTCREW_``.
    """

    rabbitmq_url: SecretStr | None = Field(
        None,
        description=f"Address of the message broker, {SHAPE} or amqps:; its query may set what pika knows: "
        "?heartbeat=10&socket_timeout=5",
    )
    rabbitmq_url_file: Path | None = Field(
        None, description="File whose one line is the address; read where NIGHTCREW_RABBITMQ_URL is not set"
    )

    def parameters(self) -> Parameters:
        """Return what pika wants to know.

        Raises
        ------
        SettingsError
            If the address is none.  The line does not hold it: there is a password in it.
        """
        url, source = self._address()
        try:
            parts = urlsplit(url)
            if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
                raise SettingsError(f"{source}: no address of a message broker; it looks like {SHAPE}")
            parameters = pika.URLParameters(url)
        except (ValueError, TypeError):
            raise SettingsError(f"{source}: no address of a message broker; it looks like {SHAPE}") from None
        if parameters.heartbeat is None:
            parameters.heartbeat = HEARTBEAT
        if parameters.blocked_connection_timeout is None:
            parameters.blocked_connection_timeout = BLOCKED_TIMEOUT
        return parameters

    def url(self) -> str:
        """Return the address with its password: for another process, never for a log."""
        return self._address()[0]

    @property
    def address(self) -> str:
        """The broker without the password: `user@host:port/vhost`."""
        parameters = self.parameters()
        user = getattr(parameters.credentials, "username", "")
        return f"{user}@{parameters.host}:{parameters.port}/{parameters.virtual_host.strip('/')}"

    def _address(self) -> tuple[str, str]:
        """Return the address and where it was written."""
        if self.rabbitmq_url is not None:
            return self.rabbitmq_url.get_secret_value(), "NIGHTCREW_RABBITMQ_URL"
        if self.rabbitmq_url_file is None:
            return DEFAULT, "the default"
        try:
            text = self.rabbitmq_url_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or "not a text"
            raise SettingsError(
                f"{self.rabbitmq_url_file}: cannot be read ({why}); NIGHTCREW_RABBITMQ_URL_FILE must name a file "
                "whose one line is the address of the message broker"
            ) from None
        return text.strip(), f"NIGHTCREW_RABBITMQ_URL_FILE ({self.rabbitmq_url_file})"
