"""Measure the content classifier: validation, conditions, sources it never saw, what handling gives away, time.

    python benchmarks/content.py --data DATA --more MORE --model runs/content/content.json

``--more`` is a data set built from manifests/content.toml and content_others.toml; pictures that DATA has too are left
out. Writes the parts of docs/reference/content.md between its markers (extras ``train`` and ``evaluate``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from bench import ROOT, arguments, head, line, put, share, shown
from fakeweb.classifiers import ContentClassifier
from fakeweb.datasets import Sample
from fakeweb.datasets.index import IndexLayout
from fakeweb.evaluate.leaks import CROP_FEATURES, crop_features, leak
from fakeweb.forge import degrade
from fakeweb.train.content.drawn import draw, on_screen
from fakeweb.train.content.pictures import Labelled, alike, degraded, evened, gather, read_pixels
from fakeweb.train.content.recipe import ContentRecipe, read_content_recipe
from fakeweb.types import Content, Image, UInt8Array

Change = Callable[[UInt8Array, np.random.Generator], UInt8Array]
UNSEEN = {
    "person": ("amfd", "dfdc/real"),
    "other": ("content/other", "content_others/other"),
    "animal": ("content/animal",),
    "vehicle": ("content/vehicle",),
}
"""Folders that the recipe does not name, of ``--data``, for faces; of ``--more``, what ``--data`` lacks, for others."""
AT_MOST = 75
LARGE = (4000, 3000)


def main() -> None:
    """Measure and write the page's parts."""
    parser = arguments(__doc__, "--more data set")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "content.toml")
    parser.add_argument("--model", default="content")
    options = parser.parse_args()
    recipe, model = read_content_recipe(options.recipe), ContentClassifier(options.model)
    found = gather(options.data, recipe.data)
    names = tuple(recipe.data.classes)
    val = [found["val"][i] for i in np.random.default_rng(3).permutation(len(found["val"]))]
    some = [one for i in range(len(names)) for one in [v for v in val if v.number == i][:AT_MOST]]
    put("content.md", "all", everything(model, val, names, recipe.data.alike_px))
    put("content.md", "validation", validation(model, some, names, recipe.data.alike_px))
    put("content.md", "unseen", unseen(model, options.data, options.more))
    put("content.md", "leaks", leaks(found["train"], recipe, names))
    put("content.md", "time", times(model))


def everything(model: ContentClassifier, val: Sequence[Labelled], names: Sequence[str], px: int) -> list[str]:
    """Return the table of all validation pictures, by class, and what is right where `other` is no answer."""
    rows = head("shown", "number", "right", "uncertain", "wrong though answered")
    said = [
        (names[one.number], model.look(Image(alike(read_pixels(one.sample), px, 88))))
        for one in shown("all", val)
    ]
    for name in (*names, "all"):
        own = [pair for pair in said if name in ("all", pair[0])]
        right, unsure, wrong = cells(own, ())
        rows.append(line(name, len(own), right, unsure, wrong))
    three = [(name, max(c.p, key=lambda n: c.p[n] * (n != "other"))) for name, c in said if name != "other"]
    rows.append(line("three classes alone", len(three), share(name == best for name, best in three), "", ""))
    return rows


def validation(model: ContentClassifier, val: Sequence[Labelled], names: Sequence[str], px: int) -> list[str]:
    """Return the table of conditions: accuracy, per class, and of what is answered."""
    rows = head("shown", "right", *names, "uncertain", "wrong though answered")
    for shown_as, change in CONDITIONS.items():
        answers: list[tuple[str, Content]] = []
        for number, one in enumerate(shown(shown_as, val)):
            pixels = change(alike(read_pixels(one.sample), px, 88), np.random.default_rng([7, number]))
            answers.append((names[one.number], model.look(Image(pixels))))
        rows.append(line(shown_as, *cells(answers, names)))
    return rows


def cells(answers: Sequence[tuple[str, Content]], names: Sequence[str]) -> list[str]:
    """Return the cells of a table's line."""
    right = [(name, best(said) == name) for name, said in answers]
    wrong = [said.label not in ("uncertain", name) for name, said in answers]
    each = [f"{np.mean([ok for n, ok in right if n == name]):.3f}" for name in names]
    unsure = [said.label == "uncertain" for _, said in answers]
    return [share(ok for _, ok in right), *each, share(unsure), share(wrong)]


def best(said: Content) -> str:
    """Return the likeliest class, however likely."""
    return max(said.p, key=lambda name: said.p[name])


def unseen(model: ContentClassifier, data: Path, more: Path | None) -> list[str]:
    """Return the table of sources that the model never saw."""
    rows = head("pictures", "class", "number", "answered right", "uncertain", "answered wrong")
    known = [s for s in IndexLayout().index(data) if s.source in ("content", "content_others")]
    taken = {s.group.replace("_image", "/image") for s in known}
    for name, folders in UNSEEN.items():
        root = data if name == "person" else more
        for folder in folders if root else ():
            own = [s for s in IndexLayout().index(root) if inside(s, root, folder) and s.group not in taken]
            own = [own[i] for i in np.random.default_rng(3).permutation(len(own))[:AT_MOST]]
            if not own:
                continue
            answers = [model.look(Image(read_pixels(s))) for s in shown(folder, own)]
            of = folder if name == "person" else f"{folder.partition('/')[0]}, {name}"
            rows.append(line(of, name, len(own), *verdicts(answers, name)))
    rng = np.random.default_rng(11)
    drawn = [model.look(Image(draw(400, rng))) for _ in range(AT_MOST)]
    rows.append(line("drawn pages, charts and plain areas", "other", len(drawn), *verdicts(drawn, "other")))
    return rows


def verdicts(answers: Sequence[Content], name: str) -> list[str]:
    """Return the shares that are right, uncertain and wrong."""
    labels = [said.label for said in answers]
    parts = ([v == name for v in labels], [v == "uncertain" for v in labels])
    return [*map(share, parts), share(v not in (name, "uncertain") for v in labels)]


def inside(sample: Sample, root: Path, folder: str) -> bool:
    """Tell whether a sample lies below a folder and is no fake."""
    return sample.path.relative_to(root).as_posix().startswith(f"{folder}/") and sample.label != 1


def leaks(train: Sequence[Labelled], recipe: ContentRecipe, names: Sequence[str]) -> list[str]:
    """Return what handling alone gives away of training views, one class against the others."""
    rng = np.random.default_rng(5)
    chosen = [train[i] for i in rng.permutation(len(train))]
    own = [one for i in range(len(names)) for one in [c for c in chosen if c.number == i][:AT_MOST]]
    values = []
    for number, one in enumerate(shown("leaks", own)):
        dice = np.random.default_rng([9, number])
        pixels = evened(read_pixels(one.sample), recipe.data.alike_px, dice)
        values.append(crop_features(degraded(pixels, recipe, dice)))
    rows = head("class against the others", "AUC of handling alone", "most telling by itself")
    for i, name in enumerate(names):
        samples = [replace(one.sample, label=int(one.number == i), kind=None) for one in own]
        said = leak(np.array(values), samples, CROP_FEATURES)
        value, low, high = (said["auc"][key] for key in ("value", "low", "high"))
        rows.append(
            line(
                name,
                f"{value:.2f} [{low:.2f}, {high:.2f}]",
                f"{said['worst_feature']} {said['worst_auc']:.2f}",
            )
        )
    return rows


def times(model: ContentClassifier) -> list[str]:
    """Return CPU time of a look, least of twenty, one thread."""
    rows = head("picture", "CPU ms")
    for width, height in ((640, 480), LARGE):
        image = Image(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))
        took = []
        for _ in range(20):
            began = time.process_time()
            model.look(image)
            took.append(1000 * (time.process_time() - began))
        rows.append(line(f"{width} x {height}", f"{min(took):.1f}"))
    return rows


def _cropped(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    height, width = (round(0.7 * n) for n in pixels.shape[:2])
    top, left = (
        int(rng.integers(0, n - m + 1)) for n, m in zip(pixels.shape[:2], (height, width), strict=True)
    )
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _turned(pixels: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.choice([-20, 20])), 1.0)
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8
    )


def _small(pixels: UInt8Array, _rng: np.random.Generator) -> UInt8Array:
    scale = 48 / max(pixels.shape[:2])
    return degrade.resize(pixels, *(max(1, round(scale * n)) for n in pixels.shape[1::-1]))


CONDITIONS: dict[str, Change] = {
    "as it is": lambda pixels, _: pixels,
    "cropped to half its area": _cropped,
    "grey": lambda pixels, _: degrade.grey(pixels),
    "turned by 20 degrees": _turned,
    "turned by a quarter": lambda pixels, _: np.ascontiguousarray(np.rot90(pixels)),
    "shrunk to 48 px": _small,
    "JPEG of quality 15": lambda pixels, _: degrade.jpeg(pixels, 15),
    "on a screen": on_screen,
    "painted (cv2.stylization)": lambda pixels, _: np.asarray(cv2.stylization(pixels), np.uint8),
    "pencil (cv2.pencilSketch)": lambda pixels, _: np.asarray(cv2.pencilSketch(pixels)[1], np.uint8),
}


if __name__ == "__main__":
    main()
