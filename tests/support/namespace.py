"""A network without a way out: loopback, and nothing else."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOLD = "ip link set lo up && echo up && exec sleep 600"


@dataclass(frozen=True)
class Namespace:
    """A network namespace in which processes can be started.

    Parameters
    ----------
    number
        The process that holds it.
    """

    number: int

    @property
    def prefix(self) -> tuple[str, ...]:
        """What goes before a command to run it inside, as the same process."""
        return ("nsenter", "--net", "--target", str(self.number), "--")

    def attempts(self) -> int:
        """Return how many packets had nowhere to go, names that were asked for included, as the kernel counts them."""
        tables = Path(f"/proc/{self.number}/net")
        names, values = [line.split() for line in (tables / "snmp").read_text().splitlines() if line.startswith("Ip:")]
        newer = dict(line.split() for line in (tables / "snmp6").read_text().splitlines())
        return int(dict(zip(names, values, strict=True))["OutNoRoutes"]) + int(newer.get("Ip6OutNoRoutes", 0))


@contextmanager
def no_way_out() -> Iterator[Namespace]:
    """Make a namespace; skip where that is not permitted."""
    try:
        holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", _HOLD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        pytest.skip("unshare is missing: install util-linux")
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stderr is not None
            if holder.stdout.readline() != "up\n":
                pytest.skip(f"a network namespace is not to be had here: {holder.stderr.read().strip()}")
            namespace = Namespace(holder.pid)
            yield namespace
        finally:
            holder.kill()
