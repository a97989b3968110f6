"""Training of the finder and of the mesh: from labels to a card, through an interruption."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import torch

from fakeweb import train
from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError, ModelCorrupt
from fakeweb.faces.mesh import OnnxMesher
from fakeweb.faces.proposer import Proposer
from fakeweb.media import encode_png
from fakeweb.runtime import find_card
from fakeweb.topology import MIRROR
from fakeweb.train.finder import measure
from fakeweb.train.finder.finish import _to_onnx
from fakeweb.train.finder.net import FinderNet
from fakeweb.train.finder.start import start_from
from fakeweb.train.labels import label
from fakeweb.train.mesh.alarms import find_alarms
from fakeweb.train.mesh.augment import show_face
from fakeweb.train.mesh.crops import Squares, believed
from fakeweb.train.mesh.label import label_meshes, read_labels
from fakeweb.train.mesh.recipe import MeshAugmentRecipe, MeshDataRecipe, MeshRecipe
from fakeweb.types import Face, Image

BOX = (30.0, 24.0, 98.0, 108.0)
FIVE = np.array([[48, 55], [80, 55], [64, 72], [52, 88], [76, 88]], np.float32)


def _drawn(seed: int, *, face: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = cv2.resize(rng.integers(20, 120, (8, 8, 3), np.uint8), (128, 128))
    if face:
        cv2.ellipse(pixels, (64, 66), (34, 42), 0, 0, 360, (220, 180, 150), -1)
        for x, y in FIVE.astype(int)[:2]:
            cv2.circle(pixels, (int(x), int(y)), 5, (30, 20, 20), -1)
        cv2.ellipse(pixels, (64, 88), (12, 4), 0, 0, 360, (160, 40, 40), -1)
    return pixels


def _mesh() -> np.ndarray:
    """468 points around the middle of the face that are their own mirror image."""
    rng = np.random.default_rng(5)
    mesh = rng.uniform(-30, 30, (468, 3))
    mirrored = mesh[MIRROR] * (-1, 1, 1)
    return ((mesh + mirrored) / 2 + (63.5, 66, 0)).astype(np.float32)


@dataclass
class _Sees:
    """Finds the drawn face and measures it; counts what it is shown."""

    name: str = "drawn"
    max_printed: float = 1.0
    shown: int = 0

    def find(self, image: Image) -> list[Face]:
        return [Face(BOX, 0.9, points=FIVE)] if image.pixels[66, 64, 0] > 200 else []

    def mesh(self, image: Image, faces: list[Face]) -> list[Face]:
        self.shown += len(faces)
        return [Face(f.box, f.confidence, points=f.points, mesh=_mesh(), presence=0.9) for f in faces]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve drawn faces and eight pictures without one, and what two teachers say of them."""
    root = tmp_path_factory.mktemp("eyes")
    rows = []
    for i in range(20):
        face = i < 12
        name = f"{'faces' if face else 'empty'}/{i:02}.png"
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(encode_png(Image(_drawn(i, face=face))))
        split = "val" if i % 2 else "train"
        rows.append(
            [
                name,
                "drawn" if face else "content",
                "real" if face else "none",
                "real",
                split,
                f"g{i}",
                128,
                128,
            ]
        )
    with (root / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["path", "source", "label", "kind", "split", "group", "width", "height"], *rows]
        )
    for teacher in ("one", "two"):
        label(_samples(root), root, _Sees(), root / f"{teacher}.csv")
    return root


def _samples(data) -> list[Sample]:
    from fakeweb.datasets.index import IndexLayout

    return list(IndexLayout().index(data))


def test_labelling_goes_on_where_it_stopped_and_mirror_images_agree(data, tmp_path):
    teacher, out = _Sees(), tmp_path / "mesh.npz"
    samples = _samples(data)
    label_meshes(samples[:6], data, teacher, teacher, out)
    first = teacher.shown
    labels = label_meshes(samples, data, teacher, teacher, out)
    faces = sum(s.label is not None for s in samples)
    assert teacher.shown == 2 * faces
    assert first == 2 * sum(s.label is not None for s in samples[:6])
    mesh, doubt = believed(read_labels(out))
    assert len(labels.path) == len(mesh) == faces
    assert doubt.max() < 0.02
    assert np.abs(mesh[0] - _mesh()).max() < 1.0


def test_points_move_with_the_cut():
    size = 224
    square = np.full((size, size, 3), 90, np.uint8)
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = (112, 112)
    mesh[7, :2] = (140, 90)
    mesh[MIRROR[7], :2] = (140, 90)
    cv2.circle(square, (140, 90), 4, (255, 255, 255), -1)
    one = np.ones(1, np.float32)
    squares = Squares(
        square[None], mesh[None], 90 * one, 60 * one, 0 * one, np.array(["x"]), np.zeros(1, np.int8),
        np.array(["x"]), np.zeros((0, size, size, 3), np.uint8), np.zeros(0, np.int8), np.zeros(0, np.str_),
    )  # fmt: skip
    calm = MeshAugmentRecipe(
        printed=0, small=0, encode=0, colour=0, dark=0, grey=0, blur=0, noise=0, light=0, hidden=0
    )
    recipe = MeshRecipe("mesh", "m", "1", "t", MeshDataRecipe("x.npz"), augment=calm)
    moved = []
    for seed in range(20):
        shown = show_face(squares, 0, recipe, np.random.default_rng(seed))
        y, x = np.nonzero(shown.pixels[:, :, 0] > 200)
        where = shown.mesh[7, :2] * 64 + 63.5
        assert np.hypot(x.mean() - where[0], y.mean() - where[1]) < 1.0, seed
        moved.append(where)
    assert np.ptp(moved, axis=0).min() > 4


def test_alarms_are_what_the_finder_proposes_and_need_pictures(tmp_path):
    paths = []
    for i in range(3):
        path = tmp_path / f"{i}.png"
        path.write_bytes(
            encode_png(Image(np.random.default_rng(i).integers(0, 256, (300, 400, 3), np.uint8)))
        )
        paths.append(path)
    squares = find_alarms(paths, 2, 96, 2.0, seed=1)
    assert all(s.shape == (96, 96, 3) and s.dtype == np.uint8 for s in squares)
    again = find_alarms(paths, 2, 96, 2.0, seed=1)
    assert len(again) == len(squares)
    assert all((a == b).all() for a, b in zip(squares, again, strict=True))
    with pytest.raises(DatasetError, match="no picture without a face"):
        find_alarms([], 1, 96, 2.0, seed=1)


FINDER = """
task = "finder"
name = "tiny"
version = "0.0.1"
title = "drawn faces"
false_alarms = 1000.0
[data]
files = ["one.csv", "two.csv"]
[scene]
side_px = 128
face_px = [16.0, 96.0]
[optim]
epochs = 2
scenes_per_epoch = 48
batch = 8
bf16 = false
"""
MESH = """
task = "mesh"
name = "tiny"
version = "0.0.1"
title = "drawn faces"
[data]
labels = "mesh.npz"
alarms = 2
[square]
side_px = 64
[optim]
epochs = 2
squares_per_epoch = 48
batch = 8
bf16 = false
"""


def _train(recipe, data, out, *, stop_after: int | None = None):
    steps = 0

    def on_progress(at: train.Progress) -> None:
        nonlocal steps
        steps += at.stage == "train" and not at.note
        if stop_after is not None and steps >= stop_after:
            raise KeyboardInterrupt

    return train.run(
        recipe, data, out, resume=True, device="cpu", workers=0, threads=1, on_progress=on_progress
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", ["finder", "mesh"])
def test_an_interrupted_training_ends_like_one_in_one_go(task, data, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "_SCENES", 2)
    monkeypatch.setattr(measure, "_EMPTY", 2)
    monkeypatch.setattr("fakeweb.train.mesh.task._SHAPES", 50)
    if task == "mesh":
        teacher = _Sees()
        label_meshes(_samples(data), data, teacher, teacher, data / "mesh.npz")
    recipe = data / f"{task}.toml"
    recipe.write_text(FINDER if task == "finder" else MESH)
    whole = _train(recipe, data, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _train(recipe, data, tmp_path / "cut", stop_after=9)
    cut = _train(recipe, data, tmp_path / "cut")
    one, other = (json.loads(path.read_text()) for path in (whole, cut))
    assert one == other  # the SHA-256 of the weights among it
    labels = ["one.csv", "two.csv"] if task == "finder" else ["mesh.npz"]
    assert [entry["file"] for entry in one["details"]["inputs"]["labels"]] == labels
    assert one["details"]["made_with"]["torch"]
    card = find_card(whole)
    image = Image(_drawn(1, face=True))
    if task == "finder":
        assert Proposer(card).rows(image.pixels).shape[1] == 15
    else:
        (face,) = OnnxMesher(card).mesh(image, [Face(BOX, points=FIVE)])
        assert 0 <= face.presence <= 1


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A finder whose normalisations do something, and the file that ships of it."""
    torch.manual_seed(3)
    net = FinderNet().eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, low, high in (
                (module.weight, 0.5, 1.5), (module.bias, -0.5, 0.5), (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 1.5),
            ):  # fmt: skip
                torch.nn.init.uniform_(values, low, high)
    for head in net.heads:
        torch.nn.init.uniform_(head[-1].bias, -1.0, 1.0)  # the exporter writes equal constants once only
    path = tmp_path_factory.mktemp("exported") / "finder.onnx"
    path.write_bytes(_to_onnx(net))
    return net, path


@pytest.mark.slow
def test_a_finder_goes_on_from_the_file_that_ships(exported):
    shipped, path = exported
    scenes = [_drawn(seed, face=True) for seed in range(8)]
    net = FinderNet()
    start_from(net, path, scenes)
    unseen = torch.from_numpy(np.stack([_drawn(seed, face=False) for seed in range(20, 24)]))
    with torch.no_grad():
        for one, other in zip(net(unseen), shipped(unseen), strict=True):
            assert torch.allclose(one, other, atol=1e-3)
        calm = net(torch.from_numpy(np.stack(scenes)))
        trained = net.train()(torch.from_numpy(np.stack(scenes)))  # by the statistics of these very scenes
    for one, other in zip(trained, calm, strict=True):
        assert torch.allclose(one, other, atol=0.05)


@pytest.mark.slow
def test_a_training_refuses_weights_that_do_not_fit(exported, data, tmp_path):
    recipe = data / "finder.toml"
    recipe.write_text(FINDER)
    state = {k: v for k, v in exported[0].state_dict().items() if k != "coarse.1.inner.0.0.weight"}
    torch.save(state, tmp_path / "lacking.pt")
    with pytest.raises(ModelCorrupt, match=r"lacks coarse\.1"):
        train.run(recipe, data, tmp_path / "out", weights=tmp_path / "lacking.pt", device="cpu", workers=0)
