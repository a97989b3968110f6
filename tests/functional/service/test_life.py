"""Starting, stopping, being killed, being full: what was accepted is never lost."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from fakeweb.errors import Busy, NotFound, Unauthorized
from fakeweb.media import encode_png
from fakeweb.types import Image


def wait_for(what, seconds=240.0):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="session")
def slow_picture(portrait):
    """A picture that takes a worker a second or so: many faces."""
    tile = portrait.pixels[20:260, 100:340]
    return lambda n: encode_png(Image(np.ascontiguousarray(np.tile(np.roll(tile, n, 0), (5, 5, 1)))))


def test_a_stopping_service_finishes_what_it_accepted(run_service, slow_picture):
    service = run_service()
    with ThreadPoolExecutor(3) as pool:
        posts = [pool.submit(service.predict, slow_picture(n)) for n in range(3)]
        wait_for(lambda: "fakeweb_inside 3.0" in service.get("/metrics").text)
        assert service.stop() == 0
        assert [p.result().status_code for p in posts] == [200, 200, 200]
    with pytest.raises(httpx.TransportError):
        service.get("/livez")


@pytest.mark.slow
def test_no_child_outlives_the_service(run_service):
    service = run_service(workers=2)
    children = service.children()
    assert len(children) == 2
    service.kill()
    wait_for(lambda: not any(_alive(p) for p in children))


def test_a_worker_that_dies_is_replaced(run_service, slow_picture, small):
    service = run_service()
    (worker,) = service.children()
    with ThreadPoolExecutor(1) as pool:
        post = pool.submit(service.predict, slow_picture(9))
        wait_for(lambda: "fakeweb_inside 1.0" in service.get("/metrics").text)
        time.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        assert (post.result().status_code, post.result().json()["code"]) == (503, "worker.died")
        assert "retry-after" in post.result().headers
    assert service.predict(small(1)).status_code == 200
    assert service.children() != [worker]


@pytest.mark.slow
def test_a_picture_that_takes_too_long_is_given_up(run_service, slow_picture, small):
    service = run_service(deadline_s=0.3)
    answer = service.predict(slow_picture(8))
    assert (answer.status_code, answer.json()["code"]) == (503, "service.overdue")
    wait_for(lambda: service.get("/readyz").status_code == 200)


def test_a_full_queue_refuses_at_once_and_stays_healthy(run_service, slow_picture):
    service = run_service(max_waiting=2)
    seen, pictures = [], [slow_picture(100 + n) for n in range(12)]

    def post(n):
        started = time.monotonic()
        answer = service.predict(pictures[n])
        seen.append((answer.status_code, time.monotonic() - started, answer.headers.get("retry-after")))

    threads = [threading.Thread(target=post, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        assert service.get("/livez").status_code == 200
        time.sleep(0.05)
    refused = [s for s in seen if s[0] == 503]
    assert {s[0] for s in seen} == {200, 503}
    assert len(refused) >= 6
    assert all(int(s[2]) >= 1 for s in refused)
    assert max(s[1] for s in refused) < min(s[1] for s in seen if s[0] == 200)


def test_a_job_survives_kill_9(run_service, slow_picture, jpeg):
    """Jobs accepted before ``kill -9`` are done after the next start: each once, none lost."""
    service = run_service()
    with service.client() as client:
        jobs = [client.create_video(slow_picture(200 + n), threshold=0.001, views=1000) for n in range(4)]
        wait_for(lambda: any(client.video(j.id).state == "running" for j in jobs))
    service.kill()
    assert len(list(service.data_dir.rglob("upload"))) >= 3
    service.start()
    with service.client() as client:
        for job in jobs:
            assert list(client.follow(job.id))[-1].state == "done"
            answer = client.video_result(job.id)
            assert answer.report.verdict.label == "fake"
            assert answer.queue_id
        assert len(client.queue()) == 4
        path = client.video_overlay(jobs[0].id, service.data_dir / "o.png")
        assert path.read_bytes().startswith(b"\x89PNG")
    assert not list(service.data_dir.rglob("upload")), "uploads are deleted once judged"


@pytest.mark.slow
def test_results_survive_kill_9(run_service, small):
    service = run_service()
    ids = [service.predict(small(n)).json()["id"] for n in range(5)]
    service.kill()
    assert sqlite3.connect(service.data_dir / "fakeweb.sqlite3").execute(
        "PRAGMA integrity_check"
    ).fetchone() == ("ok",)
    service.start()
    again = [service.predict(small(n)).json() for n in range(5)]
    assert [a["id"] for a in again] == ids
    assert all(a["cached"] for a in again)


@pytest.mark.slow
def test_a_stopped_job_goes_on_at_the_next_start(run_service, slow_picture):
    service = run_service()
    with service.client() as client:
        job = client.create_video(slow_picture(300))
        wait_for(lambda: client.video(job.id).state == "running")
    assert service.stop() == 0
    service.start()
    with service.client() as client:
        assert list(client.follow(job.id))[-1].state == "done"


@pytest.mark.slow
def test_jobs_are_followed_cancelled_and_deleted(run_service, slow_picture, jpeg):
    service = run_service()
    with service.client() as client:
        first, second, third = (client.create_video(slow_picture(400 + n)) for n in range(3))
        seen = list(client.follow(first.id))
        assert seen[-1].state == "done"
        assert [j.progress for j in seen] == sorted(j.progress for j in seen)
        wait_for(lambda: client.video(second.id).state == "running")
        assert client.cancel_video(second.id).state == "cancelled"
        assert client.cancel_video(second.id).state == "cancelled"
        assert not (service.data_dir / "jobs" / second.id / "upload").exists()
        assert list(client.follow(third.id))[-1].state == "done"
        assert client.video(first.id).state == "done"
        client.delete_video(first.id)
        with pytest.raises(NotFound):
            client.video(first.id)
        assert not (service.data_dir / "jobs" / first.id).exists()


def test_a_broken_video_fails_with_its_problem(run_service, service):
    with service.client() as client:
        job = client.create_video(b"\x1a\x45\xdf\xa3" + bytes(1000), name="clip.webm")
        last = list(client.follow(job.id))[-1]
        assert last.state == "failed"
        assert last.problem.code.startswith("media.")
    answer = service.get(f"/v1/videos/{job.id}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "service.conflict")


@pytest.mark.slow
def test_a_video_that_takes_too_much_is_ended(run_service, slow_picture):
    slow = run_service(job_timeout_s=0.5)
    with slow.client() as client:
        last = list(client.follow(client.create_video(slow_picture(500)).id))[-1]
        assert (last.state, last.problem.code) == ("failed", "service.overdue")
    greedy = run_service(job_memory_mb=300)
    with greedy.client() as client:
        last = list(client.follow(client.create_video(slow_picture(501)).id))[-1]
        assert last.state == "failed"
        assert last.problem.code in ("worker.died", "media.too_large")
        assert greedy.get("/readyz").status_code == 200


@pytest.mark.slow
def test_no_more_videos_than_fit(run_service, slow_picture):
    service = run_service(max_jobs_waiting=1)
    with service.client(patience_s=0) as client:
        accepted, refused = [], 0
        for picture in [slow_picture(600 + n) for n in range(6)]:
            try:
                accepted.append(client.create_video(picture))
            except Busy:
                refused += 1
        assert refused >= 2
        for job in accepted:
            assert list(client.follow(job.id))[-1].state == "done"
    assert len(list((service.data_dir / "jobs").iterdir())) == len(accepted)


def test_limits_hold_before_anything_is_read(run_service, jpeg):
    service = run_service(max_bytes=50_000, max_video_bytes=60_000)
    for path, size in (("/predict", 200_000), ("/v1/videos", 200_000), ("/v1/predict/batch", 1_000_000)):
        with service.raw() as connection:
            connection.putrequest("POST", path)
            connection.putheader("Content-Length", str(size))
            connection.endheaders()  # and not one byte of the body
            answer = connection.getresponse()
            assert answer.status == 413
            assert json.loads(answer.read())["code"] == "media.too_large"

    def chunks():
        for _ in range(20):
            yield bytes(10_000)

    answer = httpx.post(service.url + "/predict", content=chunks(), timeout=300)
    assert answer.status_code == 413
    assert httpx.post(service.url + "/predict", files={"file": bytes(60_000)}, timeout=300).status_code == 413
    with httpx.Client(base_url=service.url, timeout=300) as client:  # the connection can still be used
        assert client.post("/predict", content=jpeg).status_code == 413
        assert client.get("/livez").status_code == 200


@pytest.mark.slow
def test_an_upload_that_crawls_is_given_up(run_service):
    service = run_service(upload_idle_s=0.5)
    with service.raw() as connection:
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Length", "5000")
        connection.endheaders()
        connection.send(b"\xff\xd8")
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (408, "service.too_slow")


@pytest.mark.slow
def test_more_connections_than_allowed_are_told_so(run_service):
    service = run_service(max_connections=5)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(service.raw()) for _ in range(5)]
        for connection in held:
            connection.request("GET", "/livez")
            assert connection.getresponse().read()
        extra = stack.enter_context(service.raw())
        extra.connect()
        answer = extra.sock.recv(4096).decode()
        assert answer.startswith("HTTP/1.1 503 ")
        assert "retry-after" in answer
        held[0].close()
        wait_for(lambda: service.get("/livez").status_code == 200)


def test_keys_scopes_and_rates(run_service, small, tmp_path):
    service = run_service(auth="required", host="127.0.0.1")

    def keys(*args):
        command = [sys.executable, "-m", "fakeweb", "keys", *args, "--data-dir", str(service.data_dir)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert service.get("/livez").status_code == 200
    refused = service.predict(small(1))
    assert (refused.status_code, refused.json()["code"]) == (401, "service.unauthorized")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    reader, judge = (
        keys("create", "team", "--scopes", "queue,results"),
        keys("create", "app", "--per-minute", "30"),
    )
    for path in service.data_dir.rglob("*"):
        assert not path.is_file() or judge.encode() not in path.read_bytes()
    wait_for(lambda: service.get("/v1/models", headers={"X-API-Key": judge}).status_code == 200)
    with service.client(key=judge, patience_s=0) as client:
        client.predict(small(1))
    bearer = {"Authorization": f"Bearer {judge}"}
    forbidden = service.get("/v1/queue", headers=bearer)
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "service.forbidden")
    assert service.get("/v1/queue", headers={"Authorization": f"Bearer {reader}"}).status_code == 200
    answers = [service.predict(small(1), headers=bearer) for _ in range(8)]
    limited = [a for a in answers if a.status_code == 429]
    assert limited
    assert {a.status_code for a in answers} <= {200, 429}
    assert limited[0].json()["code"] == "service.rate_limited"
    assert 1 <= int(limited[0].headers["retry-after"]) <= 3
    assert "app" in keys("list")
    keys("revoke", "app")
    wait_for(lambda: service.get("/v1/models", headers=bearer).status_code == 401)
    with service.client(key=judge) as client, pytest.raises(Unauthorized):
        client.models()


@pytest.mark.slow
def test_a_service_for_others_asks_for_keys(run_service):
    service = run_service(host="0.0.0.0")
    assert service.get("/v1/models").status_code == 401


@pytest.mark.slow
def test_what_was_kept_long_enough_is_deleted(run_service, small, slow_picture):
    service = run_service(result_days=1e-6, job_hours=1e-6, queue_days=1e-6)
    with service.client() as client:
        answer = client.predict(small(1), threshold=0.01, views=10)
        client.decide(answer.queue_id, "reject")
        job = client.create_video(small(2))
        list(client.follow(job.id))
    service.stop()
    service.start()  # the first thing it does

    def gone():
        with service.client() as client:
            try:
                client.result(answer.id)
            except NotFound:
                return not (service.data_dir / "jobs" / job.id).exists() and not client.queue("rejected")

    wait_for(gone)


@pytest.mark.slow
def test_wrong_settings_are_one_line(tmp_path):
    for name, value in (
        ("FAKEWEB_PRT", "1"),
        ("FAKEWEB_PORT", "x"),
        ("FAKEWEB_MODEL", "nosuch"),
        ("FAKEWEB_AUTH", "maybe"),
    ):
        env = {**os.environ, "FAKEWEB_DATA_DIR": str(tmp_path / "d"), name: value}
        done = subprocess.run(
            [sys.executable, "-m", "fakeweb", "serve"], env=env, capture_output=True, text=True, timeout=600
        )
        assert done.returncode in (2, 3)
        assert "Traceback" not in done.stderr, done.stderr
        assert "error: " in done.stderr


@pytest.mark.slow
def test_two_services_share_a_postgresql_database(run_service, postgres_url, small, slow_picture):
    """Results and the queue are shared; a job belongs to the service that took it, and survives ``kill -9``."""
    first, second = (run_service(database_url=postgres_url) for _ in range(2))
    with first.client() as one, second.client() as other:
        answer = one.predict(small(900), threshold=0.01, views=100, reference="shared")
        again = other.predict(small(900), threshold=0.01)
        assert (again.cached, again.id) == (True, answer.id)
        assert other.decide(answer.queue_id, "accept").state == "accepted"
        assert one.forget(small(900))["results"] == 1
        assert other.predict(small(900), threshold=0.01).cached is False
        jobs = [one.create_video(slow_picture(900 + n)) for n in range(2)]
        wait_for(lambda: other.video(jobs[0].id).state == "running")
    first.kill()
    first.start()
    with second.client() as other:
        for job in jobs:
            assert list(other.follow(job.id))[-1].state == "done"


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
