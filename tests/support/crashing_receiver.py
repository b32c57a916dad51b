"""A process that receives calibrations one after the other until somebody kills it.

usage: python -m support.crashing_receiver URL STORE MASTER FIRST NUMBER

Prints the name of each calibration as soon as it is acknowledged.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nightcrew.calmanager import CalibrationManager
from nightcrew.calmanager.files import FileStore
from nightcrew.shared.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = b"GN-2016A-Q-0000"
"""Observation of the master; each file that is made of it has another."""
LIMIT = 10**7


def variant(master: bytes, number: int) -> tuple[str, list[bytes]]:
    """Return name and pieces of a file like the master, with content of its own."""
    content = master.replace(MARK, b"GN-2016A-Q-%04d" % number)
    return f"N20160102S{number:04d}_dark.fits", [
        content[start : start + 50_000] for start in range(0, len(content), 50_000)
    ]


def receive_all(manager: CalibrationManager, master: bytes, first: int, number: int) -> Iterator[str]:
    """Receive files and give the name of each that is acknowledged."""
    for index in range(first, first + number):
        name, chunks = variant(master, index)
        manager.receive(name, chunks, who="receiver", limit=LIMIT)
        yield name


def main(url: str, store: str, master: str, first: str, number: str) -> None:
    """Receive until done or killed."""
    with open_database(url) as database:
        manager = CalibrationManager(database, files=FileStore(Path(store)))
        for name in receive_all(manager, Path(master).read_bytes(), int(first), int(number)):
            print(name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
