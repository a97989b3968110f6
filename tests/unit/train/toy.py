"""A data set, a finder and a network so small that a whole training takes seconds.

Faces are smooth ovals on a smooth ground; fakes carry diagonal stripes. ``python toy.py RECIPE DATA OUT`` trains in a
process of its own and says each step, so that a test can kill it.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from fakeweb import registry
from fakeweb.datasets import half_of_group
from fakeweb.forge import Forgery
from fakeweb.types import Face, Image

SIDE_PX = 32
# source -> (kind of its fakes, has reals, fake and real share a group)
SOURCES = {
    "pairs": ("swap", True, True),
    "mixed": ("retouch", True, False),
    "generated": ("generated", False, False),
    "genuine": ("", True, False),
}
# source -> faces of each label it has, in train, val groups A and val groups B
COUNTS = {"pairs": (20, 14, 6), "mixed": (10, 8, 3), "generated": (8, 6, 3), "genuine": (8, 6, 3)}

AUGMENT = """
[augment]
shift = 0.02
scale = [0.95, 1.05]
rotate_deg = 3
encode = 0.2
quality = [70, 95]
resize = [0.9, 1.1]
blur = 0.1
sharpen = 0.1
noise = 0.1
"""


class CentreFinder:
    """One box in the middle of every picture that is not black."""

    name = "toy"

    def find(self, image):
        if not image.pixels.any():
            return []
        side = 0.7 * min(image.width, image.height)
        x, y = (image.width - side) / 2, (image.height - side) / 2
        return [Face((x, y, x + side, y + side))]


def build(outputs, argument="", weights=None):
    """A few convolutions, with dropout and batch normalisation, whose state a resumed training must not lose."""
    from torch import nn

    class Normalise(nn.Module):
        def forward(self, x):
            return x / 127.5 - 1

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    return nn.Sequential(
        Normalise(), nn.Conv2d(3, 8, 5, 2, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU(),
        Mean(), nn.Dropout(0.1), nn.Linear(8, outputs),
    )  # fmt: skip


def build_maps(outputs, argument="", weights=None):
    """The same with feature maps, and without what differs between the parts of a batch."""
    import torch
    from torch import nn

    class Maps(nn.Module):
        head_names = ("head",)

        def __init__(self):
            super().__init__()
            self.one = nn.Conv2d(3, 8, 5, 4, 2)
            normed = argument == "norms"
            # a bias before a normalisation has no gradient but rounding, which Adam makes as large as any
            self.two = nn.Conv2d(8, 8, 3, 2, 1, bias=not normed)
            self.norm = nn.BatchNorm2d(8) if normed else nn.Identity()
            self.head = nn.Linear(8, outputs)

        def map_channels(self, stride):
            return (8, 8)

        def with_maps(self, x, stride):
            fine = torch.relu(self.one(x / 127.5 - 1))
            coarse = torch.relu(self.norm(self.two(fine)))
            return self.head(coarse.mean((2, 3)) + fine.mean((2, 3))), [fine, coarse]

        def forward(self, x):
            return self.with_maps(x, 4)[0]

    return Maps()


def build_loaded(outputs, argument="", weights=None):
    """The network with feature maps, from a file of weights."""
    from fakeweb.train.weights import load_fitting, read_state

    net = build_maps(outputs)
    if weights is not None:
        load_fitting(net, read_state(weights, "toy"), weights, "toy", ())
    return net


class ToyMesher:
    """A mesh of 468 equal points in the middle, of every face."""

    name = "toy"

    def mesh(self, image, faces):
        centre = [(f.box[0] + f.box[2]) / 2 for f in faces]
        return [replace(f, mesh=np.full((468, 3), c, np.float32)) for f, c in zip(faces, centre, strict=True)]


def stripe(image, face, rng):
    """A forge method: the data set's stripes on the middle of the region."""
    assert face.mesh is not None
    height, width = image.pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    inside = (abs(x - width / 2) < width / 4) & (abs(y - height / 2) < height / 4)
    stripes = np.sign(np.sin((x + y + rng.uniform(0, 6)) * 2 * np.pi / 10)) * inside
    pixels = np.clip(image.pixels + 45 * stripes[..., None], 0, 255).astype(np.uint8)
    return Forgery(Image(pixels), inside.astype(np.float32), "reenacted")


def register(module: str, patch=None) -> None:
    """Put the plug-ins into the registry, for good or through pytest's ``monkeypatch``."""
    for kind, name, attribute in (
        ("finder", "toy", "CentreFinder"),
        ("net", "toy", "build"),
        ("net", "toymaps", "build_maps"),
        ("net", "toyloads", "build_loaded"),
        ("mesh", "toy", "ToyMesher"),
        ("forge", "stripe", "stripe"),
    ):
        target = f"{module}:{attribute}"
        if patch is None:
            registry.BUILT_IN[kind][name] = target
        else:
            patch.setitem(registry.BUILT_IN[kind], name, target)


def draw(rng: np.random.Generator, fake: bool) -> np.ndarray:
    """uint8 RGB, 64 to 96 px wide and high."""
    height, width = rng.integers(64, 97, 2)
    y, x = np.mgrid[0:height, 0:width]
    ground = rng.uniform(40, 200, 3) + np.stack([x, y, x + y], -1) * rng.uniform(-0.4, 0.4, 3)
    oval = ((x - width / 2) / (0.3 * width)) ** 2 + ((y - height / 2) / (0.4 * height)) ** 2
    pixels = np.where((oval < 1)[..., None], rng.uniform(90, 230, 3), ground)
    pixels = cv2.GaussianBlur(pixels, (0, 0), 4)
    if fake:
        stripes = np.sign(np.sin((x + y + rng.uniform(0, 6)) * 2 * np.pi / 10))
        pixels += 45 * stripes[..., None]
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _groups(source: str, half: str):
    """Endless names of groups of a half."""
    return (name for i in count() if half_of_group(source, name := f"g{i}") == half)


def rows(val_times: int = 1):
    """Yield (source, label, kind, split, group); ``val_times`` multiplies the validation groups."""
    for source, (kind, has_reals, shared) in SOURCES.items():
        for part, amount in zip(("train", "A", "B"), COUNTS[source], strict=True):
            split = "train" if part == "train" else "val"
            # groups of train and val must differ: train takes those of another name
            names = (f"t{i}" for i in count()) if split == "train" else _groups(source, part)
            for _ in range(amount if split == "train" else amount * val_times):
                group = next(names)
                if has_reals:
                    yield source, "real", "", split, group
                if kind:
                    yield source, "fake", kind, split, group if shared else next(names)


def make_index(root: Path, *, val_times: int = 1) -> Path:
    """Draw the data set in the layout ``index``."""
    rng = np.random.default_rng(0)
    table = []
    for number, (source, label, kind, split, group) in enumerate(rows(val_times)):
        name = f"{source}/{number:03d}.png"
        (root / source).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / name), draw(rng, label == "fake"))
        table.append([name, source, label, kind, split, group])
    with (root / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["path", "source", "label", "kind", "split", "group"], *table])
    return root


def write_recipe(path: Path, *, seed=0, data="", more="", net="toy", **optim) -> Path:
    """Write a recipe for the toy; keywords are keys of ``[optim]``, ``data`` and ``more`` are TOML."""
    keys = {
        "epochs": 2,
        "faces_per_epoch": 48,
        "batch": 16,
        "lr": 0.02,
        "ema": 0.5,
        "bf16": "false",
        "checkpoint_s": 1e9,
        **optim,
    }
    lines = "\n".join(f"{k} = {v}" for k, v in keys.items())
    path.write_text(
        f'name = "toy"\nversion = "1"\ntitle = "stripes on ovals"\nnet = "{net}"\nseed = {seed}\n'
        f'[data]\nfinder = "toy"\nside_px = {SIDE_PX}\nmargin = 1.0\n{data}\n'
        f"[optim]\n{lines}\n{AUGMENT}\n{more}\n",
        encoding="utf-8",
    )
    return path


def main(recipe: str, data: str, out: str) -> None:
    """Train and say each step."""
    import torch

    from fakeweb.train import run

    def say(progress):
        print(*filter(None, [progress.part]), progress.stage, progress.epoch, progress.done, flush=True)

    register("__main__")
    torch.set_num_threads(1)
    run(recipe, data, out, workers=0, on_progress=say)


if __name__ == "__main__":
    main(*sys.argv[1:])
