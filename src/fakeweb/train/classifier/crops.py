"""The crops of a classifier's training: batches of them, and what a network says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fakeweb.train.augment import views
from fakeweb.train.batches import load
from fakeweb.train.classifier.corpus import Corpus
from fakeweb.train.classifier.export import Deployed
from fakeweb.train.classifier.forging import Forger
from fakeweb.train.classifier.loader import FaceDataset
from fakeweb.train.classifier.plan import Pick
from fakeweb.train.classifier.prepare import FaceSample
from fakeweb.train.progress import Progress
from fakeweb.train.recipe import AugmentRecipe, Recipe
from fakeweb.train.task import Setting, came_apart
from fakeweb.types import KINDS

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Crops:
    """Cuts and degrades a training's faces.

    Attributes:
        recipe: How.
        corpus: The faces.
        forger: Forges real ones; None: none is.
        setting: Where and how the training runs.
    """

    recipe: Recipe
    corpus: Corpus
    forger: Forger | None
    setting: Setting

    def batches(
        self, faces: list[FaceSample], picks: list[list[Pick]], augment: AugmentRecipe | None = None
    ) -> Iterator[Batch]:
        """Yield the batches of these picks, degraded as ``augment`` or the recipe says."""
        places = self.corpus.places_of(faces)
        dataset = FaceDataset(faces, self.recipe, augment, self.corpus.regions, places, self.forger)
        return load(dataset, picks, self.setting.workers)

    def deployed(self, net: nn.Module, columns: list[int]) -> Deployed:
        """Return the network as it ships; ``columns`` are its outputs that were trained."""
        return Deployed(net, columns)

    def outputs(
        self, net: nn.Module, faces: list[FaceSample], *, seed: int | None = None, mirrored: bool = False
    ) -> np.ndarray:
        """Return a network's raw outputs, float64 (N, 1 + kinds), for crops as they are or degraded, or mirrored.

        Raises:
            BadRecipe: One is no number.
        """
        net.eval()
        crew, device, size = self.setting.crew, next(net.parameters()).device, 2 * self.recipe.optim.batch
        picks = [Pick(i, None if seed is None else (self.recipe.seed, seed, i)) for i in range(len(faces))]
        mine = picks[crew.rank :: crew.size]
        batches = [mine[i : i + size] for i in range(0, len(mine), size)]
        out = [np.zeros((0, 1 + len(KINDS)), np.float32)]
        with torch.no_grad():
            for done, batch in enumerate(self.batches(faces, batches, views(self.recipe.augment)), 1):
                pixels = batch["pixels"].to(device).permute(0, 3, 1, 2).float()
                out.append(net(pixels.flip(3) if mirrored else pixels).cpu().numpy())
                self.setting.tell(Progress("validate", done, len(batches)))
        outputs = crew.interleave(np.concatenate(out), len(faces)).astype(np.float64)
        if not np.isfinite(outputs).all():
            raise came_apart("the network gives no finite numbers")
        return outputs
