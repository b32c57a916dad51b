"""A network without a way out: loopback, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTEN = "0A"
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

    def listening(self) -> set[IPv4Address | IPv6Address]:
        """Return the addresses at which somebody inside listens."""
        tables = Path(f"/proc/{self.number}/net")
        rows = [line.split() for name in ("tcp", "tcp6") for line in (tables / name).read_text().splitlines()[1:]]
        return {_address(row[1].partition(":")[0]) for row in rows if row[3] == _LISTEN}


def _address(told: str) -> IPv4Address | IPv6Address:
    """Return an address from how the kernel writes it: words of four bytes, each in this machine's order."""
    words = [bytes.fromhex(told[at : at + 8]) for at in range(0, len(told), 8)]
    return ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words))


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
