"""Settings of services: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nightcrew.shared.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "NIGHTCREW_"
LEAST_TOKEN = 20
"""Characters below which a token of a file is taken for a mistake."""


class Settings(BaseSettings):
    """Settings whose environment is read when an instance is made, never when a module is imported.

    Every field is an environment variable with the prefix of the class, in capitals.  An empty variable counts as none.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the environment; what is given by name goes before it.

        Raises
        ------
        SettingsError
            If a value makes no sense; the line names the variable, never a value.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = str(cls.model_config["env_prefix"]) + ".".join(str(part) for part in first["loc"]).upper()
            message = first["msg"].removeprefix("Value error, ")
            told = f"{where}: {message}" if first["loc"] else message
            raise SettingsError(f"{told}; see docs/reference/settings.md") from None


class ServiceSettings(Settings):
    """Settings that every service has."""

    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="Form of the log; auto: for people on a terminal, else JSON"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is worth a line")


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tokens_in(file: Path | None, variable: str, maker: str) -> tuple[str, ...]:
    """Return the tokens of a file: one a line, without empty lines and comments.

    Parameters
    ----------
    file
        The file; there are no tokens without one.
    variable
        Setting that names it, for messages.
    maker
        Command that makes a token, for messages.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a line is too short to be a token; no line is ever shown.
    """
    if file is None:
        return ()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "not a text"
        raise SettingsError(
            f"{file}: cannot be read ({why}); {variable} must name a file with a token a line"
        ) from None
    tokens = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if any(len(token) < LEAST_TOKEN for token in tokens):
        raise SettingsError(f"{file}: a token has at least {LEAST_TOKEN} characters; make one with `{maker}`")
    return tokens
