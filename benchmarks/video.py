"""Measure clips and write docs/reference/video.md: `just bench` runs this too.

    python benchmarks/video.py --data DATA            # everything
    python benchmarks/video.py --only speed           # one part; the others stay as they are written

The composed clips and the rows scanned from them are kept in --clips, so that a second run is quick.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from unittest.mock import patch

import av
import cv2
import numpy as np

from bench import EXAMPLE, LABELS, REFERENCE, ROOT, arguments, head, line, processor, show, validation, write
from composed.clips import ComposeOptions, compose, fingerprint, read_truth
from composed.people import ClipRow, PersonRow, accuracy_of, scan_clips
from fakeweb.batch import ordered_map
from fakeweb.classifiers import OnnxClassifier
from fakeweb.media import Pace, encode_clip, read_image
from fakeweb.scanner import Scanner
from fakeweb.types import Face, FaceMesher, Image

HD_CRF = 22
CLIPS = 300
FRAMES = 12  # looked at in each composed clip, which has twice as many


def hd_clip(folder: Path) -> Path:
    """Make ten seconds of 1080p at 30 frames a second with one face: the example portrait before a panned scene.

    Grain and quality are such that it has the 3 Mbit/s of a web video; phones write several times that, and then
    decoding takes longer, and a larger share.
    """
    path = folder / "hd.mp4"
    portrait = read_image(EXAMPLE).image.pixels
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (70, 130, 3), np.uint8)
    scene = np.asarray(cv2.resize(coarse, (2080, 1120), interpolation=cv2.INTER_CUBIC), np.int16)
    grain = rng.normal(0, 5, (1080 + 32, 1920 + 32, 3)).astype(np.int16)

    def frames() -> Iterator[tuple[Image, float]]:
        for i in range(300):
            pan = 80 + round(75 * np.sin(i / 30))
            canvas = scene[20:1100, pan : pan + 1920].copy()
            x, y = 700 + round(120 * np.sin(i / 40)), 280 + round(40 * np.cos(i / 25))
            canvas[y : y + 512, x : x + 512] = portrait
            dx, dy = rng.integers(0, 32, 2)
            canvas += grain[dy : dy + 1080, dx : dx + 1920]
            yield Image(canvas.clip(0, 255).astype(np.uint8)), i / 30

    encode_clip(path, frames(), fps=30, crf=HD_CRF, preset="medium")
    return path


def bare_decode(path: Path) -> None:
    """Decode every frame with one thread and do nothing with it."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for _ in container.decode(video=0):
            pass


@dataclass(frozen=True)
class Took:
    """What a call took: CPU time of all threads, and time on the clock, in seconds."""

    cpu_s: float
    wall_s: float


def took(function: Callable[[], object], runs: int = 3) -> Took:
    """Call it several times; return the least of either time."""
    times = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return Took(min(c for c, _ in times), min(w for _, w in times))


class TimedMesher:
    """A mesher that adds up the CPU time it takes."""

    def __init__(self, mesher: FaceMesher) -> None:
        self._mesher, self.cpu_s = mesher, 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self._mesher, name)

    def mesh(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        """Measure as the mesher does."""
        started = time.process_time()
        found = self._mesher.mesh(image, faces)
        self.cpu_s += time.process_time() - started
        return list(found)


def split(options: argparse.Namespace, path: Path, frames: int, runs: int = 3) -> list[float]:
    """Return CPU seconds of decoding (reading and colours included), finding and following, meshing, classifying."""
    scanner = Scanner(finder=options.finder, model=options.model)
    parts = []
    with patch.object(time, "perf_counter", time.process_time):  # the report's timings become CPU time
        for _ in range(runs):
            mesher = TimedMesher(getattr(scanner.finder, "mesher", None) or scanner.mesher)
            with (
                patch.object(scanner, "mesher", mesher),
                patch.object(scanner.finder, "mesher", mesher, create=True),
            ):
                spent = scanner.scan_video(path, pace=Pace(frames=frames), threads=1).timings_s
            found = spent["find"] - mesher.cpu_s
            parts.append([spent["read"] + spent["decode"], found, mesher.cpu_s, spent["score"]])
    return min(parts, key=sum)


class _ScanOne:
    def __init__(self, finder: str, model: str, frames: int) -> None:
        cv2.setNumThreads(1)
        self.scanner, self.pace = Scanner(finder=finder, model=model), Pace(frames=frames)

    def __call__(self, path: str) -> None:
        self.scanner.scan_video(path, pace=self.pace, threads=1)


def clips_a_minute(path: Path, options: argparse.Namespace, frames: int, count: int = 12) -> float:
    """Scan copies in two processes; return clips per minute on the clock, after the processes have started."""
    make = partial(_ScanOne, options.finder, options.model, frames)
    begun = 0.0
    for done, _ in enumerate(ordered_map(make, [str(path)] * (count + 2), workers=2), 1):
        if done == 2:
            begun = time.perf_counter()
    return 60 * count / (time.perf_counter() - begun)


def speed(options: argparse.Namespace) -> list[str]:
    """Measure how long a ten-second 1080p clip takes, and where the time goes."""
    scanner = Scanner(finder=options.finder, model=options.model)
    common = ("whole scan", "over bare decode")
    lines = head("clip", "Mbit/s", "frames", "bare decode of all 300", *common, "clips a minute, two cores")
    where = head("clip", "frames", "decode", "find and follow", "mesh", "classify")
    clock = head("clip", "frames", "bare decode", *common, "clips a minute, two processes")
    real = options.data / "videos" / "real" / "dfdc_lynaeydofd.mp4"
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        clips = {"made up, one face": hd_clip(Path(folder)), "DFDC, two faces": real}
        for name, path in clips.items():
            if not path.is_file():
                continue
            bare = took(partial(bare_decode, path))
            rate = f"{path.stat().st_size * 8 / 10e6:.1f}"
            for frames in (10, 32):
                whole = took(partial(scanner.scan_video, path, pace=Pace(frames=frames), threads=1))
                lines.append(
                    line(name, rate, frames, *_beside(bare.cpu_s, whole.cpu_s), f"{120 / whole.cpu_s:.0f}")
                )
                where.append(
                    line(name, frames, *(f"{1000 * v:.0f} ms" for v in split(options, path, frames)))
                )
                each = f"{clips_a_minute(path, options, frames):.0f}"
                clock.append(line(name, frames, *_beside(bare.wall_s, whole.wall_s), each))
    busy_told = f"(load {busy:.1f} on {os.cpu_count()} cores when this began):"
    told = f"The same on the clock, where others' work counts {busy_told}"
    return [SPEED, "", *lines, "", PARTS_OF_TIME, "", *where, "", told, "", *clock]


SPEED = (
    "Ten seconds of 1080p H.264 at 30 frames a second, from the file to the report, one thread per process. Seconds"
    " are CPU time of all threads, the least of three, so that what else runs on the machine counts little; clips a"
    " minute are what two cores do in that time."
)
PARTS_OF_TIME = (
    "Where the time goes; reading the file, listing its packets and converting colours count as decoding:"
)


def _beside(bare_s: float, whole_s: float) -> tuple[str, str, str]:
    return f"{bare_s:.2f} s", f"{whole_s:.2f} s", f"{whole_s / bare_s:.2f}"


_PEAK = """
import re, sys
from fakeweb.scanner import Scanner
report = Scanner(finder=sys.argv[2], model=sys.argv[3]).scan_video(sys.argv[1])
peak = re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())  # getrusage would begin at its parent's
print(report.video["frames_examined"], int(peak[1]) / 1024)
"""


def memory(options: argparse.Namespace) -> list[str]:
    """Measure the peak of a process that scans ten seconds and two hours."""
    portrait = read_image(EXAMPLE).image.pixels
    small = np.asarray(cv2.resize(portrait[10:394], (160, 120), interpolation=cv2.INTER_AREA), np.uint8)
    frames = [Image(np.ascontiguousarray(np.roll(small, i % 9, 1))) for i in range(45)]
    lines = head("clip of 160 x 120 at 5 frames a second", "frames looked at", "peak memory")
    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("10 s", 50), ("2 h", 36_000)):
            path = Path(folder) / f"{count}.mp4"
            encode_clip(path, ((frames[i % 45], i / 5) for i in range(count)), fps=5)
            command = [sys.executable, "-c", _PEAK, str(path), options.finder, options.model]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seen, peak = done.stdout.split()
            lines.append(line(name, seen, f"{float(peak):.0f} MB"))
    return lines


def scanned_people(options: argparse.Namespace) -> tuple[list[PersonRow], list[ClipRow], str]:
    """Compose the clips of groups B, once, and scan them, once per scanner; also return the set's short name."""
    folder = options.clips / "B"
    if not (folder / "truth.json").is_file():
        plan = ComposeOptions(CLIPS, half="B")
        compose(validation(options.data), folder, plan, on_clip=partial(show, "composing"))
    scanner = Scanner(finder=options.finder, model=options.model)
    rows = folder / f"rows-{scanner.digest()[:12]}.json"
    people, clips = scan_clips(
        folder, scanner, rows, pace=Pace(frames=FRAMES), on_clip=partial(show, "clips")
    )
    return people, clips, fingerprint(read_truth(folder))


def accuracy_row(what: str, rows: Sequence[PersonRow]) -> str:
    """Say how well some people are told, as a row of a table."""
    cells = []
    for value, (low, high) in accuracy_of(rows):
        cells += [f"{value:.3f}", f"[{low:.3f}, {high:.3f}]"]
    return line(what, sum(r.p_fake is not None for r in rows), *cells)


def people(options: argparse.Namespace) -> list[str]:
    """Tell how the number of people matters, and what becomes of tracks."""
    rows, clips, name = scanned_people(options)
    found = sum(bool(r.tracks) for r in rows)
    figures = ("people judged", "balanced accuracy at P(fake) 0.5", "95 %", "AUC", "95 %")
    widths = ((0, 80, "below 80 px"), (80, 120, "80 to 120 px"), (120, 1e9, "above 120 px"))
    lines = [
        f"{len(clips)} composed clips (`{name}`), {len(rows)} people of whom {sum(r.label for r in rows)} are fake:"
        " stills of validation groups B (dfdc, stylegan1_ffhq, ciplab), animated alike, H.264 at four qualities and"
        " four sizes; faces are as large among three as alone.",
        "",
        f"- people found: {found} of {len(rows)}; in more than one track: {sum(len(r.tracks) > 1 for r in rows)};"
        f" tracks that mix people: {sum(r.mixed for r in rows)}; tracks that show nobody:"
        f" {sum(c.nobody for c in clips)}",
        "",
        *head("people in the clip", *figures),
        *(accuracy_row(str(n), [r for r in rows if r.people == n]) for n in (1, 2, 3)),
        "",
        *head("width of the face", *figures),
        *(accuracy_row(what, [r for r in rows if low <= r.width_px < high]) for low, high, what in widths),
        "",
        *head("truth of the clip", "people", "called fake", "uncertain", "called real"),
    ]
    for label, number in product((0, 1), (1, 2, 3)):
        said = Counter(c.verdict for c in clips if c.people == number and c.label == label)
        shares = (f"{100 * said[k] / said.total():.1f} %" for k in LABELS)
        lines.append(line("somebody fake" if label else "all real", number, *shares))
    named = [r for r in rows if r.people == 3 and r.label == 1 and r.p_frames]
    by_clip = {c: [r for r in rows if r.clip == c and r.p_frames] for c in {r.clip for r in named}}
    first = sum(max(own, key=lambda r: float(np.mean(r.p_frames))).label for own in by_clip.values())
    return [
        *lines,
        "",
        f"Of three people, the fake one is the most suspicious in {first} of {len(by_clip)} clips.",
    ]


PARTS = {"Speed": speed, "Memory": memory, "Several people in a clip": people}


def main() -> None:
    """Measure and write; sections that are not measured now stay as they are."""
    parser = arguments(__doc__)
    parser.add_argument("--clips", type=Path, default=ROOT / "runs" / "clips")
    parser.add_argument("--finder", default="fakeweb")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--only", choices=[f.__name__ for f in PARTS.values()], action="append")
    options = parser.parse_args()
    page = REFERENCE / "video.md"
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    sections = {title: body.strip("\n") for title, body in zip(parts[1::2], parts[2::2], strict=True)}
    made = f"Measured with {OnnxClassifier(options.model).reference} and the finder {options.finder} on {machine()}."
    for title, part in PARTS.items():
        if options.only and part.__name__ not in options.only:
            continue
        if part is people and not (options.data / "index.csv").is_file():
            sys.stdout.write("no labelled pictures: people not measured\n")
            continue
        sections[title] = "\n".join([*part(options), "", made])
    lines = ["# Videos, measured", "", "Written by `just bench` (benchmarks/video.py)."]
    for title, body in sections.items():
        lines += ["", f"## {title}", "", body]
    write("video.md", lines)


def machine() -> str:
    """Say what this was measured on."""
    return f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}"


if __name__ == "__main__":
    main()
