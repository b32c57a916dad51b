"""What reducer and child say to each other: a line of JSON each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from nightcrew.shared.outcomes import Outcome


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def line(self) -> bytes:
        """Return it as it goes through the pipe."""
        return self.model_dump_json().encode() + b"\n"


class Order(_Line):
    """A job for the child.

    Parameters
    ----------
    request
        As the ledger has it.
    directory
        Where products go; it is there, and empty.
    budget
        Bytes of memory to keep to.
    threads
        For the kernels.
    hashes
        SHA-256 of the frames, by number, as they were when they came in.
    last
        Whether there will be no other attempt, should something be missing.
    """

    request: Mapping[str, Any]
    directory: Path
    budget: int
    threads: int
    hashes: Mapping[int, str] = Field(default_factory=dict)
    last: bool = False


class Ready(_Line):
    """The child is warm; `recipes` are the names that it knows, `seconds` what the start took."""

    event: Literal["ready"] = "ready"
    recipes: tuple[str, ...]
    seconds: float


class Taken(_Line):
    """The child has its job, and begins."""

    event: Literal["taken"] = "taken"


class Begun(_Line):
    """A primitive has begun on so many frames; `level` counts the primitives around it."""

    event: Literal["begin"] = "begin"
    primitive: str
    level: int
    frames: int


class Ended(_Line):
    """A primitive has ended after so many seconds of CPU time."""

    event: Literal["end"] = "end"
    primitive: str
    level: int
    seconds: float


class Said(_Line):
    """A remark, or a warning."""

    event: Literal["note", "warning"]
    text: str


class Made(_Line):
    """A file that was made: its name in the directory, what it is, and its bytes by hash and number."""

    name: str
    kind: str
    sha256: str
    md5: str
    size: int


class Finished(_Line):
    """The job has come to an end.

    Parameters
    ----------
    outcome
        How.
    recipe
        Name of what ran.
    made
        The files.
    seconds
        CPU time by primitive, of all primitives that it calls too.
    cpu_seconds
        CPU time of the whole.
    peak_rss
        Largest resident size of the child so far, bytes.
    measurements
        What was measured about the frames.
    trace
        Where in our code a defect showed.
    """

    event: Literal["outcome"] = "outcome"
    outcome: Outcome
    recipe: str = ""
    made: tuple[Made, ...] = ()
    seconds: Mapping[str, float] = Field(default_factory=dict)
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    measurements: tuple[Mapping[str, Any], ...] = ()
    trace: str = ""


Event: TypeAlias = Ready | Taken | Begun | Ended | Said | Finished
_EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def read_event(line: bytes) -> Event:
    """Read a line of the child.

    Raises
    ------
    ValueError
        If it is no event.
    """
    return _EVENTS.validate_json(line)
