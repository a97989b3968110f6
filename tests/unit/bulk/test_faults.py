"""Batches under real faults: killed workers, drivers and nodes, full disks, stores that drop, slow and reset."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs the extra 'batch'")

SOME, BIG = 10, 60


@pytest.fixture
def pictures(album):
    """Whole pictures, as bytes."""
    return [p.read_bytes() for p in sorted(album.rglob("[0-9]*.jpg"))]


def _children(pid):
    """Return the worker processes of a driver, without Python's own helper."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "spawn_main" in line]


class _Schedule:
    """Faults drawn at random while a run goes on, with the driver started again whenever it is gone."""

    def __init__(self, seed, start, proxy, command):
        self.dice, self.start, self.proxy, self.command = random.Random(seed), start, proxy, command
        self.told = []

    def play(self, faults):
        run = self.start(*self.command)
        for _ in range(faults):
            self._wait(run, self.dice.uniform(0.5, 6))
            if run.poll() is not None and run.returncode == 0:
                break
            if run.poll() is not None:
                run = self.start(*self.command)
                continue
            getattr(self, self.dice.choice(("worker", "driver", "reset", "drop", "slow")))(run)
            if run.poll() is not None:
                run = self.start(*self.command)
        self.proxy.mode = "pass"
        for _ in range(5):
            code = run.wait(timeout=900)
            if code == 0:
                return
            self.told.append(run.stdout.read().decode()[-500:])
            time.sleep(1)
            run = self.start(*self.command)
        pytest.fail(f"it never ended well: {self.told}")

    @staticmethod
    def _wait(run, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(timeout=seconds)

    def worker(self, run):
        for pid in _children(run.pid)[:1]:
            os.kill(pid, signal.SIGKILL)

    def driver(self, run):
        os.kill(run.pid, signal.SIGKILL)  # its workers end by themselves
        run.wait()

    def reset(self, run):
        self.proxy.reset_all()

    def drop(self, run):
        self.proxy.mode = "drop"
        self.proxy.reset_all()
        time.sleep(self.dice.uniform(0.5, 2))
        self.proxy.mode = "pass"

    def slow(self, run):
        self.proxy.mode = "slow"
        time.sleep(self.dice.uniform(0.5, 2))
        self.proxy.mode = "pass"


@pytest.fixture
def proxy(s3_server, monkeypatch, fault_proxy):
    """A fault proxy in front of the S3 server, to which the environment of new processes leads."""
    made = fault_proxy(int(s3_server.rpartition(":")[2]), hang=b"hang")
    yield made
    made.close()


def _fill(bucket, pictures, count):
    from fakeweb.media.storage import Storage

    store = Storage(f"{bucket}/in")
    for i in range(count):
        store.write(f"{i % 3}/{i:03}.jpg", pictures[i % len(pictures)])
    store.write("0/hang.jpg", pictures[0])
    store.write("1/cut.jpg", pictures[0][:1500])
    return {f"{i % 3}/{i:03}.jpg" for i in range(count)}, {"0/hang.jpg", "1/cut.jpg"}


def _check(bucket, good, bad):
    """See that every good file was judged exactly once, every bad one is named, and nothing temporary is left."""
    from fakeweb.bulk import Destination
    from fakeweb.media.storage import Storage

    destination = Destination(f"{bucket}/out")
    rows = [(r["path"].removeprefix(f"{bucket}/in/"), r["code"]) for r in destination.rows("files")]
    assert sorted(path for path, _ in rows) == sorted(good | bad)
    failed = {path for path, code in rows if code}
    assert failed >= bad
    # where the store was away longer than all tries, a good file is named too; tried again, it is judged
    faces = {r["path"] for r in destination.rows("faces")}
    assert {path.removeprefix(f"{bucket}/in/") for path in faces} == good - failed
    left = [n for n in Storage(f"{bucket}/out").names() if "lock" in n or "tmp" in n]
    assert left == []
    return failed - bad


@pytest.mark.slow
@pytest.mark.parametrize("seed", [pytest.param(s, id=f"schedule{s:02}") for s in range(20)])
def test_random_schedules_of_faults_in_a_bucket(seed, s3_server, bucket, pictures, start, proxy):
    good, bad = _fill(bucket, pictures, SOME if seed < 3 else BIG)
    environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
    short = seed < 3
    limits = ["--time-limit", "8" if short else "20", "--tries", "2" if short else "3"]
    command = ["batch", f"{bucket}/in", "--out", f"{bucket}/out", "--shard", "7", "-j", "2", *limits]

    def begin(*args):
        # a lock of a bucket outlives its dead run for a minute: for the test it is taken away as if that had passed
        from fakeweb.bulk.lock import NAME
        from fakeweb.media.storage import Storage

        Storage(f"{bucket}/out").remove(NAME)
        return start(*args, env=environment)

    _Schedule(seed, begin, proxy, command).play(4 if seed < 3 else 10)
    missed = _check(bucket, good, bad)
    if missed:
        again = begin(*command, "--retry")
        assert again.wait(timeout=900) == 0
        assert _check(bucket, good, bad) == set()


def test_a_full_disk_ends_the_run_and_leaves_nothing_half(album, tmp_path, start, read):
    out = tmp_path / "out"

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))  # no file may grow beyond, as on a full disk

    run = start("batch", album, "--out", out, "--engine", "serial", "--shard", 100, preexec_fn=small)
    assert run.wait(timeout=300) == 2
    said = run.stdout.read().decode()
    assert "cannot be written: File too large" in said
    assert not list(out.rglob(".fakeweb-*"))
    assert not list(out.rglob("files/*.parquet"))
    whole = start("batch", album, "--out", out, "--engine", "serial")
    assert whole.wait(timeout=300) == 0
    assert len(read(out)) == 14


@pytest.mark.slow
def test_a_killed_node_of_a_cluster_costs_nothing_but_time(album, tmp_path, start, read):
    ray = pytest.importorskip("ray", reason="needs the extra 'ray'")
    from ray.cluster_utils import Cluster

    pictures = tmp_path / "in"
    pictures.mkdir()
    whole = sorted(album.rglob("[0-9]*.jpg"))
    for i in range(48):
        (pictures / f"{i:03}.jpg").write_bytes(whole[i % len(whole)].read_bytes())
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        command = ["batch", pictures, "--out", tmp_path / "out", "--engine", "ray", "--ray", cluster.address,
                   "-j", "3", "--shard", "4"]  # fmt: skip
        run = start(*command)
        deadline = time.monotonic() + 600
        while not (tmp_path / "out" / "files").is_dir() and time.monotonic() < deadline:
            time.sleep(0.1)
        cluster.remove_node(nodes[0], allow_graceful=False)  # its raylet is killed, and its actors with it
        assert run.wait(timeout=900) == 0, run.stdout.read().decode()
    finally:
        ray.shutdown()
        cluster.shutdown()
    rows = read(tmp_path / "out")
    assert [Path(r["path"]).name for r in rows] == [f"{i:03}.jpg" for i in range(48)]
    assert not [r for r in rows if r["code"]]


@pytest.mark.slow
def test_ray_gives_the_same_bytes_as_this_process(album, tmp_path, start, read):
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    for engine in ("serial", "ray"):
        run = start("batch", album, "--out", tmp_path / engine, "--engine", engine, "-j", "2", "--shard", "5")
        assert run.wait(timeout=900) == 0, run.stdout.read().decode()
    for table in ("files", "faces"):
        assert json.dumps(read(tmp_path / "ray", table)) == json.dumps(read(tmp_path / "serial", table))
