"""Ordered map: in this process and in several. Functions come from libraries, so that workers can import them."""

import math
import operator
import os
from functools import partial

import pytest

from fakeweb import registry
from fakeweb.batch import ordered_map
from fakeweb.errors import FakeWebError, UnknownName


def maker(function, *arguments):
    """``make`` for ordered_map: returns ``function`` with its first arguments bound; picklable."""
    return partial(partial, function, *arguments)


class Watched:
    """Items that count how many were taken."""

    def __init__(self, count):
        self.count, self.taken = count, 0

    def __iter__(self):
        for item in range(self.count):
            self.taken += 1
            yield item


@pytest.mark.parametrize("workers", [0, 1])
def test_one_process_maps_in_order(workers):
    assert list(ordered_map(maker(operator.mul, 3), [5, 1, 4], workers=workers)) == [(5, 15), (1, 3), (4, 12)]


def test_one_process_takes_one_item_at_a_time():
    items = Watched(10)
    results = ordered_map(maker(operator.mul, 3), items)
    assert items.taken == 0, "nothing happens before the first result is asked for"
    assert [next(results), items.taken] == [(0, 0), 1]
    assert [next(results), items.taken] == [(1, 3), 2]


def test_one_process_makes_the_function_once():
    made = []

    def make():
        made.append(1)
        return str

    assert list(ordered_map(make, [1, 2, 3])) == [(1, "1"), (2, "2"), (3, "3")]
    assert made == [1]


def test_one_process_lets_an_exception_through_after_earlier_results():
    results = ordered_map(maker(math.sqrt), [4, -1, 9])
    assert next(results) == (4, 2.0)
    with pytest.raises(ValueError, match=r"domain|nonnegative"):
        next(results)


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_to_do(workers):
    assert list(ordered_map(maker(str), [], workers=workers)) == []


def test_two_processes_keep_the_order_and_read_ahead_only_a_little():
    items = Watched(60)
    seen = []
    for item, result in ordered_map(maker(operator.mul, 3), items, workers=2):
        assert items.taken - len(seen) <= 8
        seen.append((item, result))
    assert seen == [(i, 3 * i) for i in range(60)]


def test_two_processes_an_exception_of_ours_arrives_whole():
    """Also: the results before it arrive, and the process does not hang."""
    results = ordered_map(maker(registry.load, "finder"), ["haar", "harr", "haar"], workers=2)
    assert next(results)[0] == "haar"
    with pytest.raises(UnknownName, match="no finder is called 'harr'") as caught:
        next(results)
    assert "did you mean 'haar'?" in caught.value.hint


def test_a_worker_that_dies_is_an_error_of_ours():
    with pytest.raises(FakeWebError, match="a worker process died") as caught:
        list(ordered_map(maker(os._exit), [3, 3], workers=2))
    assert "--workers" in caught.value.hint
