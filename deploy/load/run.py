"""Measure the service: ``python deploy/load/run.py [baseline alone users16 users500 users2000 soak] [--seconds 300]``.

The service and its one worker are bound to the first core, Locust and the probes to the last one. Each measurement
writes ``results/<name>.json``; then docs/reference/service.md and its plots are written from all there are. Needs
`just setup server` and a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import page
from machine import HERE, OTHER_CORE, SERVICE_CORE, Service, pinned, quantile, service, summary, write_result
from pictures import megapixel, portrait, with_comment

MEASUREMENTS = ("baseline", "alone", "users16", "users500", "users2000", "soak")
_BASELINE = """
import sys, time, cv2
cv2.setNumThreads(1)
from fakeweb import Scanner
data, seconds = open(sys.argv[1], "rb").read(), float(sys.argv[2])
scanner = Scanner()
for _ in range(3): scanner.scan(data)
count, begun = 0, time.perf_counter()
while time.perf_counter() - begun < seconds:
    scanner.scan(data); count += 1
print(count / (time.perf_counter() - begun))
"""


def baseline(seconds: float) -> None:
    """What the Scanner reaches on the service's core without HTTP."""
    rates = {}
    for name, data in (("portrait", portrait()), ("megapixel", megapixel())):
        with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
            file.write(data)
            file.flush()
            env = {**os.environ, "OMP_NUM_THREADS": "1"}
            command = pinned(
                SERVICE_CORE, sys.executable, "-c", _BASELINE, file.name, str(min(60.0, seconds))
            )
            out = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
        rates[f"{name}_per_s"] = round(float(out), 3)
        rates[f"{name}_bytes"] = len(data)
    write_result("baseline", rates)


def alone(seconds: float) -> None:
    """One user, one megapixel, one face, every picture new."""
    data, taken = megapixel(), []
    with service(SERVICE_CORE) as running:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        until, number = time.monotonic() + min(120.0, seconds), 0
        while time.monotonic() < until:
            number += 1
            body = with_comment(data, f"alone {number}")
            started = time.perf_counter()
            connection.request("POST", "/v1/predict", body, {"Content-Type": "image/jpeg"})
            answer = json.loads(connection.getresponse().read())
            taken.append(time.perf_counter() - started)
            if answer["cached"] or len(answer["report"]["faces"]) != 1:
                raise SystemExit(f"not what was to be measured: {answer}")
    write_result("alone", {"seconds": seconds, **summary(taken[3:])})


def users(
    name: str, count: int, spawn: int, seconds: float, *, wait: str = "1,3", unique: str = "0.5"
) -> None:
    """Locust with so many users."""
    with service(SERVICE_CORE) as running, tempfile.TemporaryDirectory() as folder:
        judged = running.metric("fakeweb_judging_seconds_count")
        _locust(Path(folder), OTHER_CORE, running, count, spawn, seconds, wait, unique)
        judged = running.metric("fakeweb_judging_seconds_count") - judged
        result = {
            "users": count,
            "spawn_per_s": spawn,
            "wait_s": wait,
            "unique_share": float(unique),
            "seconds": seconds,
            "judged_per_s": round(judged / seconds, 3),
            "worker_restarts": running.metric("fakeweb_worker_restarts"),
            **_stats(Path(folder)),
            **_seen(running),
        }
    write_result(name, result)


def soak(seconds: float) -> None:
    """Sixteen users for long: is the memory flat?"""
    users("soak", 16, 16, seconds)


def load(
    running: Service, count: int, spawn: int, seconds: float, keys: list[str], *, wait: str, unique: str
) -> dict[str, Any]:
    """Return what Locust's users see, who share these keys among them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "keys").write_text("\n".join(keys))
        _locust(Path(folder), OTHER_CORE, running, count, spawn, seconds, wait, unique)
        return _stats(Path(folder))


def _locust(
    folder: Path, core: int, running: Service, count: int, spawn: int, seconds: float, wait: str, unique: str
) -> None:
    picture = folder / "portrait.jpg"
    picture.write_bytes(portrait())
    env = {**os.environ, "LOAD_PICTURE": str(picture), "LOAD_WAIT": wait, "LOAD_UNIQUE": unique}
    if (folder / "keys").is_file():
        env["LOAD_KEYS"] = str(folder / "keys")
    command = pinned(
        core, sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py"), "--headless", "--only-summary",
        "-u", str(count), "-r", str(spawn), "-t", f"{seconds:.0f}s", "--stop-timeout", "60", "--host", running.url,
        "--csv", str(folder / "out"), "--csv-full-history", "--loglevel", "WARNING", "--exit-code-on-error", "0",
    )  # fmt: skip
    subprocess.run(command, check=True, env=env)


def _stats(folder: Path) -> dict[str, Any]:
    """Read what Locust has written: per kind of answer, and over time."""
    answers: dict[str, Any] = {"failures": 0}
    with (folder / "out_stats.csv").open() as file:
        for row in csv.DictReader(file):
            if row["Name"] == "Aggregated":
                answers["failures"] = int(row["Failure Count"])
                continue
            answers[row["Name"]] = {
                "count": int(row["Request Count"]),
                "failures": int(row["Failure Count"]),
                "per_s": round(float(row["Requests/s"]), 3),
                "median_ms": _number(row["Median Response Time"]),
                "p95_ms": _number(row["95%"]),
                "p99_ms": _number(row["99%"]),
                "max_ms": _number(row["Max Response Time"]),
            }
    with (folder / "out_failures.csv").open() as file:
        answers["failure_texts"] = [
            f"{r['Name']}: {r['Error']} ({r['Occurrences']})" for r in csv.DictReader(file)
        ]
    with (folder / "out_stats_history.csv").open() as file:
        rows = list(csv.DictReader(file))
    begun = min((int(r["Timestamp"]) for r in rows), default=0)
    answers["history"] = [
        [
            int(r["Timestamp"]) - begun,
            r["Name"],
            int(r["User Count"]),
            float(r["Requests/s"]),
            _number(r["95%"]),
        ]
        for r in rows
        if r["Name"] in ("judged", "cached", "refused") and (int(r["Timestamp"]) - begun) % 2 == 0
    ]
    return answers


def _seen(running: Service) -> dict[str, object]:
    step = max(1, len(running.memory) // 400)
    return {
        "health": summary(running.health_s),
        "health_failures": running.health_failures[:10],
        "open_files_max": running.files,
        "memory": [[round(t), b] for t, b in running.memory[::step]],
        "open_files": [[round(t), n] for t, n in running.open_files[::step]],
        "stored": [[round(t), b] for t, b in running.stored[::step]],
        "memory_growth_mb": growth_mb(running.memory),
        "log_errors": running.errors()[:10],
    }


def growth_mb(memory: list[tuple[float, int]]) -> float | None:
    """Return by how much the memory of the last fifth exceeds that of the second fifth (medians), in megabytes."""
    fifth = len(memory) // 5
    if fifth < 3:
        return None
    early = quantile([b for _, b in memory[fifth : 2 * fifth]], 0.5)
    late = quantile([b for _, b in memory[-fifth:]], 0.5)
    return round((late - early) / 1e6, 2)


def _number(text: str) -> float | None:
    return None if text in ("", "N/A") else float(text)


def main() -> None:
    """Measure what was asked for, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="*", choices=[*MEASUREMENTS, []], help="default: all but the page's fuzzing"
    )
    parser.add_argument("--seconds", type=float, default=300.0, help="of each run with users")
    parser.add_argument("--soak-seconds", type=float, default=1800.0)
    parser.add_argument("--no-page", action="store_true", help="do not write docs/reference/service.md")
    given = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    for what in given.what or MEASUREMENTS:
        if what == "baseline":
            baseline(given.seconds)
        elif what == "alone":
            alone(given.seconds)
        elif what == "users16":
            users("users16", 16, 16, given.seconds, wait="0", unique="1")
        elif what == "users500":
            users("users500", 500, 100, given.seconds)
        elif what == "users2000":
            users("users2000", 2000, 500, given.seconds)
        else:
            soak(given.soak_seconds)
    if not given.no_page:
        page.write()


if __name__ == "__main__":
    main()
