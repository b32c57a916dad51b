"""Work shared among threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from nightcrew.reducer.kernels.threads import all_of, batched, in_spans


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
def test_every_row_is_done_once(threads):
    done = np.zeros(11, int)

    def work(start: int, stop: int) -> None:
        done[start:stop] += 1

    in_spans(work, 2, 9, threads)
    assert done.tolist() == [0, 0, *[1] * 7, 0, 0]


def test_results_come_in_the_order_of_the_items():
    late = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            late.wait(10)
        else:
            late.set()
        return item * item

    assert all_of(work, [0, 1], 2) == [0, 1]
    assert all_of(lambda item: item + 1, (), 4) == []


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_in_a_thread_is_raised(threads):
    with pytest.raises(ZeroDivisionError):
        all_of(lambda item: 1 / item, [1, 0, 2], threads)


def test_batches_hold_all_items_once():
    assert [list(some) for some in batched(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(batched([], 3)) == []
