from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightcrew.shared.bus import Backoff


def test_delays_double_until_they_are_long_enough():
    assert list(Backoff(first=1, ceiling=5, attempts=6).delays(lambda: 1.0)) == [1, 2, 4, 5, 5]


def test_after_the_last_attempt_nothing_is_waited_for():
    assert list(Backoff(attempts=1).delays()) == []


@given(st.floats(0, 1))
def test_half_of_a_delay_is_chance(chance):
    (delay,) = Backoff(first=10, attempts=2).delays(lambda: chance)
    assert 5 <= delay <= 10
