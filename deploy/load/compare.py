"""The service beside a naive server and beside hostile callers: ``python deploy/load/compare.py [--seconds 60]``.

Writes ``results/compare.json`` and its part of docs/reference/service.md. With 60 seconds each it takes a quarter of
an hour; it needs a machine that does nothing else and `just setup server`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent))

import page
from machine import HERE, OTHER_CORE, ROOT, SERVICE_CORE, Service, pinned, service, summary, write_result
from pictures import portrait
from run import load

from fakeweb.server.keys import hash_key, new_key
from fakeweb.server.store import Store

KEYS = 200
_BARE = """
import sys, time, cv2
cv2.setNumThreads(1)
from fakeweb import Scanner
data, seconds = open(sys.argv[1], "rb").read(), float(sys.argv[2])
scanner = Scanner()
for _ in range(3): scanner.scan(data)
count, begun, used = 0, time.perf_counter(), time.process_time()
while time.perf_counter() - begun < seconds:
    scanner.scan(data); count += 1
print(count / (time.process_time() - used))
"""


def bare(seconds: float) -> float:
    """Return the pictures per CPU second of a Scanner without HTTP."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(portrait())
        file.flush()
        command = pinned(SERVICE_CORE, sys.executable, "-c", _BARE, file.name, str(seconds))
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        return float(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout)


def keyed(data_dir: Path) -> list[str]:
    """Make two hundred keys in a database that is still to be served; return them."""
    data_dir.mkdir(mode=0o700)
    store = Store(f"sqlite:///{data_dir / 'fakeweb.sqlite3'}")
    keys = [new_key() for _ in range(KEYS)]
    for number, key in enumerate(keys):
        scopes = "predict,videos,metrics" if number == 0 else "predict,videos"
        store.add_key(f"load-{number}", hash_key(key), scopes, 0 if number == 0 else 600)
    store.close()
    return keys


@contextmanager
def guarded() -> Iterator[tuple[Service, list[str]]]:
    """A service that asks for keys, and the keys."""
    with tempfile.TemporaryDirectory(prefix="fakeweb-compare-") as folder:
        keys = keyed(Path(folder, "data"))
        with service(SERVICE_CORE, data_dir=Path(folder, "data"), auth="required") as running:
            running.key = keys[0]
            yield running, keys


def naive() -> Any:
    """The naive server on the service's core."""
    return service(SERVICE_CORE, command=[sys.executable, str(ROOT / "benchmarks" / "naive_server.py")])


def cpu_s(running: Service) -> float:
    """Return the CPU time that a server and its workers have taken."""
    root = psutil.Process(running.process.pid)
    return sum(sum(p.cpu_times()[:2]) for p in (root, *root.children(recursive=True)))


def users(running: Service, count: int, seconds: float, keys: list[str]) -> dict[str, Any]:
    """Let so many users loose on a server."""
    used = cpu_s(running)
    found = load(running, count, min(count, 500), seconds, keys, wait="0" if count <= 16 else "1,3",
                 unique="1" if count <= 16 else "0.5")  # fmt: skip
    used = cpu_s(running) - used
    judged = found.get("judged", {}).get("count", 0)
    return {
        "users": count,
        "judged_per_s": found.get("judged", {}).get("per_s", 0.0),
        "judged_per_cpu_s": judged / used if used else 0.0,
        "judged": found.get("judged"),
        "cached": found.get("cached", {}).get("count", 0),
        "refused": found.get("refused", {}).get("count", 0),
        "failures": found["failures"],
        "health": summary(running.health_s),
        "health_failures": len(running.health_failures),
    }


def calling(kind: str, running: Service, seconds: float, key: str = "") -> subprocess.Popen[str]:
    """Start callers of a kind on the other core."""
    command = [
        sys.executable,
        str(HERE / "callers.py"),
        kind,
        str(running.port),
        str(seconds),
        *([key] if key else []),
    ]
    return subprocess.Popen(pinned(OTHER_CORE, *command), stdout=subprocess.PIPE, text=True)


def beside(kind: str, victims: str, seconds: float) -> dict[str, Any]:
    """Return what honest callers see while all is quiet, and while others do harm."""
    rows: dict[str, Any] = {}
    with guarded() as (running, keys):
        for row, harm in (("quiet", ""), ("beside them", kind)):
            running.health_s.clear()
            running.memory.clear()
            harming = (
                calling(harm, running, seconds + 5, keys[1] if harm == "greedy" else "") if harm else None
            )
            seen = json.loads(calling(victims, running, seconds, ",".join(keys[2:22])).communicate()[0])
            memory = [b for _, b in running.memory]
            rows[row] = {
                **summary(seen["took_s"]),
                "statuses": seen["statuses"],
                "health": summary(running.health_s),
                "grown_mb": (max(memory) - min(memory)) / 1e6 if memory else 0.0,
            }
            if harming is not None:
                rows["they"] = json.loads(harming.communicate()[0])["statuses"]
    return rows


def main() -> None:
    """Measure all, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--users", default="1,16,500,2000")
    parser.add_argument("--no-page", action="store_true", help="print the tables and do not write the page")
    given = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    counts, seconds = [int(n) for n in given.users.split(",")], given.seconds
    found: dict[str, Any] = {"seconds": seconds, "bare_per_cpu_s": bare(seconds), "fakeweb": [], "naive": []}
    for count in counts:
        with guarded() as (running, keys):
            found["fakeweb"].append(users(running, count, seconds, keys))
        with naive() as running:
            found["naive"].append(users(running, count, seconds, []))
    found["hostile"] = beside("hostile", "honest", seconds)
    found["greedy"] = beside("greedy", "steady", seconds)
    sys.stdout.write(page.compared({"compare": found}) + "\n")
    if not given.no_page:
        write_result("compare", found)
        page.write()


if __name__ == "__main__":
    main()
