"""Fuzz the service: ``python deploy/load/fuzz.py images --count 10000 --valid 1000``.

``images`` and ``videos`` send broken uploads, with whole ones in between whose verdicts are compared, bit for bit, with
what the Scanner says without the service. ``schema`` has schemathesis make up requests from the OpenAPI document. What
must not happen: a 5xx but the deliberate 503, a lost connection, a whole upload that is judged wrong, a service that
grows. Results go to ``results/`` and docs/reference/service.md.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import machine
import page
from mutations import mutate
from seeds import pictures, videos

from fakeweb import Scanner

SLOW_S = 30.0
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


class Fuzzer:
    """Sends uploads and counts what comes back."""

    def __init__(self, running: machine.Service) -> None:
        self.running = running
        self.statuses: Counter[str] = Counter()
        self.unwanted: list[str] = []
        self.right = self.valid = 0
        self._connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=120)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Make a request; whatever goes wrong is counted."""
        for attempt in range(20):
            try:
                self._connection.request(method, path, body, headers)
                answer = self._connection.getresponse()
                data = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self.unwanted.append(f"{method} {path}: {error!r}")
                return 0, b""
            if answer.status == 503 and b'"worker.died"' not in data and attempt < 19:
                time.sleep(
                    float(answer.headers.get("Retry-After", 1))
                )  # it says that it is busy: wait, as asked
                continue
            return answer.status, data
        return 503, b""

    def judge(self, status: int, data: bytes) -> None:
        """Count an answer to a broken upload."""
        self.statuses[str(status)] += 1
        if status >= 500 or status == 0:
            self.unwanted.append(f"{status}: {data[:300].decode(errors='replace')}")

    def check(self, right: bool, said: object) -> None:
        """Count an answer to a whole upload."""
        self.valid += 1
        self.right += right
        if not right:
            self.unwanted.append(f"a whole upload was judged otherwise: {said}")


def essence(report: dict[str, Any]) -> str:
    """Return what must be the same whoever judges: all but name and timings."""
    return json.dumps({k: v for k, v in report.items() if k not in ("source", "timings_s")}, sort_keys=True)


def fuzz(what: str, count: int, valid: int, seed: int) -> None:
    """Send broken uploads and whole ones in between."""
    rng = random.Random(seed)
    seeds = pictures() if what == "images" else videos()
    scanner = Scanner()
    expected = [essence(json.loads(json.dumps(scanner.scan(s).to_dict()))) for s in seeds]
    settings = {
        "deadline_s": SLOW_S * 4,
        "max_wait_s": SLOW_S * 4,
        "job_timeout_s": 120,
        "max_jobs_waiting": 50,
    }
    with machine.service(None, **settings) as running:
        fuzzer = Fuzzer(running)
        plan = [True] * valid + [False] * count
        rng.shuffle(plan)
        one: Callable[[Fuzzer, Sequence[bytes], list[str], bool, random.Random, int], None]
        one = _image if what == "images" else _video
        started = time.monotonic()
        for number, whole in enumerate(plan, 1):
            one(fuzzer, seeds, expected, whole, rng, number)
            if number % 200 == 0:
                left = (time.monotonic() - started) / number * (len(plan) - number)
                sys.stderr.write(
                    f"{number} of {len(plan)}, {left / 60:.1f} minutes left, "
                    f"{dict(fuzzer.statuses)}, {len(fuzzer.unwanted)} unwanted\n"
                )
        status, _ = fuzzer.send("GET", "/readyz")
        if status != 200:
            fuzzer.unwanted.append(f"/readyz says {status} at the end")
        result = {
            "what": f"mutated {what}",
            "requests": len(plan),
            "statuses": dict(fuzzer.statuses),
            "valid": fuzzer.valid,
            "valid_right": fuzzer.right,
            "unwanted": len(fuzzer.unwanted),
            "unwanted_texts": fuzzer.unwanted[:20],
            "worker_restarts": running.metric("fakeweb_worker_restarts"),
            "memory_growth_mb": _growth(running),
            "memory": [[round(t), b] for t, b in running.memory[:: max(1, len(running.memory) // 200)]],
            "seed": seed,
        }
    machine.write_result(f"fuzz-{what}", result)


def _image(
    fuzzer: Fuzzer, seeds: Sequence[bytes], expected: list[str], whole: bool, rng: random.Random, number: int
) -> None:
    which = rng.randrange(len(seeds))
    if whole:  # the overlay makes the worker read and draw it, even where the report is known
        status, data = fuzzer.send(
            "POST", f"/v1/predict?overlay={'true' if number % 2 else 'false'}", seeds[which]
        )
        fuzzer.check(
            status == 200 and essence(json.loads(data)["report"]) == expected[which], (status, data[:300])
        )
    else:
        fuzzer.judge(*fuzzer.send("POST", "/v1/predict", mutate(seeds[which], seeds, rng)))


def _video(
    fuzzer: Fuzzer, seeds: Sequence[bytes], expected: list[str], whole: bool, rng: random.Random, number: int
) -> None:
    which = rng.randrange(len(seeds))
    body = seeds[which] if whole else mutate(seeds[which], seeds, rng)
    status, data = fuzzer.send("POST", f"/v1/videos?overlay={'true' if number % 4 == 0 else 'false'}", body)
    if status != 202:
        if whole:
            fuzzer.check(False, (status, data[:300]))
        else:
            fuzzer.judge(status, data)
        return
    path = f"/v1/videos/{json.loads(data)['id']}"
    while (job := json.loads(fuzzer.send("GET", path)[1]))["state"] in ("queued", "running"):
        time.sleep(0.1)
    if whole:
        _, data = fuzzer.send("GET", f"{path}/result")
        right = job["state"] == "done" and essence(json.loads(data)["report"]) == expected[which]
        fuzzer.check(right, (job["state"], job["problem"]))
    else:
        problem = job["problem"] or {}
        fuzzer.statuses[f"202, {job['state']}"] += 1
        if problem.get("status", 0) >= 500 and problem.get("code") not in ("worker.died", "service.overdue"):
            fuzzer.unwanted.append(str(problem))
    fuzzer.send("DELETE", path)


def schema(examples: int, seed: int) -> None:
    """Let schemathesis make up requests from the OpenAPI document."""
    with machine.service(None, max_jobs_waiting=1000, max_wait_s=60) as running:
        report = Path("/tmp") / f"fakeweb-schemathesis-{running.port}"
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{running.url}/v1/openapi.json",
            "--checks", ",".join(_CHECKS),
            "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples), "--seed", str(seed),
            "--exclude-path-regex", "/events$", "--generation-deterministic", "--report", "ndjson",
            "--report-dir", str(report), "--request-timeout", "60", "--continue-on-failure",
            "--suppress-health-check", "all",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, cwd=running.log.parent)
        sys.stderr.write(done.stdout[-6000:] + done.stderr[-2000:])
        by_status = _statuses(running)
        result = {
            "what": "schemathesis on the OpenAPI document",
            "requests": sum(by_status.values()),
            "statuses": by_status,
            "unwanted": sum(v for k, v in by_status.items() if k >= "500" and k != "503")
            + (done.returncode != 0),
            "worker_restarts": running.metric("fakeweb_worker_restarts"),
            "memory_growth_mb": _growth(running),
            "memory": [[round(t), b] for t, b in running.memory[:: max(1, len(running.memory) // 200)]],
            "seed": seed,
        }
    machine.write_result("fuzz-schema", result)


def _statuses(running: machine.Service) -> dict[str, int]:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    connection.request("GET", "/metrics")
    counts: Counter[str] = Counter()
    for line in connection.getresponse().read().decode().splitlines():
        if line.startswith("fakeweb_requests_total{") and 'route="health"' not in line:
            counts[line.partition('status="')[2][:3]] += int(float(line.rsplit(" ", 1)[1]))
    return dict(counts)


def _growth(running: machine.Service) -> float | None:
    from run import growth_mb

    return growth_mb(running.memory)


def main() -> None:
    """Fuzz, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["images", "videos", "schema"])
    parser.add_argument(
        "--count", type=int, help="broken uploads (10,000 images, 500 videos), or examples per address (100)"
    )
    parser.add_argument("--valid", type=int, help="whole uploads in between (1,000 images, 50 videos)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-page", action="store_true", help="do not write docs/reference/service.md")
    given = parser.parse_args()
    if given.what == "schema":
        schema(given.count or 100, given.seed)
    else:
        count, valid = (10_000, 1000) if given.what == "images" else (500, 50)
        fuzz(given.what, given.count or count, valid if given.valid is None else given.valid, given.seed)
    if not given.no_page:
        page.write()


if __name__ == "__main__":
    main()
