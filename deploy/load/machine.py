"""The service and its probes on pinned cores: what ``run.py`` measures with."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results"
_READY_S = 600.0


_CORES = sorted(os.sched_getaffinity(0))
SERVICE_CORE, OTHER_CORE = _CORES[0], _CORES[-1]
"""The core of the service and its worker, and the core of Locust and the probes."""


def pinned(core: int | None, *command: str) -> list[str]:
    """Return a command bound to a core; to none where that is None."""
    return list(command) if core is None else ["taskset", "-c", str(core), *command]


def quantile(values: list[float], share: float) -> float:
    """Return a quantile, the nearest value above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def summary(values_s: list[float]) -> dict[str, float]:
    """Return count, median, p95, p99 and maximum in milliseconds."""
    return {
        "count": len(values_s),
        "median_ms": round(1000 * statistics.median(values_s), 1) if values_s else float("nan"),
        "p95_ms": round(1000 * quantile(values_s, 0.95), 1),
        "p99_ms": round(1000 * quantile(values_s, 0.99), 1),
        "max_ms": round(1000 * max(values_s), 1) if values_s else float("nan"),
    }


@dataclass
class Service:
    """A running service and what is seen of it."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    memory: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the start, resident bytes of all its processes)."""
    files: int = 0
    """Most open files seen."""
    open_files: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the start, open files of the service)."""
    stored: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the start, bytes in its data folder)."""
    data_dir: Path = Path()
    health_s: list[float] = field(default_factory=list)
    health_failures: list[str] = field(default_factory=list)
    started_s: float = field(default_factory=time.monotonic)
    key: str = ""
    """For ``/metrics``, where it asks for one."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/metrics", headers={"X-API-Key": self.key} if self.key else {})
        text = connection.getresponse().read().decode()
        lines = [line for line in text.splitlines() if line.startswith((name + " ", name + "{"))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def errors(self) -> list[str]:
        """Return the lines of its log that tell of trouble."""
        text = self.log.read_text(errors="replace")
        return [
            x for x in text.splitlines() if "ERROR" in x or "Traceback" in x or "too many open" in x.lower()
        ]


@contextmanager
def service(core: int | None, *, command: list[str] | None = None, **settings: object) -> Iterator[Service]:
    """Start a service on a core, or another server; sample its memory and ask for its health all the while."""
    with tempfile.TemporaryDirectory(prefix="fakeweb-load-") as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = Path(folder, "log")
        env = {k: v for k, v in os.environ.items() if not k.startswith("FAKEWEB_")}
        own = {"data_dir": Path(folder, "data"), "port": port, "workers": 1, **settings}
        env |= {"PORT": str(port), **{f"FAKEWEB_{k.upper()}": str(v) for k, v in own.items()}}
        with log.open("wb") as out:
            pinned_to = pinned(core, *(command or [sys.executable, "-m", "fakeweb", "serve"]))
            running = Service(port, subprocess.Popen(pinned_to, env=env, stdout=out, stderr=out), log)
        running.data_dir = Path(str(own["data_dir"]))
        _wait(running)
        stop = threading.Event()
        watchers = [threading.Thread(target=w, args=(running, stop)) for w in (_sample, _ask_health)]
        for watcher in watchers:
            watcher.start()
        try:
            yield running
        finally:
            stop.set()
            for watcher in watchers:
                watcher.join()
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(120)


def _wait(running: Service) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        if time.monotonic() > deadline or running.process.poll() is not None:
            running.process.kill()
            raise SystemExit(f"the service does not start:\n{running.log.read_text()}")
        time.sleep(0.2)


def _sample(running: Service, stop: threading.Event) -> None:
    root = psutil.Process(running.process.pid)
    while not stop.wait(2.0):
        try:
            family = [root, *root.children(recursive=True)]
            held = sum(p.memory_info().rss for p in family)
            files = root.num_fds()
            stored = sum(p.stat().st_size for p in running.data_dir.rglob("*") if p.is_file())
        except (psutil.Error, OSError):
            continue
        now_s = time.monotonic() - running.started_s
        running.files = max(running.files, files)
        running.memory.append((now_s, held))
        running.open_files.append((now_s, files))
        running.stored.append((now_s, stored))


def _ask_health(running: Service, stop: threading.Event) -> None:
    """Ask for /livez on a fresh connection four times a second, as a prober does."""
    while not stop.wait(0.25):
        started = time.perf_counter()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
            connection.request("GET", "/livez")
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status != 200:
                running.health_failures.append(f"status {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            running.health_failures.append(repr(error))
        running.health_s.append(time.perf_counter() - started)


def write_result(name: str, data: dict[str, object]) -> None:
    """Keep the result of one measurement."""
    RESULTS.mkdir(exist_ok=True)
    data = {
        "measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "load_average": os.getloadavg()[0],
        **data,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    sys.stdout.write(f"{name}: {json.dumps({k: v for k, v in data.items() if not isinstance(v, list)})}\n")
