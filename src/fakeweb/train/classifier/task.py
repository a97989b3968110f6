"""What the loop needs to train a classifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fakeweb.errors import BadRecipe, UsageError
from fakeweb.forge.kept import KeptCopies
from fakeweb.train.calibrate import source_aucs
from fakeweb.train.classifier.corpus import Corpus, fingerprint, gather
from fakeweb.train.classifier.crops import Batch, Crops
from fakeweb.train.classifier.finish import finish
from fakeweb.train.classifier.forging import Forger, keep_needed
from fakeweb.train.classifier.frozen import FeatureCrops, ShippedEncoder
from fakeweb.train.classifier.heads import FrozenHead, build_net, freeze, outputs_of
from fakeweb.train.classifier.loader import NO_KIND, FaceDataset
from fakeweb.train.classifier.losses import Counts, Targets, loss_of, plain_loss
from fakeweb.train.classifier.plan import EpochPlan, Pick, part_of
from fakeweb.train.classifier.prepare import labels_and_sources
from fakeweb.train.classifier.teacher import Teacher, asked, teach
from fakeweb.train.devices import autocast
from fakeweb.train.optimizers import make_optimizer
from fakeweb.train.progress import Progress
from fakeweb.train.recipe import Recipe, with_fold
from fakeweb.train.rules import read_recipe
from fakeweb.train.task import Result, Schedule, Setting, Task
from fakeweb.train.tuning import merge_lora
from fakeweb.train.weights import start_of, told_fits
from fakeweb.types import KINDS


@dataclass(frozen=True)
class ClassifierOptions:
    """What a classifier's training takes besides its recipe.

    Attributes:
        weights: File to start from, for networks that take one; of several, their mean, kept as ``start.npz`` in
            ``out``.
        finder_model: Model file of the finder the recipe names, if that needs one.
        fold: Name of one of the recipe's ``data.folds``, whose sources are then only measured.
        mesher_model: Model file of the mesher the recipe names, or mesh labels for the mesher ``labels``.
        cache: Folder for found faces and kept regions, which other trainings may share; None: ``out``.
    """

    weights: tuple[Path, ...] = ()
    finder_model: Path | None = None
    fold: str = ""
    mesher_model: Path | None = None
    cache: Path | None = None


class ClassifierTask(Task):
    """A network that tells real faces from fakes; several processes may share a step."""

    Options = ClassifierOptions
    free = ("data.folds",)
    shares = True

    def __init__(self, path: Path, options: ClassifierOptions, setting: Setting) -> None:
        read = read_recipe(path)
        self.recipe: Recipe = with_fold(read, options.fold) if options.fold else read
        self.options, self.setting = options, setting
        optim, crew = self.recipe.optim, setting.crew
        self.schedule = Schedule.of(optim, optim.faces_per_epoch)
        if optim.batch % (2 * crew.size * optim.accumulate):
            raise BadRecipe(
                f"optim.batch = {optim.batch} cannot be cut into {crew.size} x {optim.accumulate} parts,"
                " each half fake",
                hint="make it a multiple of 2 x processes x optim.accumulate",
            )
        self.faces: str | None = None  # which faces the checkpoint was trained on
        self.seen_kinds: set[str] = set()
        self.crops: Crops
        self.taught: dict[Pick, float] | None = None  # by a teacher
        self.plan: EpochPlan

    def build(self) -> nn.Module:
        recipe, device = self.recipe, self.setting.device
        weights = start_of(self.options.weights, self.setting.out)
        if weights is None and not recipe.optim.epochs:
            raise UsageError(
                "optim.epochs = 0 exports what it starts from, and that is nothing", hint="give --weights"
            )
        net = build_net(recipe, weights)
        for line in told_fits(net):
            self.setting.tell(Progress("weights", 1, 1, note=line))
        _try_out(net, recipe)
        freeze(net, recipe, True)  # for its error
        return net.to(device, memory_format=torch.channels_last)

    def optimizer(self, net: nn.Module) -> torch.optim.Optimizer:
        return make_optimizer(net, self.recipe.optim)

    def gather(self) -> None:
        """Find the faces; the first process does, the others read what it kept."""
        setting, options, recipe = self.setting, self.options, self.recipe
        cache = options.cache or setting.out
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{cache} cannot be made: {error.strerror}", hint="name another --cache"
            ) from error
        for mine in (True, False):
            if setting.crew.first == mine:
                corpus = gather(
                    recipe, Path(setting.data), setting.out, cache, options.finder_model, options.mesher_model,
                    setting.tell, first=setting.crew.first,
                )  # fmt: skip
            setting.crew.wait()
        found = fingerprint(corpus.prepared.faces)
        if self.faces not in (None, found):
            raise UsageError(
                f"{setting.out / 'checkpoint.pt'} was trained on other pictures than {setting.data} holds now",
                hint="restore the data, or begin anew in another --out",
            )
        self.faces = found
        train, forgeable = corpus.split["train"], corpus.forgeable(recipe)
        self.plan, forger = EpochPlan(train, recipe, forgeable), None
        if self.plan.forged and corpus.regions is not None:
            donors = corpus.places_of([train[i] for i in forgeable]) or []
            forger = Forger(recipe.forge, corpus.regions, donors, self._copies(corpus, cache))
        self.crops = Crops(recipe, corpus, forger, setting)
        if recipe.loss.teacher:
            self.taught = self._taught(cache)
        if recipe.net.frozen:
            encoder = ShippedEncoder(recipe.net.arch, patches=recipe.net.patches)
            self.crops = FeatureCrops(recipe, corpus, None, setting, encoder, cache)
            self.crops.prefill(train)

    def begin(self, net: nn.Module) -> None:
        """Measure what a frozen encoder's features are like, unless the head came with it."""
        if isinstance(net, FrozenHead) and isinstance(self.crops, FeatureCrops) and not self.options.weights:
            rows = torch.from_numpy(self.crops.prefill(self.crops.corpus.split["train"]))
            net.standardise(rows.to(self.setting.device))

    def _copies(self, corpus: Corpus, cache: Path) -> dict[str, KeptCopies]:
        """Keep the copies that slow methods of the forge need; the first process does, the others read them."""
        setting, kept = self.setting, {}
        for mine in (True, False):
            if setting.crew.first == mine and corpus.regions is not None:
                kept = keep_needed(
                    self.plan, corpus.places_of(corpus.split["train"]) or [], corpus.regions, cache, setting.workers,
                    lambda done, total: setting.tell(Progress("copies", done, total)),
                )  # fmt: skip
            setting.crew.wait()
        return kept

    def _taught(self, cache: Path) -> dict[Pick, float]:
        """Ask the teacher about every face of the training; the first process does, the others read what it kept."""
        setting, crops = self.setting, self.crops
        teacher = Teacher(self.recipe.loss.teacher, self.recipe.data.margin, torch.get_num_threads())
        faces = crops.corpus.split["train"]
        dataset = FaceDataset(
            faces, self.recipe, None, crops.corpus.regions, crops.corpus.places_of(faces), crops.forger
        )
        taught: dict[Pick, float] = {}
        for mine in (True, False):
            if setting.crew.first == mine:
                taught = teach(
                    teacher, dataset, self.plan, cache, self.faces or "",
                    lambda done, total: setting.tell(Progress("teacher", done, total)),
                )  # fmt: skip
            setting.crew.wait()
        return taught

    def begin_epoch(self, net: nn.Module, epoch: int) -> None:
        """Put the network into training mode, frozen where the recipe says so."""
        net.train()
        freeze(net, self.recipe, not 0 < self.recipe.optim.freeze_epochs <= epoch)

    def batches(self, epoch: int, begun: int) -> Iterator[Batch]:
        """See :class:`fakeweb.train.task.Task`; under torchrun, this process's part of each."""
        crew = self.setting.crew
        picks = [part_of(batch, crew.rank, crew.size) for batch in self.plan.batches(epoch)[begun:]]
        if (taught := self.taught) is not None:
            picks = [[replace(pick, taught=taught[asked(pick)]) for pick in batch] for batch in picks]
        return self.crops.batches(self.crops.corpus.split["train"], picks)

    def parts(self, batch: Batch) -> list[tuple[Batch, Counts]]:
        """Cut a batch into the recipe's parts, each with the counts of the whole over all processes."""
        known = int(batch["known"].sum()) if "known" in batch else 0
        numbers = [len(batch["label"]), int((batch["kind"] != NO_KIND).sum()), known]
        counts = Counts(*self.setting.crew.total([float(n) for n in numbers]))
        self.seen_kinds |= {KINDS[k] for k in set(batch["kind"].tolist()) - {NO_KIND}}
        parts = self.recipe.optim.accumulate
        return [(_rows(batch, part, parts), counts) for part in range(parts)]

    def loss(self, net: nn.Module, part: tuple[Batch, Counts]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a part's share of the batch's loss, twice."""
        rows, counts = part
        rows = {k: v.to(self.setting.device, non_blocking=True) for k, v in rows.items()}
        targets = Targets(
            rows["label"].float(), rows["kind"], rows.get("mask"), rows.get("known"), rows.get("taught")
        )
        pixels = rows["pixels"] if self.recipe.net.frozen else rows["pixels"].permute(0, 3, 1, 2).float()
        with autocast(self.setting.device, self.schedule.bf16):
            said = outputs_of(net, pixels)
        value = loss_of(said, targets, self.recipe, counts)
        logits = said.logits.detach().float()
        told, right = plain_loss(logits, targets.labels, targets.kinds, self.recipe)
        before = self.seen
        self.seen = (before[0] + told * len(logits), before[1] + right, before[2] + len(logits))
        return value, value

    def validate(self, net: nn.Module) -> tuple[float, dict[str, float]]:
        """Return the mean of the sources' AUCs on groups A, and each; loss and accuracy as of the training faces."""
        faces = self.crops.corpus.split["A"]
        outputs = self.crops.outputs(net, faces)
        labels, sources = labels_and_sources(faces)
        figures = source_aucs(outputs[:, 0], labels, sources)
        score = float(np.mean(list(figures.values())))
        kinds = [KINDS.index(f.sample.kind) if f.sample.kind in KINDS else NO_KIND for f in faces]
        loss, right = plain_loss(
            torch.from_numpy(outputs), torch.from_numpy(labels), torch.tensor(kinds), self.recipe
        )
        return score, {"score": score, **figures, "loss": loss, "accuracy": right / len(faces)}

    def state(self) -> dict[str, Any]:
        return {"faces": self.faces, "seen_kinds": sorted(self.seen_kinds)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.faces, self.seen_kinds = state.get("faces"), set(state["seen_kinds"])

    def settle(self, net: nn.Module) -> nn.Module:
        return merge_lora(net)

    def export(self, result: Result) -> Path:
        return finish(result, self.crops, frozenset(self.seen_kinds))


def _rows(batch: Batch, part: int, parts: int) -> Batch:
    """Return one of equal parts of a batch, fakes and their reals."""
    if parts == 1:
        return batch
    half = len(batch["label"]) // 2
    size = half // parts
    rows = torch.arange(part * size, (part + 1) * size)
    rows = torch.cat([rows, rows + half])
    return {k: v[rows] for k, v in batch.items()}


def _try_out(net: nn.Module, recipe: Recipe) -> None:
    """Run a network once, so that one that does not fit the recipe fails now."""
    side = recipe.data.side_px
    try:
        with torch.no_grad():
            shaped = (2, net.size) if isinstance(net, FrozenHead) else (2, 3, side, side)
            shape = tuple(outputs_of(net.eval(), torch.zeros(shaped)).logits.shape)
    except Exception as error:  # whatever the network raises
        reason = str(error).partition("\n")[0]
        raise BadRecipe(
            f"the network '{recipe.net}' does not take {side} px: {reason}",
            hint="choose another data.side_px or net",
        ) from error
    if shape != (2, 1 + len(KINDS)):
        raise BadRecipe(
            f"the network '{recipe.net}' gives {shape}, not (2, {1 + len(KINDS)})",
            hint="build(outputs, argument, weights) must return a module with that many outputs",
        )
