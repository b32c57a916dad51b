"""RabbitMQ for the tests: the one that there is, or a node of our own that may be stopped and started."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pika
import pytest
from pika.exceptions import ProbableAuthenticationError

from nightcrew.shared.bus import BusUnavailable, Topology
from nightcrew.shared.bus.connection import CONNECT_FAULTS
from nightcrew.shared.bus.declaring import check
from nightcrew.shared.bus.settings import RabbitSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEBIAN = Path("/usr/lib/rabbitmq/bin")
"""Where Debian keeps the scripts themselves; those on the PATH change the user first."""
REMEDY = "install rabbitmq-server (Debian: apt-get install rabbitmq-server)"
PATIENCE = 60.0
"""Seconds that a node may take to start: two are usual."""


def _script(name: str) -> str | None:
    return shutil.which(name, path=f"{DEBIAN}{os.pathsep}{os.environ.get('PATH', '')}")


def _installed() -> bool:
    return all(_script(name) is not None for name in ("rabbitmq-server", "rabbitmqctl", "epmd"))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Node:
    """A RabbitMQ server of our own, on loopback, with everything that it writes in one directory.

    Parameters
    ----------
    directory
        Empty; a short path, because the server keeps a socket in it.
    configuration
        Lines for its `rabbitmq.conf`.
    plugins
        Those that are enabled.
    """

    def __init__(self, directory: Path, configuration: str = "", plugins: Sequence[str] = ()) -> None:
        self.port = _free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self._epmd_port = _free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = (directory / "output").open("ab")
        (directory / "rabbitmq.conf").write_text(f"listeners.tcp.local = 127.0.0.1:{self.port}\n{configuration}")
        (directory / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        (directory / "env.conf").write_text("")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"nightcrew-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(_free_port()),
            "RABBITMQ_BASE": str(directory),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        self._run("epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port))

    def _run(self, *command: str) -> None:
        program = _script(command[0])
        if program is None:
            raise FileNotFoundError(command[0])
        self._processes.append(
            subprocess.Popen([program, *command[1:]], env=self._environment, stdout=self._log, stderr=self._log)
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("rabbitmq-server")
        server = self._processes[-1]
        end = time.monotonic() + PATIENCE
        while not _answers(self.url):
            if server.poll() is not None or time.monotonic() > end:
                said = Path(self._log.name).read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the RabbitMQ of the tests did not start: {said}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the server; what is durable stays in its directory."""
        _end(self._processes.pop())

    def control(self, *arguments: str, text: str = "") -> str:
        """Run rabbitmqctl; return what it prints."""
        program = _script("rabbitmqctl")
        assert program is not None
        done = subprocess.run(
            [program, "-q", *arguments],
            env=self._environment, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """What a script needs to reach this node by rabbitmqctl, Debian's wrapper left out."""
        return {**self._environment, "PATH": f"{DEBIAN}{os.pathsep}{self._environment['PATH']}"}

    def close(self) -> None:
        """Stop everything."""
        while self._processes:
            _end(self._processes.pop())
        self._log.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except ProbableAuthenticationError:
        return True  # where definitions are loaded, there is no guest
    except CONNECT_FAULTS:
        return False
    return True


@contextmanager
def own_node(directory: Path, configuration: str = "", plugins: Sequence[str] = ()) -> Iterator[Node]:
    """Start a node of our own."""
    if not _installed():
        pytest.fail(f"this test needs a RabbitMQ of its own: {REMEDY}", pytrace=False)
    node = Node(directory, configuration, plugins)
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a RabbitMQ in which a test may make things of its own, under names of its own."""
    settings = RabbitSettings.load()
    try:
        check(settings, Topology((), (), ()))
    except BusUnavailable as error:
        if not _installed():
            pytest.exit(f"the tests need RabbitMQ: {error}. Set NIGHTCREW_RABBITMQ_URL, or {REMEDY}", returncode=1)
        with own_node(tmp_path_factory.mktemp("rabbitmq")) as node:
            yield node.url
    else:
        yield settings.url()


def remove(settings: RabbitSettings, topology: Topology) -> None:
    """Delete everything that a topology names."""
    connection = pika.BlockingConnection(settings.parameters())
    channel = connection.channel()
    for queue in topology.queues:
        channel.queue_delete(topology.physical(queue.name))
    for exchange in topology.exchanges:
        channel.exchange_delete(topology.physical(exchange.name))
    connection.close()
