"""Settings of the calibration service: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import SettingsConfigDict

from nightcrew.shared.settings import ServiceSettings, is_loopback, tokens_in

PREFIX = "NIGHTCREW_CALMANAGER_"


class CalmanagerSettings(ServiceSettings):
    """How the calibration service listens, and what it allows; the environment is read when an instance is made.

    Every field is an environment variable with the prefix ``NIGHTCREW_CALMANAGER_``.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    host: str = Field("127.0.0.1", description="Address to listen at; another than loopback needs a token")
    port: int = Field(8100, ge=0, le=65535, description="Port to listen at; 0: any free one")
    public_url: str | None = Field(
        None, description="Address under which clients reach the service, if a proxy stands before it"
    )
    store: Path | None = Field(
        None, description="Directory for uploaded calibrations; by default `calibrations` in NIGHTCREW_DATA_DIR"
    )
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("nightcrew", appauthor=False),
        validation_alias=AliasChoices("data_dir", "NIGHTCREW_DATA_DIR"),
        exclude=True,
    )
    token_file: Path | None = Field(
        None, description="File with tokens that may read and write, one a line, beside those in the database"
    )
    reads: Literal["auto", "open", "token"] = Field(
        "auto", description="Whether reading under /v1 needs a token; auto: only if not bound to loopback"
    )
    archive: bool = Field(True, description="Whether to speak the archive's protocol, whose reads are always open")
    max_upload: int = Field(2 * 2**30, ge=1, description="Most bytes of an uploaded file")
    max_body: int = Field(2**20, ge=1024, description="Most bytes of any other body")
    max_header: int = Field(32 * 2**10, ge=1024, description="Most bytes of a request line and its headers")
    connections: int = Field(1000, ge=1, description="Connections that are served at once")
    requests: int = Field(256, ge=1, description="Requests that are in work at once")
    questions: int = Field(
        2, ge=1, le=100, description="Questions which calibration belongs to a frame that are answered at once"
    )
    threads: int = Field(8, ge=1, le=1000, description="Other requests that use the database or the disk at once")
    uploads: int = Field(4, ge=1, le=100, description="Uploads that are received at once; others wait")
    header_timeout: float = Field(10.0, gt=0, description="Seconds for the headers of a request to arrive")
    body_timeout: float = Field(30.0, gt=0, description="Seconds in which a part of a body must arrive")
    send_timeout: float = Field(60.0, gt=0, description="Seconds in which a client must take a part of a file")
    keep_alive: int = Field(15, ge=0, description="Seconds that an idle connection stays open")
    drain: int = Field(60, ge=0, description="Seconds that requests have to end after SIGTERM")

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[A-Za-z0-9_.:\[\]-]+(/[A-Za-z0-9_./~-]*)?", value):
            raise ValueError("must be an address such as https://calmgr.example.org")
        return value.rstrip("/") if value else value

    @property
    def database_connections(self) -> int:
        """How many of the threads may want the database at once."""
        return self.questions + self.threads + self.uploads

    @property
    def directory(self) -> Path:
        """Where uploaded calibrations are kept."""
        return self.store if self.store is not None else self.data_dir / "calibrations"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def reads_need_token(self) -> bool:
        """Whether reading under `/v1` needs a token."""
        return self.reads == "token" or (self.reads == "auto" and not self.loopback)

    def bootstrap_tokens(self) -> tuple[str, ...]:
        """Return the tokens of the file.

        Raises
        ------
        SettingsError
            If the file cannot be read, or a line is too short to be a token; no line is ever shown.
        """
        return tokens_in(self.token_file, f"{PREFIX}TOKEN_FILE", "nightcrew-calmanager token create NAME")
