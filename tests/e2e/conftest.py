"""Nights for the stories below: simulated small, reduced once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from nightcrew.simulator import niri_night

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Told:
    """What a command answered."""

    code: int
    out: str
    err: str


def nightcrew(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Told:
    """Run the command as a user would."""
    command = [sys.executable, "-W", "error", "-c", "from nightcrew.cli.main import run; run()", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)
    return Told(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Reduced:
    """A night and what became of it."""

    raw: Path
    out: Path
    told: Told

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.out / "night.json").read_text())
        return read

    def groups(self, kind: str) -> list[dict[str, Any]]:
        return [group for group in self.document["groups"] if group["kind"] == kind]

    def group(self, kind: str) -> dict[str, Any]:
        (one,) = self.groups(kind)
        return one


def reduce_night(directory: Path, *variants: str, frames: int | None = 5, seed: int = 1) -> Reduced:
    """Simulate a night of 256 x 256 pixels and reduce it."""
    raw, out = directory / "raw", directory / "out"
    niri_night(seed, size=256, frames=frames, variants=variants).write(raw)
    return Reduced(raw, out, nightcrew("night", raw, "--out", out))


@pytest.fixture(scope="session")
def tutorial_night(tmp_path_factory: pytest.TempPathFactory) -> Reduced:
    """The NIRI tutorial's night, reduced."""
    return reduce_night(tmp_path_factory.mktemp("tutorial"))
