"""What a file costs, as ratios in one run: ``python benchmarks/cost.py --base CHECKOUT [--pictures FOLDER]``.

Every picture is scanned by this checkout and by another one in turn, several rounds, one thread each; of every
picture the least CPU time counts. Beside them, the same network calls alone: their inputs are kept during a scan and
given to the same sessions once more, without anything around them. Without ``--pictures`` it is the example picture,
at 640 px; pictures with a longer side are shrunk to ``--side`` and saved as JPEG of quality 92. With ``--sides`` the
large pictures of the second table are made of the example, with the peak of memory of a process that scans one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
QUALITY = 92
WHAT = ("scan", "calls", "read", "find", "score", "provenance")
LARGE = (1280, 2000, 4000, 6300)


def main() -> int:
    """Compare, and print two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, help="checkout of the version to compare with")
    parser.add_argument(
        "--pictures", type=Path, help="folder of pictures, or a list of their paths, one a line"
    )
    parser.add_argument("--side", type=int, default=640, help="longest side, in pixels")
    parser.add_argument("--most", type=int, default=60, help="so many pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", type=int, nargs="*", default=[], help="large pictures; 0: the usual ones")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work()
    checkouts = {"this": ROOT, **({"base": options.base.resolve()} if options.base else {})}
    with_each(checkouts, lambda workers: print(*files(workers, options), sep="\n"))
    if options.sides:
        print("", *large(checkouts, options.sides if any(options.sides) else LARGE), sep="\n")
    return 0


def files(workers: dict[str, Worker], options: argparse.Namespace) -> Iterator[str]:
    """Yield the table of ordinary pictures."""
    best: dict[tuple[str, str], list[float]] = {}
    pictures = [shrunk(path, options.side) for path in paths(options)]
    counts = dict.fromkeys(workers, 0)
    for number, data in enumerate(pictures):
        found: dict[tuple[str, str], float] = {}
        for _ in range(options.rounds):
            for name, worker in workers.items():
                answer = worker.ask(data)
                for what in ("scan", "calls", *answer["parts"]):
                    value = answer["parts"].get(what, answer.get(what))
                    found[name, what] = min(found.get((name, what), value), value)
        for key, value in found.items():
            best.setdefault(key, []).append(value)
        for name in workers:
            counts[name] += workers[name].last["count"]
        sys.stderr.write(f"\r{number + 1} of {len(pictures)}   ")
    total = {key: sum(values) for key, values in best.items()}
    yield f"{len(pictures)} JPEGs of {options.side} px; least CPU time of {options.rounds} rounds, in ms a file"
    yield "| | scan | network calls alone | scan / calls | calls | read | find | score | origin |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in workers:
        scan, calls, *parts = (total.get((name, part), 0.0) / len(pictures) for part in WHAT)
        cells = " | ".join(f"{1e3 * part:.1f}" for part in parts)
        count = counts[name] / len(pictures)
        yield f"| {name} | {1e3 * scan:.1f} | {1e3 * calls:.1f} | {scan / calls:.2f} | {count:.1f} | {cells} |"
    if "base" in workers:
        this, base = total["this", "scan"], total["base", "scan"]
        bare = this - total["this", "provenance"] + total.get(("base", "provenance"), 0.0)
        yield f"Files per CPU second, this over base: {base / this:.2f}; the origin left out: {base / bare:.2f}."


def large(checkouts: dict[str, Path], sides: tuple[int, ...]) -> Iterator[str]:
    """Yield the table of large pictures: the example enlarged, and noise of a tenth of its contrast put on it."""
    yield "| picture, JPEG | MP | " + " | ".join(f"{n}: ms/MP | find | peak MB" for n in checkouts) + " |"
    yield "|---|---|" + "---|---|---|" * len(checkouts)
    for side in sides:
        data = enlarged(side)
        cells = []
        for path in checkouts.values():
            worker = Worker(path)
            answers = [worker.ask(data) for _ in range(3)]
            worker.close()
            scan, find = (
                min(v) for v in zip(*((a["scan"], a["parts"]["find"]) for a in answers), strict=True)
            )
            mp = side * side / 1e6
            cells.append(f"{1e3 * scan / mp:.1f} | {1e3 * find / mp:.1f} | {answers[0]['peak_mb']:.0f}")
        yield f"| {side} x {side} | {side * side / 1e6:.1f} | " + " | ".join(cells) + " |"


def paths(options: argparse.Namespace) -> list[Path]:
    """Return the pictures to be scanned, evenly out of all that there are."""
    if options.pictures is None:
        return [ROOT / "examples" / "collins.jpg"]
    if options.pictures.is_file():
        found = [Path(line) for line in options.pictures.read_text(encoding="utf-8").splitlines() if line]
    else:
        found = sorted(
            p for p in options.pictures.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")
        )
    return found[:: max(1, len(found) // options.most)][: options.most]


def shrunk(path: Path, side: int) -> bytes:
    """Return a picture as a JPEG with exactly this long side."""
    pixels = cv2.imread(str(path))
    scale = side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return encoded(np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8))


def enlarged(side: int) -> bytes:
    """Return the example as a large photograph: enlarged, with the noise of a camera."""
    pixels = cv2.resize(
        cv2.imread(str(ROOT / "examples" / "collins.jpg")), (side, side), interpolation=cv2.INTER_CUBIC
    )
    rng = np.random.default_rng(1)
    for top in range(0, side, 256):
        part = pixels[top : top + 256]
        part[:] = np.clip(part + rng.normal(0, 4, part.shape), 0, 255)
    return encoded(np.asarray(pixels, np.uint8))


def encoded(pixels: np.ndarray) -> bytes:
    """Return pixels in OpenCV's order as a JPEG."""
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


class Worker:
    """A process that scans with the code of one checkout.

    Args:
        checkout: Its folder.
    """

    def __init__(self, checkout: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(HERE), "--worker"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.last: dict[str, Any] = {}

    def ask(self, data: bytes) -> dict[str, Any]:
        """Return what a scan of a file takes."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(len(data).to_bytes(8, "big") + data)
        stdin.flush()
        self.last = json.loads(stdout.readline())
        return self.last

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def with_each(checkouts: dict[str, Path], use: Callable[[dict[str, Worker]], None]) -> None:
    """Start a worker per checkout, use them, end them."""
    workers = {name: Worker(path) for name, path in checkouts.items()}
    try:
        use(workers)
    finally:
        for worker in workers.values():
            worker.close()


def work() -> int:
    """Scan what stands on standard input, and answer with CPU seconds: the worker's side."""
    cv2.setNumThreads(1)
    import fakeweb
    from fakeweb.runtime.session import Session

    calls: list[tuple[Any, Any]] = []
    run = Session.run

    def kept(self: Session, batch: Any) -> Any:
        calls.append((self, batch))
        return run(self, batch)

    scanner = fakeweb.Scanner()
    while head := sys.stdin.buffer.read(8):
        data = sys.stdin.buffer.read(int.from_bytes(head, "big"))
        clock = time.perf_counter
        time.perf_counter = time.process_time
        begun = time.process_time()
        report = scanner.scan(data)
        scan = time.process_time() - begun
        time.perf_counter = clock
        peak = peak_mb()
        calls.clear()
        Session.run = kept  # type: ignore[method-assign]
        scanner.scan(data)
        Session.run = run  # type: ignore[method-assign]
        begun = time.process_time()
        for session, batch in calls:
            session._session.run(None, {session._input: batch})
        bare = time.process_time() - begun
        answer = {
            "scan": scan,
            "calls": bare,
            "count": len(calls),
            "parts": report.timings_s,
            "peak_mb": peak,
        }
        print(json.dumps(answer), flush=True)
    return 0


def peak_mb() -> float:
    """Return the most memory this process has had, in MB; Linux only, 0 elsewhere."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    return (
        next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        / 1024
    )


if __name__ == "__main__":
    sys.exit(main())
