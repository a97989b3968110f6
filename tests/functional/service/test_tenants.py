"""Several tenants and their keys on one service: nobody sees, changes or slows down what is another's."""

import hashlib
import threading
import time

import httpx
import pytest

from fakeweb.server.keys import hash_key, new_key
from fakeweb.server.store import Store

PER_PICTURE = {"threshold": 0.01, "views": 1000}


@pytest.fixture(scope="module")
def shared(run_service):
    """A service that asks for keys."""
    return run_service(auth="required")


@pytest.fixture(scope="module")
def caller(shared):
    """Make a client with a key of its own: ``caller("predict,queue", tenant="a")``."""
    store, clients = Store(f"sqlite:///{shared.data_dir / 'fakeweb.sqlite3'}"), []

    def make(scopes="predict,videos,results,queue", tenant="default", per_minute=0):
        key = new_key()
        store.add_key("test", hash_key(key), scopes, per_minute, tenant)
        limits = httpx.Limits(max_connections=300)
        client = httpx.Client(
            base_url=shared.url, headers={"X-API-Key": key}, timeout=300, limits=limits, trust_env=False
        )
        clients.append(client)
        while client.get("/v1/models").status_code == 401:  # new keys are asked for twice a second
            time.sleep(0.1)
        return client

    yield make
    for client in clients:
        client.close()
    store.close()


def test_what_one_tenant_has_is_not_there_for_another(caller, small):
    a, b = caller(tenant="a"), caller(tenant="b")
    first = a.post("/v1/predict", content=small(7001), params={**PER_PICTURE, "reference": "post"}).json()
    again = b.post("/v1/predict", content=small(7001), params={**PER_PICTURE, "reference": "post"}).json()
    assert (first["cached"], again["cached"]) == (False, False), "that somebody sent it is not told"
    assert first["id"] != again["id"]
    assert first["queue_id"] != again["queue_id"]
    digest = hashlib.sha256(small(7001)).hexdigest()
    for client, mine, other in ((a, first, again), (b, again, first)):
        assert client.get(f"/v1/results/{mine['id']}").status_code == 200
        assert client.get(f"/v1/results/{other['id']}").status_code == 404
        assert client.delete(f"/v1/results/{other['id']}").status_code == 404
        assert client.get(f"/v1/queue/{other['queue_id']}").status_code == 404
        decided = client.patch(f"/v1/queue/{other['queue_id']}", json={"decision": "reject"})
        assert decided.status_code == 404
        listed = [i["id"] for i in client.get("/v1/queue").json()["items"]]
        assert mine["queue_id"] in listed
        assert other["queue_id"] not in listed
    assert caller(tenant="c").delete(f"/v1/media/{digest}").status_code == 404
    assert b.delete(f"/v1/media/{digest}").json() == {"results": 1, "queue_items": 1, "jobs": 0}
    assert b.delete(f"/v1/media/{digest}").status_code == 404
    assert a.get(f"/v1/results/{first['id']}").status_code == 200
    assert a.get(f"/v1/queue/{first['queue_id']}").json()["state"] == "open"


def test_jobs_of_another_tenant_are_not_there(caller, small):
    a, b, boss = caller(tenant="ja"), caller(tenant="jb"), caller("admin")
    job = a.post("/v1/videos", content=small(7010), params={"overlay": False}).json()
    at = f"/v1/videos/{job['id']}"
    for path in ("", "/events", "/result", "/overlay"):
        assert b.get(at + path).status_code == 404
    assert b.post(at + "/cancel").status_code == 404
    assert b.delete(at).status_code == 404
    deadline = time.monotonic() + 240
    while a.get(at).json()["state"] not in ("done", "failed"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    result = a.get(at + "/result").json()
    own = b.post("/v1/videos", content=small(7010), params={"overlay": False}).json()
    assert b.delete(f"/v1/videos/{own['id']}").status_code == 204
    assert a.get(f"/v1/results/{result['id']}").status_code == 200, (
        "deleting one's own job takes nothing from others"
    )
    assert boss.get(at).status_code == 200
    assert boss.delete(at).status_code == 204
    assert a.get(at).status_code == 404
    assert a.get(f"/v1/results/{result['id']}").status_code == 404


def test_every_write_needs_its_scope(caller, small):
    app, feeder, reviewer = caller("predict"), caller("predict,enqueue"), caller("queue,predict")
    asked = app.post("/v1/predict", content=small(7020), params={**PER_PICTURE, "queue": True})
    assert (asked.status_code, asked.json()["code"]) == (403, "service.forbidden")
    implied = app.post("/v1/predict", content=small(7020), params=PER_PICTURE).json()
    assert implied["queue_id"] is None
    assert implied["impact"]["score"] > 0
    about = {"threshold": 0.01, "reference": "scopes"}
    made = feeder.post("/v1/predict", content=small(7020), params={**about, "views": 10**9}).json()
    score = reviewer.get(f"/v1/queue/{made['queue_id']}").json()["impact"]["score"]
    for client in (app, feeder):
        client.post("/v1/predict", content=small(7020), params={**about, "views": 0})
        assert client.get(f"/v1/queue/{made['queue_id']}").status_code == 403
    assert reviewer.get(f"/v1/queue/{made['queue_id']}").json()["impact"]["score"] == score
    reviewer.post("/v1/predict", content=small(7020), params={**about, "views": 0})
    assert reviewer.get(f"/v1/queue/{made['queue_id']}").json()["impact"]["score"] == 0
    asked = caller("videos").post("/v1/videos", content=small(7021), params={"queue": True})
    assert asked.status_code == 403


def test_erasing_needs_the_scopes_of_what_is_erased(caller, small):
    full, results = caller("tenant-admin", tenant="e"), caller("results", tenant="e")
    digest = hashlib.sha256(small(7030)).hexdigest()
    full.post("/v1/predict", content=small(7030), params={**PER_PICTURE, "reference": "x"})
    refused = results.delete(f"/v1/media/{digest}")
    assert (refused.status_code, "queue" in refused.json()["detail"]) == (403, True)
    job = full.post("/v1/videos", content=small(7030), params={"overlay": False, "queue": False})
    assert job.status_code == 202
    refused = caller("results,queue", tenant="e").delete(f"/v1/media/{digest}")
    assert (refused.status_code, "videos" in refused.json()["detail"]) == (403, True)
    assert full.delete(f"/v1/media/{digest}").json()["jobs"] == 1
    assert full.get("/metrics").status_code == 403, "what concerns all tenants is the operator's"


def test_each_picture_of_a_batch_counts(caller, small):
    client = caller(per_minute=30)
    files = [("files", (f"{n}.jpg", small(7040))) for n in range(5)]
    assert client.post("/v1/predict/batch", files=files).status_code == 200
    refused = client.post("/v1/predict", content=small(7040))
    assert (refused.status_code, refused.json()["code"]) == (429, "service.rate_limited")


def test_a_key_beside_the_password_of_a_proxy_works(caller):
    client = caller()
    assert client.get("/v1/models", headers={"Authorization": "Basic Zm9vOmJhcg=="}).status_code == 200


def announce(shared, key, path, count, length, kind="image/jpeg"):
    """Open connections that announce a body and send nothing of it."""
    held = []
    for _ in range(count):
        connection = shared.raw().thing
        connection.putrequest("POST", path)
        connection.putheader("X-API-Key", key)
        connection.putheader("Content-Type", kind)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        held.append(connection)
    return held


@pytest.mark.parametrize(
    ("path", "uploads"),
    [
        ("/v1/predict", [("/v1/predict/batch", 320 << 20), *[("/v1/predict", 20 << 20)] * 20]),
        ("/v1/videos", [("/v1/videos", 1 << 20)] * 20),
    ],
)
def test_uploads_of_one_key_that_bring_nothing_keep_nobody_out(shared, caller, small, path, uploads):
    greedy, honest = caller(), caller()
    key = greedy.headers["X-API-Key"]
    held = []
    for where, length in uploads:
        kind = "multipart/form-data; boundary=x" if "batch" in where else "image/jpeg"
        held += announce(shared, key, where, 1, length, kind)
    try:
        for n in range(5):
            answer = honest.post(path, content=small(7100 + n))
            assert answer.status_code in (200, 202), answer.text
        begun = time.monotonic()
        statuses = {connection.getresponse().status for connection in held}
        assert statuses <= {408, 503}
        assert time.monotonic() - begun < 20
    finally:
        for connection in held:
            connection.close()


def test_a_key_that_sends_all_it_can_keeps_nobody_out(run_service, small):
    """Fifty connections of one key that send pictures without a pause, beside one that sends one now and then."""
    service = run_service(auth="required", max_waiting=8)
    store = Store(f"sqlite:///{service.data_dir / 'fakeweb.sqlite3'}")
    keys = [new_key(), new_key()]
    for key in keys:
        store.add_key("test", hash_key(key), "predict", 0)
    store.close()
    stop, seen = threading.Event(), []

    def pour(first):
        with httpx.Client(headers={"X-API-Key": keys[0]}, timeout=300, trust_env=False) as client:
            for n in range(10_000):
                if stop.is_set():
                    return
                answer = client.post(f"{service.url}/v1/predict", content=small(20_000 + first * 1000 + n))
                seen.append(answer.status_code)

    threads = [threading.Thread(target=pour, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(2)
        with httpx.Client(headers={"X-API-Key": keys[1]}, timeout=300, trust_env=False) as honest:
            mine = []
            while honest.get(f"{service.url}/v1/models").status_code == 401:
                time.sleep(0.1)
            for n in range(12):
                mine.append(honest.post(f"{service.url}/v1/predict", content=small(30_000 + n)).status_code)
                time.sleep(0.2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert mine == [200] * 12
    assert 503 in seen, "the other one was refused what was too much"
    assert 200 in seen
