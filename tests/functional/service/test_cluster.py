"""Three services on one PostgreSQL behind a proxy; one is killed under load: nothing is lost, nothing done twice."""

import contextlib
import itertools
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytestmark = pytest.mark.slow
PICTURES = 120


class Proxy:
    """Passes each connection on to the next service that takes it, as a load balancer does."""

    def __init__(self, ports):
        self._turn = itertools.cycle(ports)
        self._count = len(ports)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client):
        with client:
            for _ in range(self._count):
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", next(self._turn))) as server,
                ):
                    threading.Thread(target=self._pass, args=(server, client), daemon=True).start()
                    self._pass(client, server)
                    return

    @staticmethod
    def _pass(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self._listening.close()


def until_answered(send):
    """What a careful caller does: try again after a lost connection or a 503."""
    for _ in range(200):
        with contextlib.suppress(httpx.TransportError):
            answer = send()
            if answer.status_code != 503:
                return answer
        time.sleep(0.2)
    raise AssertionError("never answered")


def judged(service):
    """How many new pictures a service has judged since its start."""
    lines = service.get("/metrics").text.splitlines()
    ours = (x for x in lines if x.startswith("fakeweb_verdicts_total{") and 'cached="false"' in x)
    return sum(float(x.rsplit(" ", 1)[1]) for x in ours)


def test_one_of_three_is_killed_under_load(run_service, postgres_url, tmp_path, small):
    from sqlalchemy import create_engine, text

    shared = {"database_url": postgres_url, "jobs_dir": tmp_path / "jobs", "max_wait_s": 60, "deadline_s": 60}
    services = [run_service(**shared) for _ in range(3)]
    proxy, victim = Proxy([s.port for s in services]), random.Random(7).choice(services)
    pictures = [small(95_000 + n) for n in range(PICTURES)]

    def predict(number):
        query = f"/v1/predict?queue=true&views=10&reference=post-{number}"
        return until_answered(
            lambda: httpx.post(proxy.url + query, content=pictures[number], timeout=120)
        ).json()

    def video(number):
        return until_answered(
            lambda: httpx.post(proxy.url + "/v1/videos", content=pictures[number], timeout=120)
        ).json()

    try:
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(video, n) for n in range(6)]
            first = [pool.submit(predict, n) for n in range(PICTURES)]
            while sum(f.done() for f in first) < PICTURES // 3:
                time.sleep(0.02)
            victim.kill()
            answers, jobs = [f.result() for f in first], [f.result() for f in jobs]
        assert all(a["report"]["verdict"] for a in answers)
        again = [predict(n) for n in range(PICTURES)]
        assert [a["id"] for a in again] == [a["id"] for a in answers], "what was acknowledged is there"
        assert all(a["cached"] for a in again)
        alive = [s for s in services if s is not victim]
        assert sum(map(judged, alive)) <= PICTURES + len(jobs)

        def state(job):
            return httpx.get(f"{alive[0].url}/v1/videos/{job['id']}", timeout=60).json()["state"]

        deadline = time.monotonic() + 180
        while {state(job) for job in jobs} != {"done"}:
            assert time.monotonic() < deadline, [state(job) for job in jobs]
            time.sleep(0.5)
        engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as db:
            mine = {"first": answers[0]["id"], "posts": [f"post-{n}" for n in range(PICTURES)]}
            twice = "SELECT count(*) FROM (SELECT cache_key FROM results GROUP BY cache_key HAVING count(*) > 1) x"
            assert db.execute(text(twice)).scalar_one() == 0
            items = text("SELECT count(*) FROM queue WHERE reference = ANY(:posts)")
            assert db.execute(items, {"posts": mine["posts"]}).scalar_one() == PICTURES
        engine.dispose()
    finally:
        proxy.close()
        for service in services:
            if service.process.poll() is None:
                service.kill()
