"""The service as a pod runs it: half a core and 2 GiB, by control groups: ``python deploy/load/pod.py [--seconds 60]``.

Takes the settings of ``deploy/kubernetes/base``, needs root and control groups of version 1 (cpu and memory) that can
be made, and prints what 1, 4 and 16 users see. Writes ``results/pod.json`` and its part of docs/reference/service.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import page
from machine import OTHER_CORE, ROOT, SERVICE_CORE, service, summary, write_result
from run import load

GROUPS = Path("/sys/fs/cgroup")
CORES = 0.5
BYTES = 2 << 30


def told() -> dict[str, str]:
    """Return the settings of the pods."""
    lines = (ROOT / "deploy" / "kubernetes" / "base" / "fakeweb.env").read_text().splitlines()
    pairs = (line.removeprefix("FAKEWEB_").split("=", 1) for line in lines if line.startswith("FAKEWEB_"))
    return {name.lower(): value for name, value in pairs}


@contextmanager
def group() -> Iterator[tuple[Path, Path]]:
    """Make control groups of a pod's size, and remove them in the end."""
    name = f"fakeweb-pod-{os.getpid()}"
    cpu, memory = GROUPS / "cpu" / name, GROUPS / "memory" / name
    try:
        for folder in (cpu, memory):
            folder.mkdir()
        (cpu / "cpu.cfs_period_us").write_text("100000")
        (cpu / "cpu.cfs_quota_us").write_text(str(int(CORES * 100_000)))
        (memory / "memory.limit_in_bytes").write_text(str(BYTES))
        yield cpu, memory
    finally:
        for folder in (cpu, memory):
            with suppress(OSError):
                folder.rmdir()


def measure(count: int, seconds: float) -> dict[str, Any]:
    """Let so many users loose on a pod."""
    with group() as folders:
        inside = " && ".join(f"echo $$ > {folder}/cgroup.procs" for folder in folders)
        command = ["sh", "-c", f'{inside} && exec "$0" -m fakeweb serve', sys.executable]
        with service(SERVICE_CORE, command=command, **told()) as running:
            found = load(running, count, count, seconds, [], wait="0" if count > 1 else "1,3", unique="1")
            return {
                "users": count,
                "judged": found.get("judged"),
                "refused": found.get("refused", {}).get("count", 0),
                "failures": found["failures"],
                "health": summary(running.health_s),
                "memory_mb": int((folders[1] / "memory.max_usage_in_bytes").read_text()) / 1e6,
                "throttled_s": _throttled_s(folders[0]),
            }


def _throttled_s(cpu: Path) -> float:
    lines = dict(line.split() for line in (cpu / "cpu.stat").read_text().splitlines())
    return int(lines["throttled_time"]) / 1e9


def main() -> None:
    """Measure all, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--no-page", action="store_true", help="print the table and do not write the page")
    given = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    found = {"seconds": given.seconds, "rows": [measure(count, given.seconds) for count in (1, 4, 16)]}
    sys.stdout.write(page.in_a_pod({"pod": found}) + "\n")
    if not given.no_page:
        write_result("pod", found)
        page.write()


if __name__ == "__main__":
    main()
