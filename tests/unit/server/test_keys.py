"""Keys: random, stored as hashes, scoped, limited."""

import asyncio

import pytest

from fakeweb.errors import Forbidden, RateLimited, Unauthorized, UsageError
from fakeweb.server import keys
from fakeweb.server.keys import Buckets, KeyRing, check_scopes, check_tenant, hash_key, new_key


def ring(**rows):
    found = KeyRing()
    found.load(
        {
            "id": n,
            "name": n,
            "key_sha256": hash_key(n),
            "scopes": s,
            "per_minute": 0,
            "revoked_s": r,
            "tenant": "t",
        }
        for n, (s, r) in rows.items()
    )
    return found


def test_keys_are_new_each_time_and_not_in_their_hash():
    made = {new_key() for _ in range(50)}
    assert len(made) == 50
    assert all(len(k) > 40 and k not in hash_key(k) for k in made)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer a")],
        [(b"authorization", b"bearer  a")],
        [(b"x-api-key", b"a")],
        [(b"authorization", b"Basic Zm9vOmJhcg=="), (b"x-api-key", b"a")],
        [(b"x-api-key", b"a"), (b"authorization", b"Basic Zm9vOmJhcg==")],
    ],
)
def test_a_key_is_found_in_either_header(headers):
    assert ring(a=("predict", None)).find(headers, "predict").name == "a"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Basic a")],
        [(b"authorization", b"Bearer b")],
        [(b"x-api-key", b"\xff\xfe")],
        [(b"x-api-key", b"")],
    ],
)
def test_others_are_not_let_in(headers):
    with pytest.raises(Unauthorized):
        ring(a=("predict", None)).find(headers, "predict")


def test_scopes_bind_and_admin_may_all():
    held = ring(a=("predict,videos", None), b=("admin", None), gone=("admin", 1.0))
    assert held.find([(b"x-api-key", b"a")], "videos")
    assert held.find([(b"x-api-key", b"a")], "")
    assert held.find([(b"x-api-key", b"b")], "queue")
    with pytest.raises(Forbidden, match="queue"):
        held.find([(b"x-api-key", b"a")], "queue")
    with pytest.raises(Unauthorized):
        held.find([(b"x-api-key", b"gone")], "queue")


def test_scopes_include_others_within_a_tenant():
    held = ring(t=("tenant-admin", None), q=("queue", None), p=("predict", None), a=("admin", None))
    boss, reviewer, app, operator = (held.find([(b"x-api-key", n)], "") for n in (b"t", b"q", b"p", b"a"))
    assert all(boss.may(s) for s in ("predict", "videos", "results", "enqueue", "queue"))
    assert not boss.may("metrics")
    assert not boss.may("admin")
    assert (reviewer.may("enqueue"), app.may("enqueue")) == (True, False)
    assert [k.sees for k in (boss, reviewer, app, operator)] == ["t", "t", "t", None]
    with pytest.raises(Forbidden, match="videos"):
        reviewer.must("queue", "videos")


@pytest.mark.parametrize("wrong", ["", "Acme", "a b", "-a", "a" * 64, "a/b", "a:b"])
def test_names_of_tenants_are_checked(wrong):
    with pytest.raises(UsageError):
        check_tenant(wrong)
    assert check_tenant("acme-2.eu") == "acme-2.eu"


def test_what_was_done_already_is_owed(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    buckets = Buckets()
    buckets.take("a", 60)
    assert buckets.owe("a", 60, 15) == pytest.approx(6.0)  # a batch of sixteen, where ten may come at once
    with pytest.raises(RateLimited) as refused:
        buckets.take("a", 60)
    assert refused.value.retry_after_s == pytest.approx(7.0)
    now[0] += 7.1
    buckets.take("a", 60)
    assert buckets.owe("b", 0, 100) == 0
    for _ in range(100):
        pause_s = buckets.owe("c", 60, most_s=2.0)
    assert pause_s == 2.0


@pytest.mark.parametrize("wrong", [[], ["everything"], ["predict", "x"]])
def test_scopes_are_checked(wrong):
    with pytest.raises(UsageError, match="predict"):
        check_scopes(wrong)


def test_a_rate_is_kept_and_the_wait_is_told(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    buckets = Buckets()
    for _ in range(10):  # ten seconds' worth at once
        buckets.take("a", 60)
    with pytest.raises(RateLimited) as refused:
        buckets.take("a", 60)
    assert refused.value.retry_after_s == pytest.approx(1.0)
    buckets.take("b", 60)
    now[0] += refused.value.retry_after_s
    buckets.take("a", 60)
    with pytest.raises(RateLimited):
        buckets.take("a", 60)
    passed = 0
    for _ in range(6000):  # a minute of a hundred attempts a second
        now[0] += 0.01
        try:
            buckets.take("a", 60)
            passed += 1
        except RateLimited:
            continue
    assert passed == pytest.approx(60, abs=1)
    buckets.take("a", 0)  # no limit


def test_a_caller_who_was_quiet_may_send_no_more_than_ten_seconds_worth_at_once(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    buckets = Buckets()
    buckets.take("a", 60)
    now[0] += 300  # less than it takes to be forgotten
    for _ in range(10):
        buckets.take("a", 60)
    with pytest.raises(RateLimited):
        buckets.take("a", 60)


def test_callers_who_went_away_are_forgotten(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    buckets = Buckets()
    for n in range(1000):
        buckets.take(str(n), 60)
    now[0] += 5000
    buckets.take("new", 60)
    assert len(buckets._filled) == 1


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/predict", "predict"),
        ("/v1/predict/batch", "predict"),
        ("/v1/urls", "predict"),
        ("/v1/videos", "videos"),
        ("/v1/videos/x/cancel", "videos"),
        ("/v1/queue/", "queue"),
        ("/v1/results/x", "results"),
        ("/v1/media/x", "results"),
        ("/v1/models", ""),
        ("/metrics", "metrics"),
        ("/v1/predict/", "admin"),
        ("/predict/x", "admin"),
        ("/V1/queue", "admin"),
        ("/v1/queue\n", "admin"),
        ("/metrics\n", "admin"),
        ("/v1/unheard-of", "admin"),
        ("/v1/openapi.json", "open"),
        ("/livez", "open"),
        ("/docs", "open"),
        ("/assets/app.js", "open"),
    ],
)
def test_every_address_of_the_api_asks_for_its_scope(path, scope):
    from fakeweb.server.gate import classify

    assert classify(path)[1] == scope


def test_every_route_is_known_to_the_gate():
    import json
    from pathlib import Path

    from fakeweb.server.gate import classify

    document = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
    for path in json.loads(document.read_text())["paths"]:
        assert classify(path.replace("{", "").replace("}", ""))[0] not in ("other", "page"), path


def test_a_key_made_a_moment_ago_works_at_once_and_wrong_ones_do_not_wear_out_the_database():
    rows, asked = [], 0

    async def ask():
        nonlocal asked
        asked += 1
        known.load(rows)

    known = KeyRing(ask)
    key = new_key()
    row = {"id": "a", "name": "new", "scopes": "predict", "per_minute": 0, "revoked_s": None, "tenant": "t"}
    rows.append({**row, "key_sha256": hash_key(key)})

    async def calls():
        found = await known.find_fresh([(b"x-api-key", key.encode())], "predict")
        for _ in range(50):
            with pytest.raises(Unauthorized):
                await known.find_fresh([(b"x-api-key", new_key().encode())], "predict")
        with pytest.raises(Unauthorized):
            await known.find_fresh([], "predict")
        return found

    assert asyncio.run(calls()).name == "new"
    assert asked == 1
