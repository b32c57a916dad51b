"""Settings of services: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nightcrew.shared.errors import SettingsError

PREFIX = "NIGHTCREW_"


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
