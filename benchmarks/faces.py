"""Measure every face finder on the same pictures and write docs/reference/faces.md.

    python benchmarks/faces.py measure --finder fakeweb          # once in each finder's environment
    python benchmarks/faces.py poses --part A                    # profiles and upturned faces alone, to choose by
    python benchmarks/faces.py table                             # when all have been measured

Scenes are composed of validation groups B: portraits whose faces the teachers agree on, pasted at a known place, width
and turn on mosaics of pictures without a face. The labels are those of ``recipes/finder.toml``.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench import ROOT, arguments, head, line, processor, write
from fakeweb import registry
from fakeweb.datasets import Sample, half_of_group
from fakeweb.faces.align import turn_of
from fakeweb.faces.mesh import OnnxMesher
from fakeweb.media import read_image
from fakeweb.train.finder.measure import overlaps
from fakeweb.train.finder.pool import Cutting, Pool, make_pools
from fakeweb.train.finder.recipe import read_finder_recipe
from fakeweb.train.finder.scene import Composer, Scene
from fakeweb.types import Face, FloatArray, Image
from pose import as_cutting, measured, turn_head

RECIPE = ROOT / "recipes" / "finder.toml"
WIDTHS = (24, 32, 48, 64, 96, 128, 256)
ROLLS = (0, 15, 30, 45, 60, 90)
ROLL_WIDTH_PX = 96
YAWS = {"frontal": (0.0, 0.15), "half turned": (0.15, 0.35), "turned": (0.35, 9.0)}
POSES = {  # yaw and pitch looked at, degrees; where a portrait does not look there itself, its head is turned
    "ahead": ((0, 15), (-12, 12)),
    "yaw 15 to 30°": ((15, 30), (-15, 15)),
    "yaw 30 to 45°": ((30, 45), (-15, 15)),
    "yaw 45 to 60°": ((45, 60), (-15, 15)),
    "yaw from 60°": ((60, 75), (-15, 15)),
    "up by 25 to 40°": ((0, 20), (25, 40)),
    "down by 25 to 40°": ((0, 20), (-40, -25)),
}
POSE_WIDTHS = (48, 96)
MOST_PORTRAITS = 150
LEVEL_DEG = -9.0
"""Pitch that :func:`turn_of` gives faces that look straight ahead: the median of groups A."""
MOST_TURN_DEG = 42.0
"""A head is turned no further than this: what it did not show is smeared."""
SIZE = (768, 1024)
SMALL = (480, 640)
EMPTY_SIZE = (1024, 1024)
SAME = 0.35
"""Finders draw their boxes a little differently: from this intersection over union on, it is the face."""

Find = Callable[[Image], Sequence[Face]]


def main() -> int:
    """Run one of the two steps."""
    parser = arguments(__doc__, "--finder-model of a finder that needs one")
    parser.add_argument("step", choices=["measure", "poses", "table", "memory"])
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "faces")
    parser.add_argument("--finder", default="fakeweb")
    parser.add_argument("--faces", type=int, default=300, help="faces per row")
    parser.add_argument("--empty", type=int, default=200, help="scenes without a face")
    parser.add_argument("--part", choices=["A", "B"], default="B", help="of the validation groups")
    parser.add_argument("--side", type=int, default=640, help="for the step memory")
    options = parser.parse_args()
    if options.step == "table":
        return write_page(options.results)
    make = registry.load("finder", options.finder)
    finder = make() if options.finder_model is None else make(options.finder_model)
    if options.step == "memory":
        sys.stdout.write(json.dumps(memory(finder.find, options.side)))
        return 0
    if options.step == "poses":
        _, pool, composer = prepare(options)
        sys.stdout.write(json.dumps(poses(finder.find, pool, composer, options.faces), indent=1) + "\n")
        return 0
    figures = measure(finder.find, options)
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / f"{options.finder}.json").write_text(json.dumps(figures, indent=1))
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 0


def measure(find: Find, options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure of one finder."""
    samples, pool, composer = prepare(options)
    rng = np.random.default_rng(77)
    count = options.faces
    figures: dict[str, Any] = {"widths": {}, "rolls": {}, "yaws": {}}
    for width in WIDTHS:
        figures["widths"][str(width)] = recall(find, plant(composer, pool.faces, rng, count, width, 0))
    for roll in ROLLS:
        figures["rolls"][str(roll)] = recall(
            find, plant(composer, pool.faces, rng, count, ROLL_WIDTH_PX, roll)
        )
    for name, (low, high) in YAWS.items():
        turned = [c for c in pool.faces if low <= yaw(c) < high]
        figures["yaws"][name] = recall(
            find, plant(composer, turned, rng, min(count, len(turned)), ROLL_WIDTH_PX, 0)
        )
    figures["poses"] = poses(find, pool, composer, count)
    figures["as_they_are"] = recall(find, (as_scene(c) for c in pool.faces))
    figures["no_face"] = no_face(find, samples, options.part)
    alarms = [len(find(Image(composer.background(rng, *EMPTY_SIZE)))) for _ in range(options.empty)]
    figures["alarms_per_100"] = 100 * sum(alarms) / len(alarms)
    one = next(
        plant(composer, pool.faces, np.random.default_rng(78), 1, ROLL_WIDTH_PX, 0, size=SMALL, each=1)
    )
    figures["time_ms_one_face"] = timing(find, Image(one.pixels))
    for side in (640, 4000):
        figures[f"time_ms_{side}"] = timing(find, picture(side))
        command = [sys.executable, __file__, "memory", "--finder", options.finder, "--side", str(side)]
        if options.finder_model is not None:
            command += ["--finder-model", str(options.finder_model)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        figures[f"memory_mb_{side}"] = json.loads(out.splitlines()[-1])
    return figures


def prepare(options: argparse.Namespace) -> tuple[list[Sample], Pool, Composer]:
    """Return the validation samples, the pictures of one half of their groups, and who makes scenes of them."""
    recipe = read_finder_recipe(RECIPE)
    layout = registry.load("layout", recipe.data.layout)()
    samples = [s for s in layout.index(options.data) if s.split == "val"]
    files = [RECIPE.parent / name for name in recipe.data.files]
    pool = make_pools(samples, options.data, files, recipe.data, needed=())[options.part]
    return samples, pool, Composer(pool, recipe.scene)


def poses(find: Find, pool: Pool, composer: Composer, count: int) -> dict[str, Any]:
    """Return recall by where faces look, at two widths."""
    mesher = OnnxMesher()
    figures: dict[str, Any] = {}
    for name, (yaws, pitches) in POSES.items():
        rng = np.random.default_rng(79)
        cuttings: list[Cutting] = []
        for number in rng.permutation(len(pool.faces)):
            mesh = measured(pool.faces[number], mesher) if len(cuttings) < MOST_PORTRAITS else None
            made = None if mesh is None else looking(pool.faces[number], mesh, yaws, pitches, rng)
            cuttings += [] if made is None else [made]
        for width in POSE_WIDTHS:
            scenes = plant(composer, cuttings, rng, min(count, 3 * len(cuttings)), width, 0)
            figures[f"{name}, {width} px"] = {**recall(find, scenes), "portraits": len(cuttings)}
    return figures


def looking(
    cutting: Cutting,
    mesh: FloatArray,
    yaws: tuple[float, float],
    pitches: tuple[float, float],
    rng: np.random.Generator,
) -> Cutting | None:
    """Return a portrait that looks there: as it is, or its head turned; None where that were too far."""
    yaw, pitch = angles(mesh)
    wanted = rng.uniform(*yaws), rng.uniform(*pitches)
    if yaws[0] <= abs(yaw) < yaws[1] and pitches[0] <= pitch < pitches[1]:
        return cutting
    side = math.copysign(1, yaw)
    by = side * wanted[0] - yaw, wanted[1] - pitch
    if max(abs(v) for v in by) > MOST_TURN_DEG or (abs(yaw) > wanted[0]):
        return None
    return as_cutting(turn_head(cutting.pixels, mesh, *by), cutting.source)


def angles(mesh: FloatArray) -> tuple[float, float]:
    """Return yaw (to the left side of the picture) and pitch (upwards) of a mesh, degrees."""
    ahead = turn_of(mesh)[:, 2]
    flat = float(np.hypot(ahead[0], ahead[2]))
    yaw = math.degrees(math.atan2(float(ahead[0]), abs(float(ahead[2]))))
    return yaw, math.degrees(math.atan2(float(ahead[1]), flat)) - LEVEL_DEG


def no_face(find: Find, samples: Sequence[Sample], part: str) -> dict[str, float]:
    """Return the share of generated portraits in which no face is found, and how many there were."""
    kept = [s for s in samples if s.source == "sdxl" and half_of_group(s.source, s.group) == part]
    none = [not find(read_image(s.path).image) for s in kept]
    return {"share": float(np.mean(none)), "pictures": len(kept)}


def yaw(cutting: Cutting) -> float:
    """Return how far the nose lies off the middle of the eyes, over the distance between the eyes."""
    five = cutting.points[np.flatnonzero(cutting.agreed)[0]]
    eyes = five[1] - five[0]
    apart = float(np.hypot(*eyes)) or 1.0
    return abs(float((five[2] - (five[0] + five[1]) / 2) @ eyes) / apart**2)


def plant(
    composer: Composer,
    cuttings: Sequence[Cutting],
    rng: np.random.Generator,
    count: int,
    width: float,
    roll: float,
    *,
    size: tuple[int, int] = SIZE,
    each: int | None = None,
) -> Iterator[Scene]:
    """Yield scenes until so many faces of one width and turn have been planted."""
    order = rng.permutation(len(cuttings))
    each = each or (6 if width < 128 else 2)
    planted, at = 0, 0
    while planted < count:
        chosen = [cuttings[order[(at + i) % len(order)]] for i in range(each)]
        scene = composer.plant(rng, size, chosen, width, roll)
        at += each
        planted += int(scene.taught.sum())
        yield scene


def as_scene(cutting: Cutting) -> Scene:
    """Return a picture as it is."""
    return Scene(
        cutting.pixels,
        cutting.boxes,
        cutting.points,
        cutting.agreed,
        np.zeros(len(cutting.boxes), np.float32),
    )


def recall(find: Find, scenes: Iterator[Scene]) -> dict[str, float]:
    """Return the share of the faces that are found, and how many there were."""
    hits: list[bool] = []
    for scene in scenes:
        found = np.array([face.box for face in find(Image(scene.pixels))], np.float32).reshape(-1, 4)
        hits += [
            bool(len(found) and overlaps(box[None], found).max() >= SAME) for box in scene.boxes[scene.taught]
        ]
    result = {"recall": float(np.mean(hits)), "faces": len(hits)}
    sys.stderr.write(f"{result}\n")  # so that a slow finder can be watched
    return result


def picture(side: int) -> Image:
    """Return a picture of 3 : 4 with eight drawn blobs, for timing: content hardly changes the time."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (30, 40, 3), np.uint8)
    return Image(
        np.asarray(cv2.resize(coarse, (side, side * 3 // 4), interpolation=cv2.INTER_CUBIC), np.uint8)
    )


def timing(find: Find, image: Image) -> float:
    """Return the median CPU time of one picture in milliseconds."""
    find(image)
    times = []
    for _ in range(25 if image.width < 1000 else 5):
        begun = time.process_time()
        find(image)
        times.append(time.process_time() - begun)
    return float(np.median(times)) * 1e3


def memory(find: Find, side: int) -> float:
    """Return the peak memory that finding adds to a process, in MB; Linux only, 0 elsewhere."""
    image = picture(side)
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return 0.0
    reset.write_text("5")  # the peak begins anew
    before = _kilobytes(status, "VmRSS")
    find(image)
    return (_kilobytes(status, "VmHWM") - before) / 1024


def _kilobytes(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))


def write_page(folder: Path) -> int:
    """Write the table of all measured finders."""
    all_figures = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    names = sorted(all_figures, key=lambda n: n != "fakeweb")
    first = all_figures[names[0]]
    turned, half = (first["yaws"][name]["faces"] for name in ("turned", "half turned"))
    about = f"""# Face finders

Written by `python benchmarks/faces.py table`. All finders on the same pictures: portraits of validation groups B,
planted in scenes of {SIZE[1]} x {SIZE[0]} px at a known place, {first["widths"]["48"]["faces"]} faces or more a row
({half} half turned and {turned} turned ones; turns at {ROLL_WIDTH_PX} px wide, either way), on mosaics of pictures
without a face. A face is found where a box overlaps by {SAME}. Empty scenes are {EMPTY_SIZE[0]} px square. A face is
one on which two of three teachers (YuNet, BlazeFace, MTCNN) agree on the portrait itself, which favours the teachers.
Time is CPU time on one core of {processor()}; memory is what finding adds to the
process at its peak. Where there is a face, fakeweb's time is that of three looks (at 112, 256 and 640 px) and of the
mesh of every proposal, which the others do not measure; where there is none, it looks again, mirrored, turned.
Where YuNet or MTCNN see more, the reason is the small network and its training of 40 minutes, see
decisions/0008-own-finder.md; MTCNN looks through a whole pyramid of shrunk copies and takes far longer at 640 px.
BlazeFace (mediapipe) shrinks a picture to 192 px and sees no small faces in a large one.
"""
    lines = [
        line(label, *(_cell(all_figures[name], path, digits) for name in names))
        for label, path, digits in FIGURES
    ]
    write("faces.md", [about, *head("", *names), *lines])
    return 0


FIGURES = [
    *((f"recall, {w} px wide", ("widths", str(w), "recall"), 3) for w in WIDTHS),
    *((f"recall, turned by {r}°", ("rolls", str(r), "recall"), 3) for r in ROLLS),
    *((f"recall, {name}", ("yaws", name, "recall"), 3) for name in YAWS),
    ("recall, pictures as they are", ("as_they_are", "recall"), 3),
    ("false alarms per 100 empty megapixels", ("alarms_per_100",), 1),
    ("time at 640 px with one face, ms", ("time_ms_one_face",), 1),
    ("time at 640 px without a face, ms", ("time_ms_640",), 1),
    ("memory at 640 px, MB", ("memory_mb_640",), 0),
    ("time at 4000 px without a face, ms", ("time_ms_4000",), 1),
    ("memory at 4000 px, MB", ("memory_mb_4000",), 0),
]
"""Lines of the table: title, where the figure stands, digits."""


def _cell(figures: dict[str, Any], path: tuple[str, ...], digits: int) -> str:
    try:
        return f"{reduce(lambda found, key: found[key], path, figures):.{digits}f}"
    except KeyError:  # a measurement that was cut short
        return "—"


if __name__ == "__main__":
    sys.exit(main())
