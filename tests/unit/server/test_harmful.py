"""Files that have ended a process are remembered, and for an hour only."""

import asyncio
import signal
import time

import pytest

from fakeweb.errors import Harmful
from fakeweb.server.harmful import HOUR_S, HarmfulFiles
from fakeweb.server.store import Store

FILE = 64 * "a"


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    yield made
    made.close()


def refused(files, tenant="default"):
    try:
        files.check(tenant, FILE, "a.jpg")
    except Harmful:
        return True
    return False


def after(store, *statuses, tenant="default"):
    async def note():
        files = HarmfulFiles(store)
        for status in statuses:
            files.ended(tenant, FILE, status)
        await asyncio.sleep(0.2)
        again = HarmfulFiles(store)
        await again.load()
        return files, again

    return asyncio.run(note())


@pytest.mark.parametrize("status", [-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, 1, None])
def test_a_crash_is_remembered_also_after_a_restart(store, status):
    files, again = after(store, status)
    assert refused(files)
    assert refused(again)


def test_what_was_killed_from_outside_gets_a_second_chance(store):
    files, _ = after(store, -signal.SIGKILL)
    assert not refused(files)
    files, again = after(store, -signal.SIGKILL, -signal.SIGKILL)
    assert refused(files)
    assert refused(again)


def test_after_an_hour_it_is_read_again(store, monkeypatch):
    files, again = after(store, None)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + HOUR_S + 1)
    assert not refused(files)
    assert not refused(again)
    assert store.list_harmful() == []


def test_one_tenant_does_not_learn_what_another_sent(store):
    files, again = after(store, None, tenant="acme")
    assert refused(files, "acme")
    assert not refused(again, "globex")
    assert FILE not in str(store.list_harmful())
