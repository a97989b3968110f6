"""What the service costs beside its Scanner, round by round: ``python deploy/load/shares.py [--beside CHECKOUT]``.

CPU of event loop and worker for each picture judged, beside that of a Scanner alone on the same core just before and
after; another checkout, measured in turn, shows what a change has brought also where the machine does other things.
Writes ``results/shares.json``; needs `just setup server`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import psutil
from compare import bare, guarded
from machine import OTHER_CORE, ROOT, Service, summary, write_result
from run import load

_BARE_S = 6.0


def used_s(running: Service) -> tuple[float, float]:
    """Return the CPU time of the event loop's process, and of its workers."""
    root = psutil.Process(running.process.pid)
    return sum(root.cpu_times()[:2]), sum(sum(p.cpu_times()[:2]) for p in root.children(recursive=True))


def share(count: int, seconds: float) -> dict[str, Any]:
    """Let so many users loose on the service that stands first on the path."""
    before = bare(_BARE_S)
    with guarded() as (running, keys):
        loop, worker = used_s(running)
        found = load(running, count, min(count, 500), seconds, keys, wait="0" if count <= 16 else "1,3",
                     unique="1" if count <= 16 else "0.5")  # fmt: skip
        loop, worker = (after - begun for after, begun in zip(used_s(running), (loop, worker), strict=True))
        health = summary(running.health_s)
    alone = (before + bare(_BARE_S)) / 2
    judged, cached, refused = (found.get(k, {}).get("count", 0) for k in ("judged", "cached", "refused"))
    return {
        "users": count,
        "judged": judged,
        "cached": cached,
        "refused": refused,
        "failures": found["failures"],
        "loop_s": loop,
        "worker_s": worker,
        "alone_per_cpu_s": alone,
        "share": judged / (loop + worker) / alone,
        "health": health,
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    """Measure, each checkout in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", default="16,500,2000")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", type=Path, help="root of another checkout")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        os.sched_setaffinity(0, {OTHER_CORE})
        sys.stdout.write(json.dumps(share(given.one, given.seconds)) + "\n")
        return
    rows = []
    for _ in range(given.rounds):
        for count in map(int, given.users.split(",")):
            for name, root in (("now", ROOT), ("before", given.beside)):
                if root is None:
                    continue
                command = [sys.executable, __file__, "--one", str(count), "--seconds", str(given.seconds)]
                env = {**os.environ, "PYTHONPATH": str(root / "src")}
                done = subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE, text=True)
                rows.append({"checkout": name, **json.loads(done.stdout.splitlines()[-1])})
    write_result("shares", {"seconds": given.seconds, "rows": rows})


if __name__ == "__main__":
    main()
