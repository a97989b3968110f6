"""The same promises from SQLite and from PostgreSQL."""

import asyncio
import contextlib
import json
import subprocess
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from fakeweb.errors import FakeWebError, MissingExtra, StoreFailed, UsageError
from fakeweb.server.packing import pack
from fakeweb.server.store import Store, new_id

SHA = "a" * 64
OURS = "default"


def report(**own):
    """The smallest report that is stored: packed."""
    return pack({"faces": [], **own})


def said(row):
    """The report of a row."""
    return json.loads(row["report"])


def noise(count):
    """So many words that no packing makes smaller."""
    return [new_id() for _ in range(count)]


def traces(folder, *words):
    """Files of a folder that still hold one of these words."""
    return [p.name for p in folder.iterdir() if any(w.encode() in p.read_bytes() for w in words)]


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
        "level": "low", "tenant": OURS, **own,
    }  # fmt: skip


def job(**own):
    return {
        "id": new_id(), "instance": "here", "state": "queued", "stage": "waiting", "progress": 0.0, "source": "a",
        "options": "{}", "attempts": 0, "cancel": False, "media_sha256": SHA, "created_s": time.time(),
        "tenant": OURS, "owner": "", **own,
    }  # fmt: skip


def test_a_result_is_stored_once(store):
    key = new_id()
    first = store.add_result(OURS, key, SHA, report(a=1))
    assert store.add_result(OURS, key, SHA, report(a=2)) == first
    assert said(store.find_result(key))["a"] == 1
    assert store.get_result(first)["cache_key"] == key
    assert store.find_result("none") is None
    assert store.delete_result(first) is True
    assert store.delete_result(first) is False


def test_looking_up_sees_what_another_service_has_just_stored(store, url):
    other, key = Store(url), new_id()

    async def look():
        before = await store.look_up(key, dict)
        await other.run(other.add_result, OURS, key, SHA, report(a=1))
        return before, await store.look_up(key, said)

    before, after = asyncio.run(look())
    other.close()
    assert before is None
    assert after["a"] == 1


def test_what_is_kept_is_there_for_all_and_kept_once(store, url):
    other, key = Store(url), new_id()

    async def keep():
        return await store.keep(OURS, key, SHA, report(a=1)), await other.keep(OURS, key, SHA, report(a=2))

    first, second = asyncio.run(keep())
    assert first == second
    assert said(other.find_result(key))["a"] == 1
    other.close()


def test_keeping_waits_for_somebody_who_writes_without_holding_up_the_event_loop(store, url):
    """The row comes after the other's transaction; meanwhile the loop goes on."""
    if not store.is_sqlite:
        pytest.skip("SQLite alone has one writer")
    other, ticks = Store(url), 0

    async def keep():
        nonlocal ticks
        with other.begin() as db:
            db.execute(text("DELETE FROM queue"))
            task = asyncio.ensure_future(store.keep(OURS, new_id(), SHA, report()))
            for _ in range(10):
                await asyncio.sleep(0.02)
                ticks += not task.done()
        return await task

    result_id = asyncio.run(keep())
    assert ticks == 10
    assert said(other.get_result(result_id)) == {"faces": []}
    other.close()


def test_two_services_that_judge_the_same_agree(store, url):
    other = Store(url)
    key, ids, barrier = new_id(), [], threading.Barrier(8)

    def add(which):
        barrier.wait()
        ids.append(which.add_result(OURS, key, SHA, report()))

    threads = [threading.Thread(target=add, args=(s,)) for s in [store, other] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    other.close()


def test_a_post_that_several_services_bring_at_once_stands_in_the_queue_once(store, url):
    others = [store, *(Store(url) for _ in range(3))]
    posts, barrier, ids = [item(reference=new_id()) for _ in range(40)], threading.Barrier(8), []

    def add(which):
        for post in posts:
            barrier.wait()
            ids.append(which.add_item(post))

    threads = [threading.Thread(target=add, args=(s,)) for s in others * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8 * len(posts)
    assert len(set(ids)) == len(posts)
    for other in others[1:]:
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
    result = store.add_result(OURS, new_id(), digest, report())
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


def test_what_is_old_goes_and_results_of_open_items_stay(store):
    digest = new_id() * 2
    kept, old = (store.add_result(OURS, new_id(), digest, report()) for _ in range(2))
    open_, decided = store.add_item(item(result_id=kept)), store.add_item(item())
    store.decide_item(decided, "accepted", None, "key")
    done = job(state="done", finished_s=time.time() - 100)
    store.add_job(done)
    time.sleep(0.02)
    counts, jobs = store.expired(results_s=0.01, queue_s=50, jobs_s=50)
    assert counts["results"] >= 1
    assert counts["queue_items"] == 0
    assert done["id"] in [j["id"] for j in jobs]
    assert store.get_result(kept) is not None
    assert store.get_result(old) is None
    assert store.get_item(open_) is not None
    counts, _ = store.expired(results_s=50, queue_s=0.01, jobs_s=50)
    assert counts["queue_items"] >= 2
    assert store.get_item(decided) is None
    assert store.get_item(open_) is None, "what nobody looks at does not stay for ever"


def test_the_oldest_go_first_and_those_that_wait_for_a_reviewer_last(store):
    digest = new_id() * 2
    results = [store.add_result(OURS, new_id(), digest, report()) for _ in range(6)]
    store.add_item(item(result_id=results[0], reference="waits"))
    rows = store.surplus(0, 1 << 40)["results"]
    assert store.surplus(rows - 4, 1 << 40)["results"] == 4
    assert store.evict("results", rows - 6) == rows - 6  # of other tests
    assert store.evict("results", 4) == 4
    assert [store.get_result(r) is not None for r in results] == [True, False, False, False, False, True]
    assert store.evict("results", 10) == 2
    first, second = store.add_item(item(reference="first")), store.add_item(item(reference="second"))
    decided = store.add_item(item(reference="third"))
    store.decide_item(decided, "rejected", None, "key")
    items = store.surplus(0, 1 << 40)["queue_items"]
    store.evict("queue_items", items - 2)
    assert [store.get_item(i) is not None for i in (first, second, decided)] == [True, True, False]


def pages(path):
    import sqlite3

    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA page_size").fetchone()[0], db.execute("PRAGMA integrity_check").fetchone()[
            0
        ]


def test_a_stored_picture_takes_less_than_three_kilobytes(tmp_path, portrait):
    """All of it: the row, its indexes, and what stays empty in pages."""
    from fakeweb.scanner import Scanner
    from fakeweb.server.finished import Finished

    packed = Finished.of(Scanner().scan(portrait)).packed
    sizes = []

    async def keep(store):
        for _ in range(400):
            await store.keep(OURS, new_id() + new_id()[:11], new_id() * 2, packed)

    for _ in range(2):
        store = Store(f"sqlite:///{tmp_path / 'a.db'}")
        asyncio.run(keep(store))
        store.close()
        sizes.append((tmp_path / "a.db").stat().st_size)
    assert (sizes[1] - sizes[0]) / 400 < 2800


def test_a_file_of_an_earlier_version_gets_larger_pages_and_loses_nothing(tmp_path):
    import sqlite3

    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA page_size=4096")
        old.execute("PRAGMA journal_mode=WAL")
        old.executescript(Path(__file__).with_name("database_v1.sql").read_text())
    assert pages(path)[0] == 4096
    store = Store(f"sqlite:///{path}")
    assert len(store.list_items("open", 10, 0, OURS)[0]) == 1
    store.close()
    assert pages(path) == (16384, "ok")


def test_a_file_that_somebody_else_uses_stays_as_it_is(tmp_path):
    import sqlite3

    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA page_size=4096")
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE x (y)")
        other.execute("INSERT INTO x VALUES (1)")
        other.commit()
        store = Store(f"sqlite:///{path}")
        assert store.list_keys() == []
        assert other.execute("SELECT y FROM x").fetchall() == [(1,)]
        store.close()


def test_a_size_is_kept_to(store):
    for _ in range(300):
        store.add_result(OURS, new_id(), new_id() * 2, report(words=noise(50)))
    surplus = store.surplus(10**9, 200_000)["results"]
    assert surplus > 0
    while surplus > 0:
        surplus -= store.evict("results", surplus)
        surplus = store.surplus(10**9, 200_000)["results"]
    assert store.surplus(0, 1 << 40)["results"] < 300


def test_tenants_do_not_see_each_other(store):
    digest, mine, other = new_id() * 2, "a", "b"
    result = store.add_result(mine, new_id(), digest, report())
    post = item(tenant=mine, media_sha256=digest, result_id=result)
    made = store.add_item(post)
    video = job(tenant=mine, media_sha256=digest)
    store.add_job(video)
    assert store.get_result(result, other) is None
    assert store.delete_result(result, other) is False
    assert store.get_item(made, other) is None
    assert store.decide_item(made, "accepted", "x", "key", other) is None
    assert [i["id"] for i in store.list_items("open", 500, 0, mine)[0]] == [made]
    assert made not in [i["id"] for i in store.list_items("open", 500, 0, other)[0]]
    assert store.get_job(video["id"], other) is None
    assert store.jobs_of_media(digest, other) == []
    assert (store.has_items(digest, mine), store.has_items(digest, other)) == (True, False)
    assert store.add_item({**post, "tenant": other}) != made, (
        "the same post of another tenant is another item"
    )
    assert store.delete_media(digest, "c") == {"results": 0, "queue_items": 0}
    assert store.delete_media(digest, other) == {"results": 0, "queue_items": 1}
    assert store.get_item(made, mine)["state"] == "open"
    assert store.delete_media(digest, mine) == {"results": 1, "queue_items": 1}
    assert store.get_job(video["id"], mine)["owner"] == ""


def test_an_open_item_sinks_only_where_that_is_allowed(store):
    post = item(reference="sinks", score=5.0, views=100)
    made = store.add_item(post)
    assert store.add_item({**post, "score": 0.0, "views": 0}, may_lower=False) == made
    assert (store.get_item(made)["score"], store.get_item(made)["views"]) == (5.0, 100)
    store.add_item({**post, "score": 6.0}, may_lower=False)
    assert store.get_item(made)["score"] == 6.0
    store.add_item({**post, "score": 1.0})
    assert store.get_item(made)["score"] == 1.0


def test_jobs_of_services_that_are_gone_are_adopted_once(store):
    gone, here, alive = new_id(), new_id(), new_id()
    lost, theirs = job(instance=gone, state="running"), job(instance=alive)
    store.add_job(lost)
    store.add_job(theirs)
    store.beat(alive)
    store.beat(alive)
    assert lost["id"] in [j["id"] for j in store.orphaned_jobs(30, here)]
    assert theirs["id"] not in [j["id"] for j in store.orphaned_jobs(30, here)]
    own = [j["id"] for j in store.orphaned_jobs(30, gone)]
    assert lost["id"] not in own, "what stood still itself, or whose clock jumped, is not gone"
    assert store.adopt_job(theirs["id"], here, 30) is False
    assert store.adopt_job(lost["id"], here, 30) is True
    store.beat(here)
    assert store.adopt_job(lost["id"], alive, 30) is False
    assert store.get_job(lost["id"])["state"] == "queued"
    assert store.change_job(lost["id"], instance=gone, state="done") is False
    assert store.change_job(lost["id"], instance=here, state="done") is True


def test_a_job_takes_its_result_along_unless_another_has_it_too(store):
    result = store.add_result(OURS, new_id(), SHA, report())
    first, second = job(result_id=result, state="done"), job(result_id=result, state="done")
    store.add_job(first)
    store.add_job(second)
    assert store.delete_job(first["id"], with_result=True)
    assert store.get_result(result) is not None
    assert store.known_jobs([first["id"], second["id"]]) == {second["id"]}
    assert store.delete_job(second["id"], with_result=True)
    assert store.get_result(result) is None


def test_keys_are_stored_and_revoked(store):
    name = new_id()
    made = store.add_key(name, new_id() * 2, "predict", 5)
    assert store.revoke_key(name) == 1
    assert store.revoke_key(made) == 0
    assert next(k for k in store.list_keys() if k["id"] == made)["revoked_s"] is not None


def test_what_was_stored_is_there_after_opening_again(url):
    first = Store(url)
    made = first.add_result(OURS, new_id(), SHA, report())
    first.close()
    second = Store(url)
    assert second.get_result(made)["media_sha256"] == SHA
    second.close()


def test_what_was_erased_is_in_no_file_any_more(tmp_path):
    """Neither in the database nor in its log, while the store stays open and readers come and go."""
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    digest, secret = new_id() * 2, new_id()

    async def go():
        result = await store.keep(OURS, digest, digest, report(words=secret))
        await store.run(
            store.add_item, item(media_sha256=digest, result_id=result, reference="alice-private")
        )
        await store.run(store.add_job, job(media_sha256=digest, source="alice-private.mp4"))
        await store.look_up(digest, dict)
        assert traces(tmp_path, digest)
        assert traces(tmp_path, "alice-private")
        for row in await store.run(store.jobs_of_media, digest):
            await store.erase(store.delete_job, row["id"])
        await store.erase(store.delete_media, digest)

    asyncio.run(go())
    assert traces(tmp_path, digest, "alice-private") == []
    assert store.traces is False
    store.close()


def test_a_reader_only_delays_that_the_log_is_emptied(tmp_path):
    import sqlite3

    store = Store(f"sqlite:///{tmp_path / 'a.db'}", timeout_s=0.2)
    digest = new_id() * 2
    made = store.add_result(OURS, digest, digest, report())
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM results").fetchone()
        assert asyncio.run(store.erase(store.delete_result, made)) is True
        assert store.traces is True
    store.empty_log()
    assert store.traces is False
    assert traces(tmp_path, digest) == []
    store.close()


@pytest.mark.parametrize("before", [False, True])
def test_nobody_else_may_read_the_files(tmp_path, before):
    path = tmp_path / "a.db"
    if before:
        Store(f"sqlite:///{path}").close()
        path.chmod(0o644)
    store = Store(f"sqlite:///{path}")
    store.add_result(OURS, "key", SHA, report())
    modes = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.iterdir()}
    assert modes.keys() >= {"a.db", "a.db-wal"}
    assert set(modes.values()) == {0o600}
    store.close()


def test_a_database_of_the_first_version_is_brought_up_to_date(tmp_path, request):
    """One that FakeWeb 0.7.0 has written: a result, its item in the queue, two jobs and two keys."""
    import sqlite3

    path = tmp_path / "a.db"
    script = Path(__file__).with_name("database_v1.sql").read_text()
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript(script)
    for _ in range(2):  # and again, as nothing is left to do
        store = Store(f"sqlite:///{path}")
        assert store.orphaned_jobs(30, "")[0]["owner"] == ""
        (post,), total = store.list_items("open", 10, 0, OURS)
        assert (total, post["reference"], post["tenant"]) == (1, "post-1", OURS)
        found = store.get_result(post["result_id"], OURS)
        assert said(found)["media_sha256"] == post["media_sha256"] == found["media_sha256"]
        assert len(said(found)["faces"][0]["mesh"]) == 468
        assert [(k["name"], k["scopes"], k["tenant"], k["per_minute"]) for k in store.list_keys()] == [
            ("app", "predict,videos,enqueue", OURS, 0),
            ("team", "queue,results", OURS, 30),
        ]
        assert {j["state"] for j in store.jobs_of_media("b" * 64) + store.jobs_of_media(SHA)} == {"queued"}
        store.close()
    store = Store(f"sqlite:///{path}")
    assert store.find_result(found["cache_key"])["id"] == found["id"]
    new = store.add_result("b", "another", SHA, report())
    store.beat("here")
    assert store.get_result(new, "b")
    store.close()


def test_a_postgresql_database_of_the_first_version_is_brought_up_to_date(postgres_url):
    from sqlalchemy import create_engine

    name = f"v1_{new_id()}"
    server = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text(f"CREATE DATABASE {name}"))
    url = f"{postgres_url.rpartition('/')[0]}/{name}"
    script = Path(__file__).with_name("database_v1.sql").read_text()
    old = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with old.begin() as db:
        statements = script.split(";\n")
        statements.sort(key=lambda s: ("CREATE TABLE results" not in s, not s.startswith("CREATE")))
        for statement in statements:
            if statement.startswith(("CREATE", 'INSERT INTO "fakeweb_schema"', 'INSERT INTO "api_keys"')):
                db.exec_driver_sql(statement)
    old.dispose()
    store = Store(url)
    assert {k["scopes"] for k in store.list_keys()} == {"predict,videos,enqueue", "queue,results"}
    assert store.get_result(store.add_result("b", "another", SHA, report()), "b")
    store.close()
    server.dispose()


def test_a_locked_database_is_given_up_in_time_and_comes_back(tmp_path):
    import sqlite3

    store = Store(f"sqlite:///{tmp_path / 'a.db'}", timeout_s=0.5)

    async def go():
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            begun = time.monotonic()
            with pytest.raises(StoreFailed):
                await store.run(store.add_result, OURS, "key", SHA, report())
            assert time.monotonic() - begun < 2
            await store.check(store.beat, "here")
            assert store.failing is not None
            begun = time.monotonic()
            for _ in range(20):
                with pytest.raises(StoreFailed):
                    await store.run(store.list_keys)
            assert time.monotonic() - begun < 0.2, "what is known to fail is not tried"
            other.execute("COMMIT")
        for _ in range(20):
            await store.check(store.beat, "here")
            await asyncio.sleep(0.1)
        assert store.failing is None
        return await store.run(store.add_result, OURS, "key", SHA, report())

    assert asyncio.run(go())
    store.close()


def test_a_database_whose_file_is_gone_fails_until_there_is_one_again(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")

    async def go():
        await store.keep(OURS, "key", SHA, report())
        away = tmp_path / "away"
        away.mkdir()
        for path in tmp_path.glob("a.db*"):
            path.rename(away / path.name)
        await store.check(store.beat, "here")
        assert store.failing is not None
        for path in away.iterdir():
            path.rename(tmp_path / path.name)
        await store.check(store.beat, "here")
        assert store.failing is None
        assert await store.look_up("key", lambda row: row["media_sha256"]) == SHA
        for path in tmp_path.glob("a.db*"):
            path.unlink()
        Store(f"sqlite:///{tmp_path / 'a.db'}").close()  # an operator puts a new one there
        await store.check(store.beat, "here")
        assert store.failing is None
        assert await store.look_up("key", dict) is None
        return await store.keep(OURS, "key", SHA, report())

    assert asyncio.run(go())
    store.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 40 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_on_a_full_disk_things_can_be_read_and_erased(small_disk):
    store = Store(f"sqlite:///{small_disk / 'a.db'}", timeout_s=2)
    digest = new_id() * 2

    async def go():
        store.keep_reserve()
        old = [await store.keep(OURS, new_id(), digest, report(words=noise(100))) for _ in range(200)]
        with (small_disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        await store.check(store.beat, "here")
        assert store.failing is not None
        new = [(OURS, new_id(), SHA, report(words=noise(1000))) for _ in range(50)]
        kept = await asyncio.gather(*(store.run(store.add_result, *n) for n in new), return_exceptions=True)
        assert isinstance(kept[-1], StoreFailed)
        assert (await store.run(store.get_result, old[0]))["media_sha256"] == digest
        for _ in range(3):
            assert await store.erase(store.delete_result, old.pop()) is True
        assert (await store.erase(store.delete_media, digest))["results"] == len(old)
        assert traces(small_disk, digest) == []
        (small_disk / "ballast").unlink()
        await store.check(store.beat, "here")
        assert store.failing is None

    asyncio.run(go())
    store.close()


def test_a_frozen_server_is_given_up_in_time_and_comes_back(postgres_url, freeze_postgres):
    store = Store(postgres_url, timeout_s=1.0)

    async def go():
        await store.run(store.list_keys)
        with freeze_postgres():
            begun = time.monotonic()
            with pytest.raises(StoreFailed):
                await asyncio.gather(*(store.run(store.list_keys) for _ in range(8)))
            await store.check(store.beat, "here")
            assert store.failing is not None
            assert time.monotonic() - begun < 4
        for _ in range(50):
            await store.check(store.beat, "here")
            if store.failing is None:
                break
            await asyncio.sleep(0.1)
        return await store.run(store.list_keys)

    assert asyncio.run(go()) is not None
    store.close()


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
