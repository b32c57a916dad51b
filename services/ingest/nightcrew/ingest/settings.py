"""Settings of ingest: from arguments, else from the environment, else from the defaults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from nightcrew.ingest.archiving import Archive, Mode
from nightcrew.ingest.core.naming import printable
from nightcrew.ingest.core.settling import Policy
from nightcrew.ingest.service import Watch
from nightcrew.shared.settings import ServiceSettings, is_loopback, tokens_in

PREFIX = "NIGHTCREW_INGEST_"


class IngestSettings(ServiceSettings):
    """What ingest watches and what it does with files; the environment is read when an instance is made.

    Every field is an environment variable with the prefix ``NIGHTCREW_INGEST_``; times are in seconds.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    directories: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Directories in which frames arrive, with a colon between them"
    )
    recursive: bool = Field(False, description="Whether the directories below them belong to them")
    interval: float = Field(1.0, gt=0, le=3600, description="Time between two looks at the directories")
    settle: float = Field(2.0, ge=0, description="Time without a change after which a file is looked into")
    patience: float = Field(
        60.0, ge=0, description="Time without a change after which a file that is cut short is set aside"
    )
    mode: Mode = Field(Mode.IN_PLACE, description="What is done with frames: in_place, link, move")
    archive: Path | None = Field(None, description="Directory to which frames are linked or moved")
    quarantine: Path | None = Field(None, description="Directory for what cannot be used, with the reasons")
    uploads: Path | None = Field(
        None, description="Directory for frames that come over HTTP; by default the archive; without either none do"
    )
    max_frame: int = Field(2**29, ge=2880, description="Most bytes of a frame, compressed or not")
    batch: int = Field(50, ge=1, le=1000, description="Frames that are recorded in one transaction")
    readers: int = Field(2, ge=1, le=64, description="Files that are read at once")
    relay: bool = Field(True, description="Whether ingest publishes what it records; the planner does so too")
    host: str = Field("127.0.0.1", description="Address to listen at")
    port: int = Field(8101, ge=0, le=65535, description="Port to listen at; 0: any free one")
    token_file: Path | None = Field(
        None, description="File with the tokens that may hand in frames over HTTP, one a line; without it nobody may"
    )
    max_uploads: int = Field(4, ge=1, le=100, description="Frames that are received over HTTP at once; others wait")
    body_timeout: float = Field(30.0, gt=0, description="Time in which a part of an upload must arrive")

    @field_validator("directories", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("directories")
    @classmethod
    def _all_absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(_absolute(path) for path in value)

    @field_validator("archive", "quarantine", "uploads")
    @classmethod
    def _one_absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else _absolute(value)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.mode is not Mode.IN_PLACE and self.archive is None:
            raise ValueError(f"mode {self.mode} needs an archive: set {PREFIX}ARCHIVE")
        for name in ("archive", "quarantine", "uploads"):
            path = getattr(self, name)
            if path is not None and any(one == path or path in one.parents for one in self.directories):
                raise ValueError(f"{name} must not be a watched directory, nor hold one: its files would come again")
        return self

    @property
    def watch(self) -> Watch:
        """What is watched, and how."""
        return Watch(
            self.directories,
            self.recursive,
            Policy(self.settle, self.patience),
            Archive(self.mode, self.archive, self.quarantine),
            self.interval,
            self.batch,
            self.readers,
            self.max_frame,
        )

    @property
    def inbox(self) -> Path | None:
        """Where uploaded frames are kept; None if none are taken."""
        return self.uploads or self.archive

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    def tokens(self) -> tuple[str, ...]:
        """Return the tokens of the file.

        Raises
        ------
        SettingsError
            If the file cannot be read, or a line is too short to be a token; no line is ever shown.
        """
        return tokens_in(self.token_file, f"{PREFIX}TOKEN_FILE", "openssl rand -hex 32")


def _absolute(path: Path) -> Path:
    absolute = os.path.abspath(path)  # noqa: PTH100 - links stay as they are
    if printable(absolute) != absolute:
        raise ValueError("must be text (UTF-8), for the ledger keeps it")
    return Path(absolute)
