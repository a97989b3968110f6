"""What the loop needs to train a mesh network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from fakeweb import registry
from fakeweb.errors import DatasetError
from fakeweb.topology import CONTOURS, POINTS
from fakeweb.train.devices import autocast
from fakeweb.train.mesh.augment import show_face, show_none
from fakeweb.train.mesh.crops import PARTS, Squares, make_squares
from fakeweb.train.mesh.finish import finish
from fakeweb.train.mesh.label import read_labels
from fakeweb.train.mesh.measure import validate
from fakeweb.train.mesh.net import MeshNet
from fakeweb.train.mesh.recipe import MeshRecipe, read_mesh_recipe
from fakeweb.train.optimizers import decay_groups
from fakeweb.train.progress import Progress
from fakeweb.train.task import Result, Schedule, Setting, Task, numbered

_SHAPES = 3000
"""So many augmented meshes give the first basis."""
Floats = npt.NDArray[np.float32]


class Samples(Dataset[tuple[Any, ...]]):
    """Sample number i of a training, made when asked for."""

    def __init__(self, squares: Squares, recipe: MeshRecipe) -> None:
        self.squares, self.recipe = squares, recipe
        self.faces = np.flatnonzero(squares.part == 0)
        self.empty = np.flatnonzero(squares.empty_part == 0)
        alarms = squares.empty_kind[self.empty] == "alarm"
        self.alarms = self.empty[alarms]
        _, place, counts = np.unique(squares.source[self.faces], return_inverse=True, return_counts=True)
        weights = (counts ** (recipe.data.source_power - 1.0))[place]
        self.upto = np.cumsum(weights / weights.sum())

    def __len__(self) -> int:
        return self.recipe.optim.epochs * self.recipe.optim.squares_per_epoch

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        rng = np.random.default_rng([self.recipe.seed, number])
        if rng.random() < self.recipe.augment.empty:
            few = len(self.alarms) and rng.random() < self.recipe.augment.alarm
            shown = show_none(self.squares, self.alarms if few else self.empty, self.faces, self.recipe, rng)
        else:
            face = self.faces[min(int(np.searchsorted(self.upto, rng.random())), len(self.faces) - 1)]
            shown = show_face(self.squares, int(face), self.recipe, rng)
        numbers = np.array([shown.weight, shown.presence, shown.printed], np.float32)
        return shown.pixels, shown.mesh, numbers


def point_weights() -> Floats:
    """Weigh the points of the contours twice."""
    weights = np.ones(POINTS, np.float32)
    weights[sorted({i for line in CONTOURS.values() for i in line})] = 2.0
    return weights / weights.mean()


def loss(outs: tuple[torch.Tensor, ...], mesh: torch.Tensor, numbers: torch.Tensor, points: torch.Tensor,
         recipe: MeshRecipe) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Return what is minimised, and the error of the mesh over the distance of the eyes.

    The mesh's part is the mean distance of points in the picture plane, and of their depths, over the distance of
    the eyes; the two questions are cross-entropies.
    """
    weight, presence, printed = numbers.unbind(1)
    gap = outs[0].float() - mesh
    flat = (gap[..., :2].square().sum(-1) + 1e-6).sqrt()
    depth = gap[..., 2].abs()
    off = ((flat + recipe.optim.depth_weight * depth) * points).mean(1)
    some = presence.sum().clamp(min=1)
    total = (off * weight).sum() / some
    there = functional.binary_cross_entropy_with_logits(outs[1].float(), presence * 0.98 + 0.01)
    asked = (printed >= 0).float()
    flatness = functional.binary_cross_entropy_with_logits(
        outs[2].float(), printed.clamp(min=0) * 0.98 + 0.01, reduction="none"
    )
    optim = recipe.optim
    value = total + optim.presence_weight * there
    value = value + optim.printed_weight * (flatness * asked).sum() / asked.sum().clamp(min=1)
    return value, (flat.mean(1) * weight).sum().detach() / some


@dataclass(frozen=True)
class MeshOptions:
    """A mesh's training takes nothing besides its recipe."""


class MeshTask(Task):
    """A network that measures 468 points of a face, and says whether it is one and whether it is printed."""

    Options = MeshOptions
    free = ("data.labels",)

    def __init__(self, path: Path, options: MeshOptions, setting: Setting) -> None:  # noqa: ARG002
        self.recipe: MeshRecipe = read_mesh_recipe(path)
        self.schedule = Schedule.of(self.recipe.optim, self.recipe.optim.squares_per_epoch)
        self.setting = setting
        self.labels = path.parent / self.recipe.data.labels
        self.points = torch.from_numpy(point_weights()).to(setting.device)
        self.squares: Squares
        self.samples: Samples

    def build(self) -> nn.Module:
        net = MeshNet(self.recipe.square.side_px)
        return net.to(self.setting.device, memory_format=torch.channels_last)

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        optim = self.recipe.optim
        return torch.optim.AdamW(decay_groups(net, optim.weight_decay), lr=optim.lr)

    def gather(self) -> None:
        """Cut or open the training's squares."""
        data, tell = Path(self.setting.data), self.setting.tell
        self.squares = make_squares(
            list(registry.load("layout", self.recipe.data.layout)().index(data)),
            data,
            read_labels(self.labels),
            self.recipe.data,
            self.setting.out,
            lambda done, total: tell(Progress("faces", done, total)),
        )
        for part, name in enumerate(PARTS[:2]):
            if not (self.squares.part == part).any():
                raise DatasetError(f"no labelled face in part {name}", hint="see docs/guide/mesh.md")
        self.samples = Samples(self.squares, self.recipe)

    def begin(self, net: nn.Module) -> None:
        """Give the network the principal components of augmented meshes."""
        shapes = []
        bare = dataclasses.replace(self.recipe.augment, printed=0.0, hidden=0.0, encode=0.0)
        for i in range(_SHAPES):
            rng = np.random.default_rng([self.recipe.seed, 1, i])
            face = int(rng.choice(self.samples.faces))
            shapes.append(
                show_face(self.squares, face, dataclasses.replace(self.recipe, augment=bare), rng).mesh
            )
        net.set_basis(np.stack(shapes))

    def batches(self, epoch: int, begun: int) -> Iterator[Any]:
        return numbered(self, self.samples, self.setting.workers, epoch, begun)

    def loss(self, net: nn.Module, part: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss, and the error of the mesh over the distance of the eyes."""
        pixels, mesh, numbers = (t.to(self.setting.device) for t in part)
        with autocast(self.setting.device, self.schedule.bf16):
            features = net.look(pixels)
        return loss(net.answer(features.float()), mesh, numbers, self.points, self.recipe)

    def validate(self, net: nn.Module) -> tuple[float, dict[str, float]]:
        """Measure on groups A."""
        figures = validate(net, self.squares, self.recipe, self.setting.device)
        score = -figures["median"] - figures["failures"] - 0.05 * (1 - figures["presence_auc"])
        return score, figures

    def export(self, result: Result) -> Path:
        return finish(result.net, self.recipe, result.epoch, self.squares, self.setting.out)
