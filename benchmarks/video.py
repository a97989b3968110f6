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
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

import av
import cv2
import numpy as np

from fakeweb import registry
from fakeweb.batch import ordered_map
from fakeweb.classifiers import OnnxClassifier
from fakeweb.datasets import half_of_group
from fakeweb.datasets.index import IndexLayout
from fakeweb.evaluate.compose import ComposeOptions, compose, fingerprint, read_truth
from fakeweb.evaluate.judge_clips import (
    ClipRow,
    PersonRow,
    auc,
    auc_of_people,
    balanced_accuracy,
    judge_clips,
)
from fakeweb.faces import align
from fakeweb.media import Pace, encode_clip, read_image
from fakeweb.scanner import Scanner
from fakeweb.types import Face, FaceMesher, Image

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "reference" / "video.md"
HD_CRF = 22
CLIPS = {"A": 150, "B": 300}
FRAMES = 12  # looked at in each composed clip, which has twice as many
PARTS = ("speed", "memory", "people", "dark")


def hd_clip(folder: Path) -> Path:
    """Make ten seconds of 1080p at 30 frames a second with one face: the example portrait before a panned scene.

    Grain and quality are such that it has the 3 Mbit/s of a web video; phones write several times that, and then
    decoding takes longer, and a larger share.
    """
    path = folder / "hd.mp4"
    portrait = read_image(ROOT / "examples" / "collins.jpg").image.pixels
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (70, 130, 3), np.uint8)
    scene = np.asarray(cv2.resize(coarse, (2080, 1120), interpolation=cv2.INTER_CUBIC), np.int16)
    grain = rng.normal(0, 5, (1080 + 32, 1920 + 32, 3)).astype(np.int16)

    def frames():  # noqa: ANN202
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
    cv2.setNumThreads(1)
    scanner = Scanner(finder=options.finder, model=options.model)
    lines = [
        "| clip | Mbit/s | frames | bare decode of all 300 | whole scan | over bare decode |"
        " clips a minute, two cores |",
        "|" + "---|" * 7,
    ]
    where = ["| clip | frames | decode | find and follow | mesh | classify |", "|" + "---|" * 6]
    clock = [
        "| clip | frames | bare decode | whole scan | over bare decode | clips a minute, two processes |",
        "|" + "---|" * 6,
    ]
    real = options.data / "videos" / "real" / "dfdc_lynaeydofd.mp4"
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        clips = {
            "made up, one face": hd_clip(Path(folder)),
            **({"DFDC, two faces": real} if real.is_file() else {}),
        }
        for name, path in clips.items():
            bare = took(partial(bare_decode, path))
            rate = path.stat().st_size * 8 / 10e6
            for frames in (10, 32):
                whole = took(partial(scanner.scan_video, path, pace=Pace(frames=frames), threads=1))
                lines.append(
                    f"| {name} | {rate:.1f} | {frames} | {bare.cpu_s:.2f} s | {whole.cpu_s:.2f} s |"
                    f" {whole.cpu_s / bare.cpu_s:.2f} | {120 / whole.cpu_s:.0f} |"
                )
                shares = " | ".join(f"{1000 * v:.0f} ms" for v in split(options, path, frames))
                where.append(f"| {name} | {frames} | {shares} |")
                clock.append(
                    f"| {name} | {frames} | {bare.wall_s:.2f} s | {whole.wall_s:.2f} s |"
                    f" {whole.wall_s / bare.wall_s:.2f} | {clips_a_minute(path, options, frames):.0f} |"
                )
    return [
        "Ten seconds of 1080p H.264 at 30 frames a second, from the file to the report, one thread per process. Seconds"
        " are CPU time of all threads, the least of three, so that what else runs on the machine counts little; clips a"
        " minute are what two cores do in that time.",
        "",
        *lines,
        "",
        "Where the time goes; reading the file, listing its packets and converting colours count as decoding:",
        "",
        *where,
        "",
        f"The same on the clock, where others' work counts (load {busy:.1f} on {os.cpu_count()} cores when this"
        " began):",
        "",
        *clock,
    ]


_PEAK = """
import re, sys
from fakeweb.scanner import Scanner
report = Scanner(finder=sys.argv[2], model=sys.argv[3]).scan_video(sys.argv[1])
peak = re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())  # getrusage would begin at its parent's
print(report.video["frames_examined"], int(peak[1]) / 1024)
"""


def memory(options: argparse.Namespace) -> list[str]:
    """Measure the peak of a process that scans ten seconds and two hours."""
    portrait = read_image(ROOT / "examples" / "collins.jpg").image.pixels
    small = np.asarray(cv2.resize(portrait[10:394], (160, 120), interpolation=cv2.INTER_AREA), np.uint8)
    frames = [Image(np.ascontiguousarray(np.roll(small, i % 9, 1))) for i in range(45)]
    lines = ["| clip of 160 x 120 at 5 frames a second | frames looked at | peak memory |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("10 s", 50), ("2 h", 36_000)):
            path = Path(folder) / f"{count}.mp4"
            encode_clip(path, ((frames[i % 45], i / 5) for i in range(count)), fps=5)
            command = [sys.executable, "-c", _PEAK, str(path), options.finder, options.model]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seen, peak = done.stdout.split()
            lines.append(f"| {name} | {seen} | {float(peak):.0f} MB |")
    return lines


def clips_of(options: argparse.Namespace, half: str) -> Path:
    """Compose the clips of half the validation groups, once; return their folder."""
    folder = options.clips / half
    if not (folder / "truth.json").is_file():
        samples = [s for s in IndexLayout().index(options.data) if s.split == "val"]
        compose(samples, folder, ComposeOptions(CLIPS[half], half=half), on_clip=show)
    return folder


def rows_of(options: argparse.Namespace, half: str = "B") -> tuple[list[PersonRow], list[ClipRow], str]:
    """Scan the clips of half the validation groups, once per scanner."""
    folder = clips_of(options, half)
    scanner = Scanner(finder=options.finder, model=options.model)
    said = scanner.digest()[:12]
    people, clips = judge_clips(
        folder, scanner, folder / f"rows-{said}.json", pace=Pace(frames=FRAMES), on_clip=show
    )
    return people, clips, fingerprint(read_truth(folder))


def show(done: int, total: int) -> None:
    """Show progress on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done}/{total} ")


def interval(rows: Sequence[PersonRow], figure: Callable[[Sequence[PersonRow]], float]) -> str:
    """Return a 95 % bootstrap interval over clips."""
    rng = np.random.default_rng(0)
    clips = sorted({r.clip for r in rows})
    by_clip = {c: [r for r in rows if r.clip == c] for c in clips}
    values = [
        figure([r for i in rng.integers(0, len(clips), len(clips)) for r in by_clip[clips[i]]])
        for _ in range(400)
    ]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return f"[{low:.3f}, {high:.3f}]"


def accuracy_row(what: str, rows: Sequence[PersonRow]) -> str:
    """Say how well some people are told, as a row of a table."""
    own = [r for r in rows if r.p_fake is not None]
    cells = [what, str(len(own))]
    for figure in (balanced_accuracy, auc_of_people):
        cells += [f"{figure(own):.3f}", interval(own, figure)]
    return f"| {' | '.join(cells)} |"


def people(options: argparse.Namespace) -> list[str]:
    """Tell how the number of people matters, and what becomes of tracks."""
    rows, clips, name = rows_of(options)
    found = sum(bool(r.tracks) for r in rows)
    lines = [
        f"{len(clips)} composed clips (`{name}`), {len(rows)} people of whom {sum(r.label for r in rows)} are fake:"
        " stills of validation groups B (dfdc, stylegan1_ffhq, ciplab), animated alike, H.264 at four qualities and"
        " four sizes; faces are as large among three as alone.",
        "",
        f"- people found: {found} of {len(rows)}; in more than one track: {sum(len(r.tracks) > 1 for r in rows)};"
        f" tracks that mix people: {sum(r.mixed for r in rows)}; tracks that show nobody:"
        f" {sum(c.nobody for c in clips)}",
        "",
        "| people in the clip | people judged | balanced accuracy at P(fake) 0.5 | 95 % | AUC | 95 % |",
        "|" + "---|" * 6,
        *(accuracy_row(str(n), [r for r in rows if r.people == n]) for n in (1, 2, 3)),
        "",
        "| width of the face | people judged | balanced accuracy at P(fake) 0.5 | 95 % | AUC | 95 % |",
        "|" + "---|" * 6,
    ]
    for low, high, what in ((0, 80, "below 80 px"), (80, 120, "80 to 120 px"), (120, 1e9, "above 120 px")):
        lines.append(accuracy_row(what, [r for r in rows if low <= r.width_px < high]))
    lines += ["", "| truth of the clip | people | called fake | uncertain | called real |", "|" + "---|" * 5]
    for label in (0, 1):
        for number in (1, 2, 3):
            said = Counter(c.verdict for c in clips if c.people == number and c.label == label)
            total = sum(said.values())
            cells = " | ".join(f"{100 * said[k] / total:.1f} %" for k in ("fake", "uncertain", "real"))
            lines.append(f"| {'somebody fake' if label else 'all real'} | {number} | {cells} |")
    named = [r for r in rows if r.people == 3 and r.label == 1 and r.p_frames]
    by_clip = {c: [r for r in rows if r.clip == c and r.p_frames] for c in {r.clip for r in named}}
    first = sum(max(own, key=lambda r: float(np.mean(r.p_frames))).label for own in by_clip.values())
    lines += ["", f"Of three people, the fake one is the most suspicious in {first} of {len(by_clip)} clips."]
    return lines


def grey(image: Image) -> float:
    """Return the mean grey value, 0 to 255."""
    return float(cv2.mean(cv2.cvtColor(np.ascontiguousarray(image.pixels[::4, ::4]), cv2.COLOR_RGB2GRAY))[0])


def gamma(image: Image) -> Image:
    """Lift a dark picture by the gamma that brings its mean grey value to 90."""
    power = float(np.clip(np.log(90 / 255) / np.log(max(grey(image), 1.0) / 255), 0.35, 1.0))
    table = np.rint(255 * (np.arange(256) / 255) ** power).astype(np.uint8)
    return Image(np.asarray(cv2.LUT(image.pixels, table), np.uint8))


def clahe(image: Image) -> Image:
    """Equalise lightness in tiles with limited contrast (Zuiderveld, Graphics Gems IV, 1994)."""
    lab = np.array(cv2.cvtColor(image.pixels, cv2.COLOR_RGB2LAB))
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    return Image(np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8))


def dark(options: argparse.Namespace) -> list[str]:
    """Tell what brightening dark DFDC crops gains: finding and telling fakes."""
    methods = {"as they are": lambda x: x, "gamma": gamma, "CLAHE": clahe}
    finder = registry.load("finder", options.finder)()
    classifier = OnnxClassifier(options.model)
    found: dict[str, list[bool]] = {m: [] for m in methods}
    p: dict[str, list[float]] = {m: [] for m in methods}
    labels: list[int] = []
    inside = Face((72, 60, 272, 284))  # where a crop of 224 px shows its face, in a frame of 60 px
    for sample in IndexLayout().index(options.data):
        if sample.split != "val" or sample.source != "dfdc" or half_of_group("dfdc", sample.group) != "B":
            continue
        image = read_image(sample.path).image
        if grey(image) >= 60:
            continue
        wide = Image(
            np.asarray(cv2.copyMakeBorder(image.pixels, 60, 60, 60, 60, cv2.BORDER_REFLECT), np.uint8)
        )
        labels.append(int(sample.label or 0))
        for name, method in methods.items():
            bright = method(wide)
            middles = [(f.box[0] + f.box[2]) / 2 / wide.width for f in finder.find(bright)]
            found[name].append(any(0.25 < m < 0.75 for m in middles))
            crop = align(bright, inside, classifier.side_px, margin=classifier.margin)
            p[name].append(classifier.score([crop])[0].p_fake)
    truth = np.array(labels)
    lines = [
        "| dark crops (mean grey below 60) | found | AUC | over as they are | 95 % |",
        "|---|---|---|---|---|",
    ]
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(truth), len(truth)) for _ in range(1000)]

    def area(name: str, places: np.ndarray) -> float:
        values, own = np.array(p[name])[places], truth[places]
        return auc(values[own == 1], values[own == 0])

    whole = np.arange(len(truth))
    for name in methods:
        gains = [area(name, d) - area("as they are", d) for d in draws]
        low, high = np.nanpercentile(gains, [2.5, 97.5])
        gain = area(name, whole) - area("as they are", whole)
        share = f"{100 * np.mean(found[name]):.1f} %"
        cells = (share, f"{area(name, whole):.3f}", f"{gain:+.3f}", f"[{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [f"{len(truth)} dark DFDC crops of groups B, half of them fake.", "", *lines]


TITLES = {
    "speed": "Speed",
    "memory": "Memory",
    "people": "Several people in a clip",
    "dark": "Dark frames",
}


def machine() -> str:
    """Say what this was measured on."""
    cpu = next(
        (
            x.split(":")[1].strip()
            for x in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in x
        ),
        "",
    )
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}"


def sections(text: str) -> dict[str, str]:
    """Return the sections of the page as it is, by title."""
    parts = re.split(r"^## (.+)$", text, flags=re.M)
    return {title: body.strip("\n") for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--clips", type=Path, default=ROOT / "runs" / "clips")
    parser.add_argument("--finder", default="fakeweb")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    written = sections(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    model = OnnxClassifier(options.model).reference
    for part in options.only or PARTS:
        if part in ("people", "dark") and not (options.data / "index.csv").is_file():
            sys.stdout.write(f"no labelled pictures: {part} not measured\n")
            continue
        lines = globals()[part](options)
        made = f"Measured with {model} and the finder {options.finder} on {machine()}."
        written[TITLES[part]] = "\n".join([*lines, "", made])
        sys.stdout.write(f"## {TITLES[part]}\n\n" + written[TITLES[part]] + "\n\n")
    page = ["# Videos, measured", "", "Written by `just bench` (benchmarks/video.py).", ""]
    for title in TITLES.values():
        if title in written:
            page += [f"## {title}", "", written[title].strip("\n"), ""]
    OUT.write_text("\n".join(page), encoding="utf-8")
    sys.stderr.write(
        f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB\n"
    )


if __name__ == "__main__":
    main()
