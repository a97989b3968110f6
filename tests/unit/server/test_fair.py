"""What is scarce is shared out."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeweb.server.fair import FairLine, Shares, may_wait, party


def test_one_caller_never_takes_the_last_place():
    shares = Shares(8)
    greedy = [p for p in (shares.take("greedy") for _ in range(20)) if p is not None]
    assert len(greedy) == 4
    second = [p for p in (shares.take("second") for _ in range(20)) if p is not None]
    assert 1 <= len(second) <= 2
    assert shares.take("third") is not None
    for place in greedy + second:
        place.close()
        place.close()
    assert shares.used == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=200), st.integers(1, 12))
def test_places_are_never_given_twice(moves, total):
    shares, held = Shares(total), []
    for who, what in moves:
        if what and (place := shares.take(str(who))) is not None:
            held.append(place)
        elif not what and held:
            held.pop(0).close()
        assert shares.used == len(held) <= max(1, total)


def test_callers_take_turns_whatever_they_have_piled_up():
    line = FairLine()
    for n in range(100):
        line.put("greedy", f"greedy {n}", 1.0)
    assert line.get() == "greedy 0"
    line.put("small", "small 0", 1.0)
    assert "small 0" in (line.get(), line.get())
    line.put("small", "small 1", 1.0)
    line.put("small", "small 2", 1.0)
    assert {"small 1", "small 2"} <= {line.get() for _ in range(5)}
    assert len(line) == 100 + 3 - 8


def test_who_sends_what_costs_much_comes_seldom():
    line, got = FairLine(), []
    for n in range(50):
        line.put("costly", ("costly", n), 10.0)
        line.put("cheap", ("cheap", n), 1.0)
    got = [line.get()[0] for _ in range(33)]
    assert got.count("cheap") == pytest.approx(30, abs=1)


def test_what_a_task_has_cost_is_charged_once_it_is_known():
    line = FairLine()
    line.put("a", "a0", 1.0)
    line.get()
    line.charge("a", 9.0)
    line.put("a", "a1", 1.0)
    for n in range(9):
        line.put("b", f"b{n}", 1.0)
    order = [line.get() for _ in range(10)]
    assert order.index("a1") == 9


def test_a_caller_who_was_away_does_not_save_up_turns():
    line = FairLine()
    line.put("away", "away 0", 1.0)
    line.get()
    for n in range(1000):
        line.put("steady", f"steady {n}", 1.0)
        line.get()
    for n in range(10):
        line.put("away", f"away {n}", 1.0)
        line.put("steady", f"steady {n}", 1.0)
    got = [line.get().split()[0] for _ in range(10)]
    assert got.count("away") <= 6


def test_callers_who_left_are_forgotten():
    line = FairLine()
    for n in itertools.count():
        line.put(f"caller {n}", n, 1e-9)
        line.get()
        if n > 5000:
            break
    assert len(line._ends) < 2000


def test_lines_have_places_for_newcomers():
    assert may_wait(3, 3, 4)
    assert not may_wait(4, 1, 4)
    assert may_wait(7, 0, 4)
    assert not may_wait(8, 0, 4)


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a:b", "a:b"),
    ],
)
def test_addresses_stand_for_customers(address, who):
    assert party(address) == who
