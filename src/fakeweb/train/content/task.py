"""What the loop needs to train a content classifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fakeweb import registry
from fakeweb.train.content.finish import finish
from fakeweb.train.content.pictures import Labelled, Taught, gather, plain, read_pixels
from fakeweb.train.content.recipe import ContentRecipe, read_content_recipe
from fakeweb.train.devices import autocast
from fakeweb.train.optimizers import decay_groups
from fakeweb.train.progress import Progress
from fakeweb.train.recipe import HeadRecipe
from fakeweb.train.task import Result, Schedule, Setting, Task, numbered
from fakeweb.train.tuning import learns, make_head
from fakeweb.train.weights import start_of
from fakeweb.types import UInt8Array

_AT_ONCE = 16


def last_layer(net: nn.Module) -> nn.Module:
    """Return the layers that give the classes."""
    (name,) = net.head_names  # all networks have it
    return net.get_submodule(str(name))


def features(net: nn.Module, pictures: Sequence[UInt8Array], setting: Setting) -> torch.Tensor:
    """Return what a network's last layer is given for pictures, uint8 RGB (S, S, 3) each: (N, width)."""
    given: list[torch.Tensor] = []
    hook = last_layer(net).register_forward_pre_hook(lambda _, args: given.append(args[0].float().cpu()))
    try:
        with torch.no_grad():
            for start in range(0, len(pictures), _AT_ONCE):
                batch = torch.from_numpy(np.stack(pictures[start : start + _AT_ONCE])).to(setting.device)
                net(batch.permute(0, 3, 1, 2).float())
                setting.tell(Progress("features", min(start + _AT_ONCE, len(pictures)), len(pictures)))
    finally:
        hook.remove()
    return torch.cat(given)


@dataclass(frozen=True)
class ContentOptions:
    """What a content classifier's training takes besides its recipe.

    Attributes:
        weights: File the network starts from.
    """

    weights: Path | None = None


class ContentTask(Task):
    """A network that says what a whole picture shows."""

    Options = ContentOptions

    def __init__(self, path: Path, options: ContentOptions, setting: Setting) -> None:
        self.recipe: ContentRecipe = read_content_recipe(path)
        optim = self.recipe.optim
        # no epoch is chosen, so that all of validation measures
        self.schedule = Schedule.of(optim, optim.pictures_per_epoch, choose="last")
        self.setting = setting
        self.weights = start_of([options.weights], setting.out) if options.weights else None
        self.pictures: dict[str, list[Labelled]]
        self.kept: tuple[torch.Tensor, torch.Tensor] | None = (
            None  # features and labels, where the rest is frozen
        )
        self.shown: torch.Tensor | None = None  # features of validation pictures, likewise
        self.taught: Taught

    def build(self) -> nn.Module:
        name, _, argument = self.recipe.net.partition(":")
        make = registry.load("net", name)
        classes, head = len(self.recipe.data.classes), self.recipe.head
        net: Any = make(classes, argument, self.weights)
        if head != HeadRecipe():
            net.put_on(lambda width: make_head(width, head, classes), head.pooling, self.recipe.data.side_px)
        new = tuple(getattr(net, "head_names", ()))
        for part, weights in net.named_parameters():
            weights.requires_grad_(learns(self.recipe.optim.tune, part, new=part.startswith(new), norm=False))
        return net.to(self.setting.device)

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        optim = self.recipe.optim
        return torch.optim.AdamW(decay_groups(net, optim.weight_decay), lr=optim.lr)

    def gather(self) -> None:
        """Index the pictures."""
        self.pictures = gather(Path(self.setting.data), self.recipe.data)
        self.taught = Taught(self.pictures["train"], self.recipe)

    def begin_epoch(self, net: nn.Module, epoch: int) -> None:  # noqa: ARG002 - all are alike
        """Put the network into training mode; where the last layer alone learns, compute what it is given."""
        net.train(self.recipe.optim.tune == "all")
        last_layer(net).train()
        if self.recipe.optim.tune == "head" and self.kept is None:
            first = [self.taught[i] for i in range(self.recipe.optim.pictures_per_epoch)]
            self.kept = (
                features(net, [pixels for pixels, _ in first], self.setting),
                torch.tensor([label for _, label in first]),
            )

    def batches(self, epoch: int, begun: int) -> Iterator[Any]:
        if self.kept is None:
            yield from numbered(self, self.taught, self.setting.workers, epoch, begun)
            return
        values, labels = self.kept
        order = np.random.default_rng([self.recipe.seed, epoch]).permutation(len(labels))
        for step in range(begun, self.schedule.steps):
            at = torch.from_numpy(order[step * self.schedule.batch : (step + 1) * self.schedule.batch])
            yield values[at], labels[at]

    def loss(self, net: nn.Module, part: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the cross entropy, twice."""
        given, labels = (t.to(self.setting.device) for t in part)
        with autocast(self.setting.device, self.schedule.bf16):
            logits = net(given.permute(0, 3, 1, 2).float()) if self.kept is None else last_layer(net)(given)
        value = functional.cross_entropy(
            logits.float(), labels, label_smoothing=self.recipe.optim.label_smoothing
        )
        return value, value

    def logits(self, net: nn.Module, pictures: Sequence[Labelled]) -> np.ndarray:
        """Return what the network says of pictures as they are, (N, classes)."""
        net.eval()
        if self.kept is None or self.shown is None:
            shown = [plain(read_pixels(one.sample), self.recipe.data) for one in pictures]
            given = features(net, shown, self.setting)
            self.shown = None if self.kept is None else given
        else:
            given = self.shown
        with torch.no_grad():
            return np.asarray(
                last_layer(net)(given.to(self.setting.device)).float().cpu().numpy(), np.float64
            )

    def validate(self, net: nn.Module) -> tuple[float, dict[str, float]]:
        """Return the accuracy on the validation split, twice."""
        pictures = self.pictures["val"]
        right = self.logits(net, pictures).argmax(1) == [one.number for one in pictures]
        return float(right.mean()), {"accuracy": float(right.mean())}

    def export(self, result: Result) -> Path:
        for value in result.net.state_dict().values():  # as the file will hold them
            if value.is_floating_point():
                value.copy_(value.half().float())
        self.shown = None
        said = self.logits(result.net, self.pictures["val"])
        return finish(result, self.recipe, self.pictures, said, self.setting.out)
