"""What is let in follows from how long it would wait."""

import asyncio
import contextlib

import pytest

from fakeweb.errors import Busy, TooLarge
from fakeweb.media import NO_COST, Cost
from fakeweb.server.admission import Admission
from fakeweb.server.settings import Settings


def run(check):
    asyncio.run(check())


def make(**settings):
    given = {
        "workers": 2,
        "max_wait_s": 1.0,
        "max_waiting": 100,
        "max_bytes": 100,
        "upload_budget_bytes": 1000,
    }
    admission = Admission(Settings(**{**given, **settings}))
    admission.service_s = 0.5
    return admission


def as_many_as_possible(admission, who, sizes):
    taken = []
    with contextlib.suppress(Busy):
        taken.extend(admission.admit(who, size) for size in sizes)
    return taken


def test_as_many_as_can_be_served_in_time():
    async def check():
        admission = make()
        tickets = [admission.admit("a", 10) for _ in range(6)]  # two work, four wait: the last for one second
        with pytest.raises(Busy) as refused:
            admission.admit("a", 10)
        assert refused.value.retry_after_s == pytest.approx(1.25)
        tickets.pop().close()
        admission.admit("a", 10)

    run(check)


def test_slow_pictures_shorten_the_line():
    async def check():
        admission = make()
        for _ in range(200):
            admission.took(4.0)
        tickets = [admission.admit("a", 10) for _ in range(2)]
        with pytest.raises(Busy):
            admission.admit("a", 10)
        assert len(tickets) == admission.inside == 2

    run(check)


def test_the_line_is_bounded_however_quick_pictures_are():
    async def check():
        admission = make(max_waiting=3)
        admission.service_s = 1e-6
        for _ in range(5):
            admission.admit("a", 10)
        with pytest.raises(Busy):
            admission.admit("a", 10)

    run(check)


def test_uploads_share_a_budget_and_one_always_fits():
    async def check():
        admission = make(workers=50)
        tickets = [admission.admit("a", None), admission.admit("b", 800)]
        with pytest.raises(Busy, match="uploads"):
            admission.admit("b", 10)
        tickets.append(admission.admit("c", 100))
        with pytest.raises(Busy, match="uploads"):
            admission.admit("d", 10)
        for ticket in tickets:
            ticket.close()
        assert admission.uploads.used == 0
        with admission.admit("a", 5000):
            pass

    run(check)


def test_announced_bodies_of_one_caller_leave_room_for_the_next():
    """A batch and as many pictures as fit, announced and never sent."""

    async def check():
        mib = 1 << 20
        admission = make(workers=50, upload_budget_bytes=512 * mib)
        sizes = [size * mib for size in (320, *[20] * 30)]
        greedy = as_many_as_possible(admission, "greedy", sizes)
        assert len(greedy) < len(sizes)
        assert len(as_many_as_possible(admission, "small", [20 * mib] * 4)) == 4

    run(check)


def test_who_piles_up_pictures_waits_for_them_and_nobody_else_does():
    async def check():
        admission = make(workers=1, max_wait_s=3.0)  # half a second each
        greedy = as_many_as_possible(admission, "greedy", [10] * 100)
        assert len(greedy) == 7
        assert admission.wait_s("small") == pytest.approx(0.5)
        first = admission.admit("small", 10)
        assert admission.wait_s("small") == pytest.approx(1.5)  # its own, and two of the other's
        first.close()
        for ticket in greedy:
            ticket.close()
        assert admission.inside == 0

    run(check)


def test_a_line_that_is_full_of_one_caller_takes_another():
    async def check():
        admission = make(max_waiting=3, workers=1)
        admission.service_s = 1e-6
        for _ in range(4):
            admission.admit("greedy", 10)
        with pytest.raises(Busy):
            admission.admit("greedy", 10)
        others = [admission.admit(f"other {n}", 10) for n in range(4)]
        with pytest.raises(Busy):
            admission.admit("one more", 10)
        assert len(others) == 4

    run(check)


def test_a_late_event_loop_counts_as_waiting():
    async def check():
        admission = make()
        admission.admit("a", 10)
        admission.lag_s = 2.0
        with pytest.raises(Busy):
            admission.admit("a", 10)


def test_who_would_be_next_is_let_in_however_slow_pictures_are():
    async def check():
        admission = make(workers=1)
        admission.service_s = 30.0
        admission.admit("greedy", 10)
        admission.admit("small", 10)
        for who in ("greedy", "small", "third"):
            with pytest.raises(Busy):
                admission.admit(who, 10)

    run(check)


def test_a_crawling_upload_does_not_hold_a_place(monkeypatch):
    async def check():
        monkeypatch.setattr("fakeweb.server.admission._FRESH_S", 0.01)
        admission = make(workers=1, max_wait_s=0.1)
        crawling = admission.admit("a", 10)
        with pytest.raises(Busy):
            admission.admit("a", 10)
        await asyncio.sleep(0.05)
        quick = admission.admit("a", 10)
        with pytest.raises(Busy):  # when it has arrived at last, others came first
            crawling.uploaded([NO_COST])
        quick.close()
        crawling.uploaded([NO_COST])
        assert admission.inside == 1
        crawling.close()
        crawling.close()
        assert (admission.inside, admission.uploads.used) == (0, 0)

    run(check)


def test_a_stopping_service_lets_nobody_in():
    async def check():
        admission = make()
        admission.stopping = True
        with pytest.raises(Busy, match="stopping"):
            admission.admit("a", 10)

    run(check)


def test_a_picture_counts_for_what_decoding_it_and_finding_faces_takes():
    async def check():
        admission = make(workers=1, max_waiting=100)
        dear = admission.admit("a", 10)
        dear.uploaded([Cost(40_000_000, 1.0)])  # 3.4 s for the faces
        with pytest.raises(Busy) as refused:
            admission.admit("a", 10)
        assert refused.value.retry_after_s == pytest.approx(4.415)
        admission.admit("b", 10)  # whose turn is the next
        dear.close()
        admission.admit("a", 10)

    run(check)


def test_a_slow_machine_is_noticed_and_a_first_slow_picture_not_taken_for_one():
    admission = make()
    usual = admission.reckon(Cost(0, 0.1))
    admission.took(50.0, usual)
    assert admission.reckon(Cost(0, 0.1)) == pytest.approx(4 * usual)
    for _ in range(100):
        admission.took(2 * usual, admission.reckon(Cost(0, 0.1)))
    assert admission.reckon(Cost(0, 0.1)) == pytest.approx(2 * usual, rel=0.01)


def test_what_takes_longer_than_there_is_time_is_refused():
    admission = make()
    admission.check_cost(Cost(40_000_000, 1.0), "a.png", 20.0)
    with pytest.raises(TooLarge, match="takes too long to judge"):
        admission.check_cost(Cost(40_000_000, 1.0), "a.png", 4.0)


def test_what_an_answer_holds_counts_until_it_is_taken():
    async def check():
        admission = make()
        ticket, other = admission.admit("a", 100), admission.admit("b", 100)
        ticket.hold(300)
        with pytest.raises(Busy):
            ticket.hold(300)
        other.hold(200)
        ticket.close()
        other.close()
        assert admission.uploads.used == 0

    run(check)
