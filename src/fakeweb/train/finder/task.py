"""What the loop needs to train a face finder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from fakeweb import registry
from fakeweb.train.devices import autocast
from fakeweb.train.finder.finish import finish
from fakeweb.train.finder.measure import Validation, by_maps
from fakeweb.train.finder.net import FinderNet
from fakeweb.train.finder.pool import Pool, make_pools
from fakeweb.train.finder.recipe import FinderRecipe, read_finder_recipe
from fakeweb.train.finder.scene import Composer
from fakeweb.train.finder.start import start_from
from fakeweb.train.finder.targets import grid, loss, targets
from fakeweb.train.optimizers import decay_groups
from fakeweb.train.progress import Progress
from fakeweb.train.task import Result, Schedule, Setting, Task, numbered
from fakeweb.train.weights import start_of
from fakeweb.types import FloatArray, UInt8Array

_FIRST = 64  # scenes that given weights are tried on


class Scenes(Dataset[tuple[UInt8Array, FloatArray]]):
    """Scene number i of a training, composed when asked for."""

    def __init__(self, pool: Pool, recipe: FinderRecipe) -> None:
        self.composer, self.recipe = Composer(pool, recipe.scene), recipe

    def __len__(self) -> int:
        return self.recipe.optim.epochs * self.recipe.optim.scenes_per_epoch

    def __getitem__(self, number: int) -> tuple[UInt8Array, FloatArray]:
        scene = self.composer.compose(np.random.default_rng([self.recipe.seed, number]))
        return scene.pixels, targets(scene.boxes, scene.points, scene.taught, self.recipe.scene.side_px)


@dataclass(frozen=True)
class FinderOptions:
    """What a finder's training takes besides its recipe.

    Attributes:
        weights: An exported finder to go on from.
    """

    weights: Path | None = None


class FinderTask(Task):
    """A network that finds faces of any size and turn."""

    Options = FinderOptions
    free = ("false_alarms",)

    def __init__(self, path: Path, options: FinderOptions, setting: Setting) -> None:
        self.recipe: FinderRecipe = read_finder_recipe(path)
        # the averaged weights of the last epoch are exported: scores on composed scenes rank epochs by chance
        optim = self.recipe.optim
        self.schedule = Schedule.of(optim, optim.scenes_per_epoch, choose="last")
        self.setting, self.files = setting, [path.parent / name for name in self.recipe.data.files]
        self.weights = start_of([options.weights], setting.out) if options.weights else None
        self.cells = grid(self.recipe.scene.side_px).to(setting.device)
        self.pools: dict[str, Pool]
        self.scenes: Scenes
        self.validation: Validation

    def build(self) -> nn.Module:
        return FinderNet().to(self.setting.device)

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        optim = self.recipe.optim
        return torch.optim.AdamW(decay_groups(net, optim.weight_decay), lr=optim.lr)

    def gather(self) -> None:
        """Read the labelled pictures."""
        data, tell = Path(self.setting.data), self.setting.tell
        self.pools = make_pools(
            list(registry.load("layout", self.recipe.data.layout)().index(data)),
            data,
            self.files,
            self.recipe.data,
            lambda done, total: tell(Progress("faces", done, total)),
        )
        self.scenes = Scenes(self.pools["train"], self.recipe)
        self.validation = Validation(self.pools["A"], self.recipe.scene, self.recipe.seed)

    def begin(self, net: nn.Module) -> None:
        """Load the weights to go on from."""
        if self.weights is not None:
            first = range(min(_FIRST, len(self.scenes)))
            start_from(net, self.weights, [self.scenes[i][0] for i in first])

    def batches(self, epoch: int, begun: int) -> Iterator[Any]:
        return numbered(self, self.scenes, self.setting.workers, epoch, begun)

    def loss(self, net: nn.Module, part: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss, twice."""
        pixels, wanted = (t.to(self.setting.device) for t in part)
        with autocast(self.setting.device, self.schedule.bf16):
            outs = net(pixels)
        value = loss(outs, wanted, self.cells)
        return value, value

    def validate(self, net: nn.Module) -> tuple[float, dict[str, float]]:
        """Measure recall by width on scenes of groups A."""

        def look(pixels: UInt8Array) -> list[FloatArray]:
            with torch.no_grad():
                outs = net(torch.from_numpy(np.ascontiguousarray(pixels[None])).to(self.setting.device))
            return [out[0].cpu().numpy() for out in outs]

        _, figures = self.validation.measure(by_maps(look), self.recipe.false_alarms)
        return figures["score"], figures

    def export(self, result: Result) -> Path:
        return finish(result.net, self.recipe, self.validation, self.pools, self.setting.out)
