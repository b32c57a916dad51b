"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow, with jitter, so that not everybody comes back at the same moment.

    Parameters
    ----------
    first
        Longest first delay, seconds.
    factor
        How much longer each next one may be.
    ceiling
        The longest delay, seconds.
    attempts
        How many attempts are made in all.
    """

    first: float = 0.5
    factor: float = 2.0
    ceiling: float = 30.0
    attempts: int = 10

    def delays(self, chance: Callable[[], float] = random.random) -> Iterator[float]:
        """Yield the delay after each failed attempt but the last: half of it is certain, half is chance."""
        for number in range(self.attempts - 1):
            longest = min(self.first * self.factor**number, self.ceiling)
            yield longest * (1 + chance()) / 2


BRIEF = Backoff(attempts=2)
"""For those who come back by themselves, and hold something meanwhile, or are to tell soon what is wrong."""
