"""The Compose file, read as Compose reads it, and its services as processes of this machine."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILES = ROOT / "deploy" / "docker"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
PATIENCE = 90.0
"""Seconds until a story is given up that takes ten on an idle machine."""


def compose(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the Compose file with its variables filled in, as from an environment without any."""
    given = environment or {}
    text = _VARIABLE.sub(lambda found: given.get(found[1]) or found[2] or "", COMPOSE.read_text())
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def services(environment: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the services of the Compose file."""
    found: dict[str, dict[str, Any]] = compose(environment)["services"]
    return found


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, continued lines as one, without comments."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    parts = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(part[0].upper(), part[1] if len(part) > 1 else "") for part in parts]


def entrypoint(service: Mapping[str, Any]) -> list[str]:
    """Return what a container of a service runs, without its arguments."""
    found = dict(instructions(ROOT / service["build"]["dockerfile"]))
    read: list[str] = json.loads(found["ENTRYPOINT"])
    return read


def ours() -> dict[str, dict[str, Any]]:
    """Return the services that run our own images."""
    return {name: one for name, one in services().items() if one["image"].startswith("nightcrew/")}


@dataclass
class Containers:
    """Services of the Compose file as processes: own commands, own environment, places and ports of this test.

    Parameters
    ----------
    directory
        Holds what volumes and secrets hold in Compose.
    changes
        Variables that make a night of hours one of seconds.
    """

    directory: Path
    changes: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        for name in ("secrets", "data", "log", "tmp"):
            (self.directory / name).mkdir(exist_ok=True)

    def volume(self, name: str) -> Path:
        """Return what is mounted at /data/NAME."""
        path = self.directory / "data" / name
        path.mkdir(exist_ok=True)
        return path

    def environment(self, service: str, name: str) -> dict[str, str]:
        """Return the variables of a service, for the container `name`."""
        about = services()[service]
        secrets = {
            (one if isinstance(one, str) else one["target"]): (one if isinstance(one, str) else one["source"])
            for one in about.get("secrets", ())
        }
        told = {}
        for key, value in about.get("environment", {}).items():
            text = str(value)
            for target, source in secrets.items():
                text = text.replace(f"/run/secrets/{target}", str(self.directory / "secrets" / source))
            for other in re.findall(r"(?<=http://)([a-z-]+):\d+", text):
                text = re.sub(rf"http://{other}:\d+", f"http://127.0.0.1:{self.port(other)}", text)
            text = "127.0.0.1" if text == "0.0.0.0" else self._place(text)
            told[key] = str(self.port(name)) if key.endswith("_PORT") else text
        return told

    def _place(self, text: str) -> str:
        for found in re.findall(r"/data/([a-z]+)", text):
            self.volume(found)
        return text.replace("/data/", f"{self.directory}/data/")

    def port(self, name: str) -> int:
        """Return the port of a container; its own for as long as this lives."""
        if name not in self.ports:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.ports[name] = listener.getsockname()[1]
        return self.ports[name]

    def command(self, service: str) -> list[str]:
        """Return what a container of a service runs."""
        about = services()[service]
        program, *rest = [*entrypoint(about), *(self._place(str(word)) for word in about.get("command", ()))]
        return [str(Path(sys.executable).with_name(program)), *rest]

    def run(self, service: str, timeout: float = PATIENCE) -> None:
        """Run a service that ends by itself, to its end."""
        with self._log(service) as log:
            done = subprocess.run(
                self.command(service), env=self._clean(service, service), stdout=log, stderr=log, timeout=timeout,
                check=False,
            )  # fmt: skip
        assert done.returncode == 0, self.said(service)

    def start(self, service: str, name: str = "") -> None:
        """Start a container of a service; `name` tells it from others of the same."""
        name = name or service
        with self._log(name) as log:
            self._running[name] = subprocess.Popen(
                self.command(service), env=self._clean(service, name), stdout=log, stderr=log
            )

    def ask(self, name: str, path: str) -> tuple[int, str]:
        """Ask a container over HTTP; status 0 if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port(name)}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError as error:
            return 0, str(error)

    def healthy(self, name: str, service: str = "") -> bool:
        """Whether the service's own health check is content with a container."""
        _, program, url = services()[service or name]["healthcheck"]["test"]
        asked = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{self.port(name)}", url)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [DOCKERFILES / program, asked], capture_output=True, check=False, env={**os.environ, "PATH": path}
        )
        return done.returncode == 0

    def until(self, happens: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until something happens, as long as every container runs."""
        end = time.monotonic() + seconds
        while not happens():
            for name, process in self._running.items():
                assert process.poll() is None, f"{name} has ended:\n{self.said(name)}"
            said = "\n".join(f"--- {name}\n{self.said(name)}" for name in self._running)
            assert time.monotonic() < end, f"it did not happen:\n{said}"
            time.sleep(0.1)

    def stop(self, name: str) -> int:
        """End a container as Compose does, and return its exit code."""
        process = self._running.pop(name)
        process.terminate()
        try:
            return process.wait(60)
        finally:
            process.kill()
            process.wait()

    def numbers(self) -> list[int]:
        """Return the process numbers of the containers that run."""
        return [process.pid for process in self._running.values()]

    def said(self, name: str, lines: int = 20) -> str:
        """Return the last that a container has written."""
        text = (self.directory / "log" / name).read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _log(self, name: str) -> Any:
        return (self.directory / "log" / name).open("ab")

    def _clean(self, service: str, name: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NIGHTCREW_")}
        home = {"HOME": str(self.directory / "tmp"), "SOURCE_DATE_EPOCH": "1577836800"}
        return {**kept, **home, **self.environment(service, name), **self.changes}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
