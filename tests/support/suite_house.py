"""The suite and what it stands on, while faults befall it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nightcrew.simulator import Night
    from support.observatory_suite import Suite
    from support.own_postgres import OwnPostgres
    from support.postgres import Tables
    from support.proxy import Proxy
    from support.rabbitmq import Node


@dataclass
class House:
    """The suite and what it stands on."""

    suite: Suite
    postgres: OwnPostgres
    node: Node
    wire: Proxy
    tables: Tables
    disk: bool


@contextmanager
def observing(house: House, night: Night, pause: float = 0.15) -> Iterator[None]:
    """Let the night arrive while something happens; in the end everything is as if nothing had."""
    thread = Thread(target=house.suite.deliver, args=(night,), kwargs={"pause": pause})
    thread.start()
    try:
        yield
    finally:
        thread.join()


def after_jobs(suite: Suite, number: int) -> None:
    """Wait until so many jobs are done: the night is in full swing."""
    suite.until(lambda: suite.states("jobs").get("succeeded", 0) >= number)


def finish(house: House, night: Night, by_hand: Path, starts: dict[str, int] | None = None) -> None:
    house.suite.until_over(len(night.exposures))
    house.suite.check()
    house.suite.check_same(by_hand)
    if starts is not None:
        assert {name: one.starts for name, one in house.suite.services.items()} == starts, house.suite.said()


def started(suite: Suite) -> dict[str, int]:
    return {name: one.starts for name, one in suite.services.items()}
