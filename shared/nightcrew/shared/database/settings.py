"""Settings of the database: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from nightcrew.shared.database.address import parse_url
from nightcrew.shared.errors import SettingsError
from nightcrew.shared.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import URL


def _default_data_dir() -> Path:
    return user_data_path("nightcrew", appauthor=False)


class DatabaseSettings(Settings):
    """Where the database is and how long it may take; the environment is read when an instance is made.

    Every field is an environment variable with the prefix ``NIGHTCREW_``.
    """

    database_url: SecretStr | None = Field(
        None, description="Address of the database, postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )
    database_url_file: Path | None = Field(
        None, description="File whose one line is the address; read where NIGHTCREW_DATABASE_URL is not set"
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Directory in which the embedded database lives"
    )
    database_pool_size: int = Field(5, ge=1, le=1000, description="Connections that a process opens at most")
    database_connect_timeout: int = Field(
        5, ge=2, le=600, description="Seconds to wait for a connection, new or in use elsewhere in the process"
    )
    database_statement_timeout: float = Field(60.0, ge=0, description="Seconds that a statement may take; 0: no limit")
    database_lock_timeout: float = Field(10.0, ge=0, description="Seconds to wait for a lock; 0: no limit")
    database_idle_timeout: float = Field(
        60.0, ge=0, description="Seconds that an open transaction may do nothing; 0: no limit"
    )
    database_linger: float = Field(
        0.0, ge=0, description="Seconds that the embedded server stays after its last user has left"
    )

    def url(self) -> URL | None:
        """Return the address of the served database, or None where the embedded one is meant.

        Raises
        ------
        SettingsError
            If the file cannot be read, or what is written is no address of a PostgreSQL database.
        """
        if self.database_url is not None:
            return parse_url(self.database_url.get_secret_value(), "NIGHTCREW_DATABASE_URL")
        if self.database_url_file is None:
            return None
        try:
            text = self.database_url_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or "not a text"
            raise SettingsError(
                f"{self.database_url_file}: cannot be read ({why}); NIGHTCREW_DATABASE_URL_FILE must name a file "
                "whose one line is the address of the database"
            ) from None
        return parse_url(text.strip(), f"NIGHTCREW_DATABASE_URL_FILE ({self.database_url_file})")
