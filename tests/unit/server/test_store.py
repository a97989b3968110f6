"""The same promises from SQLite and from PostgreSQL."""

import asyncio
import contextlib
import threading
import time

import pytest
from sqlalchemy import text

from fakeweb.errors import FakeWebError, MissingExtra, StoreFailed, UsageError
from fakeweb.server.store import Store, new_id

SHA = "a" * 64


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    return (
        f"sqlite:///{tmp_path / 'a.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )


@pytest.fixture
def store(url):
    made = Store(url)
    yield made
    made.close()


def item(**own):
    return {
        "result_id": None, "media_sha256": new_id() * 2, "reference": None, "label": "fake", "p_fake": 0.9,
        "kind": "swap", "views": 10**12, "followers": None, "engagement_rate": None, "audience": 10.0, "score": 1.0,
        "level": "low", **own,
    }  # fmt: skip


def job(**own):
    return {
        "id": new_id(), "instance": "here", "state": "queued", "stage": "waiting", "progress": 0.0, "source": "a",
        "options": "{}", "attempts": 0, "cancel": False, "media_sha256": SHA, "created_s": time.time(), **own,
    }  # fmt: skip


def test_a_result_is_stored_once(store):
    key = new_id()
    first = store.add_result(key, SHA, '{"a": 1}')
    assert store.add_result(key, SHA, '{"a": 2}') == first
    assert store.find_result(key)["report"] == '{"a": 1}'
    assert store.get_result(first)["cache_key"] == key
    assert store.find_result("none") is None
    assert store.delete_result(first) is True
    assert store.delete_result(first) is False


def test_looking_up_sees_what_another_service_has_just_stored(store, url):
    other, key = Store(url), new_id()

    async def look():
        before = await store.look_up(key)
        await other.run(other.add_result, key, SHA, '{"a": 1}')
        return before, await store.look_up(key)

    before, after = asyncio.run(look())
    other.close()
    assert before is None
    assert after["report"] == '{"a": 1}'


def test_what_is_kept_is_there_for_all_and_kept_once(store, url):
    other, key = Store(url), new_id()

    async def keep():
        return await store.keep(key, SHA, '{"a": 1}'), await other.keep(key, SHA, '{"a": 2}')

    first, second = asyncio.run(keep())
    assert first == second
    assert other.find_result(key)["report"] == '{"a": 1}'
    other.close()


def test_keeping_waits_for_somebody_who_writes_without_holding_up_the_event_loop(store, url):
    """The row comes after the other's transaction; meanwhile the loop goes on."""
    if not store.is_sqlite:
        pytest.skip("SQLite alone has one writer")
    other, ticks = Store(url), 0

    async def keep():
        nonlocal ticks
        with other._begin() as db:
            db.execute(text("DELETE FROM queue"))
            task = asyncio.ensure_future(store.keep(new_id(), SHA, "{}"))
            for _ in range(10):
                await asyncio.sleep(0.02)
                ticks += not task.done()
        return await task

    result_id = asyncio.run(keep())
    assert ticks == 10
    assert other.get_result(result_id)["report"] == "{}"
    other.close()


def test_two_services_that_judge_the_same_agree(store, url):
    other = Store(url)
    key, ids, barrier = new_id(), [], threading.Barrier(8)

    def add(which):
        barrier.wait()
        ids.append(which.add_result(key, SHA, "{}"))

    threads = [threading.Thread(target=add, args=(s,)) for s in [store, other] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    other.close()


def test_the_queue_is_sorted_and_pages(store):
    mark = new_id()
    for score in (3.0, 1.0, 2.0):
        store.add_item(item(score=score, reference=mark))
    mine = [i for i in store.list_items("open", 500, 0)[0] if i["reference"] == mark]
    assert [i["score"] for i in mine] == [3.0, 2.0, 1.0]
    rows, total = store.list_items("open", 1, 1)
    assert len(rows) == 1
    assert total >= 3
    assert mine[0]["views"] == 10**12


def test_deciding_and_the_open_item_of_a_post(store):
    post = item(reference="post")
    first = store.add_item(post)
    assert store.add_item({**post, "views": 5, "score": 9.0}) == first
    assert store.get_item(first)["score"] == 9.0
    done = store.decide_item(first, "rejected", "a note", "key")
    assert (done["state"], done["note"], done["decided_by"]) == ("rejected", "a note", "key")
    assert store.add_item(post) != first, "a decided post that comes again is looked at again"
    assert store.decide_item(first, None, "another", "key")["state"] == "rejected"
    assert store.decide_item("none", "open", None, "key") is None


def test_items_outlive_their_result_and_not_their_media(store):
    digest = new_id() * 2
    result = store.add_result(new_id(), digest, "{}")
    made = store.add_item(item(result_id=result, media_sha256=digest))
    assert store.get_item(made)["result_id"] == result
    store.delete_result(result)
    assert store.get_item(made)["result_id"] is None
    late = store.add_item(item(result_id=result, media_sha256=digest, reference="late"))
    assert store.get_item(late)["result_id"] is None
    assert store.delete_media(digest) == {"results": 0, "queue_items": 2}


def test_jobs_change_only_from_the_states_that_are_named(store):
    instance = new_id()
    first, second = job(instance=instance, created_s=2.0), job(instance=instance, created_s=1.0)
    for row in (first, second):
        store.add_job(row)
    assert store.change_job(first["id"], only=("queued",), state="running") is True
    assert store.change_job(first["id"], only=("queued",), state="cancelled") is False
    assert [j["id"] for j in store.unfinished_jobs(instance)] == [second["id"], first["id"]]
    store.change_job(second["id"], state="done", finished_s=time.time())
    assert [j["id"] for j in store.unfinished_jobs(instance)] == [first["id"]]
    assert store.unfinished_jobs("elsewhere") == []
    assert store.delete_job(first["id"]) is True
    assert store.get_job(first["id"]) is None


def test_what_is_old_goes_and_what_is_open_stays(store):
    digest = new_id() * 2
    kept, old = store.add_result(new_id(), digest, "{}"), store.add_result(new_id(), digest, "{}")
    open_, decided = store.add_item(item(result_id=kept)), store.add_item(item())
    store.decide_item(decided, "accepted", None, "key")
    done = job(state="done", finished_s=time.time() - 100)
    store.add_job(done)
    time.sleep(0.02)
    counts, jobs = store.expired(results_s=0.01, queue_s=0.01, jobs_s=50)
    assert counts["results"] >= 1
    assert counts["queue_items"] >= 1
    assert done["id"] in [j["id"] for j in jobs]
    assert store.get_result(kept) is not None
    assert store.get_result(old) is None
    assert store.get_item(open_) is not None
    assert store.get_item(decided) is None


def test_keys_are_stored_and_revoked(store):
    name = new_id()
    made = store.add_key(name, new_id() * 2, "predict", 5)
    assert store.revoke_key(name) == 1
    assert store.revoke_key(made) == 0
    assert next(k for k in store.list_keys() if k["id"] == made)["revoked_s"] is not None


def test_what_was_stored_is_there_after_opening_again(url):
    first = Store(url)
    made = first.add_result(new_id(), SHA, "{}")
    first.close()
    second = Store(url)
    assert second.get_result(made)["media_sha256"] == SHA
    second.ping()
    second.close()


def test_sqlite_keeps_a_log_so_that_readers_do_not_wait(tmp_path):
    import sqlite3

    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_tables_of_another_version_are_refused(tmp_path):
    import sqlite3

    url = f"sqlite:///{tmp_path / 'a.db'}"
    Store(url).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        other.execute("UPDATE fakeweb_schema SET version = 99")
        other.commit()
    with pytest.raises(UsageError, match="version 99"):
        Store(url)


@pytest.mark.parametrize(
    "wrong", ["nonsense", "mongo://x/y", "sqlite:////proc/none/a.db", "postgresql://127.0.0.1:1/x"]
)
def test_a_wrong_url_is_a_clear_error(wrong):
    with pytest.raises(FakeWebError) as caught:
        Store(wrong)
    assert isinstance(caught.value, UsageError | StoreFailed | MissingExtra)
    assert caught.value.hint
