"""What is let in follows from how long it would wait."""

import asyncio

import pytest

from fakeweb.errors import Busy
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


def test_as_many_as_can_be_served_in_time():
    async def check():
        admission = make()
        tickets = [admission.admit(10) for _ in range(6)]  # two work, four wait: the last for one second
        with pytest.raises(Busy) as refused:
            admission.admit(10)
        assert refused.value.retry_after_s == pytest.approx(1.25)
        tickets.pop().close()
        admission.admit(10)

    run(check)


def test_slow_pictures_shorten_the_line():
    async def check():
        admission = make()
        for _ in range(200):
            admission.took(4.0)
        tickets = [admission.admit(10) for _ in range(2)]
        with pytest.raises(Busy):
            admission.admit(10)
        assert len(tickets) == admission.inside == 2

    run(check)


def test_the_line_is_bounded_however_quick_pictures_are():
    async def check():
        admission = make(max_waiting=3)
        admission.service_s = 1e-6
        for _ in range(5):
            admission.admit(10)
        with pytest.raises(Busy):
            admission.admit(10)

    run(check)


def test_uploads_share_a_budget_and_one_always_fits():
    async def check():
        admission = make(workers=50)
        tickets = [admission.admit(None), admission.admit(900)]
        with pytest.raises(Busy, match="uploads"):
            admission.admit(10)
        for ticket in tickets:
            ticket.close()
        assert admission.upload_bytes == 0
        with admission.admit(5000):
            pass

    run(check)


def test_a_crawling_upload_does_not_hold_a_place(monkeypatch):
    async def check():
        monkeypatch.setattr("fakeweb.server.admission._FRESH_S", 0.01)
        admission = make(workers=1, max_wait_s=0.1)
        crawling = admission.admit(10)
        with pytest.raises(Busy):
            admission.admit(10)
        await asyncio.sleep(0.05)
        quick = admission.admit(10)
        with pytest.raises(Busy):  # when it has arrived at last, others came first
            crawling.uploaded()
        quick.close()
        crawling.uploaded()
        assert admission.inside == 1
        crawling.close()
        crawling.close()
        assert (admission.inside, admission.upload_bytes) == (0, 0)

    run(check)


def test_a_stopping_service_lets_nobody_in():
    async def check():
        admission = make()
        admission.stopping = True
        with pytest.raises(Busy, match="stopping"):
            admission.admit(10)

    run(check)
