"""Heads over frozen CLIP features: LARS against Adam by batch, and the linear probe of UnivFD; docs/reference/seeds.md.

    fakeweb data probe cache recipes/probe/accurate.toml DATA --out features/data
    python benchmarks/heads.py features/data [features/other ...]

Prints Markdown. The network has no BatchNorm and no dropout, so a batch in parts of 64 is exactly the whole batch.
Rates are chosen on groups A, figures are of groups B. Needs the extra 'train'.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fakeweb.evaluate.probe.cache import Features, read_features
from fakeweb.metrics import auc
from fakeweb.train.optimizers import make_optimizer, one_cycle
from fakeweb.train.recipe import OptimRecipe

BATCHES, PART, EPOCHS, SEEDS = (1024, 256, 64), 64, 10, 2
RATES = {"adam": (3e-4, 1e-3, 3e-3), "lars": (3.0, 10.0, 30.0)}
WIDTH = 768
"""Of a class token; CLIP ViT-B/16 has twelve blocks."""


class Sets:
    """Standardised last class tokens: to learn from, to choose by (groups A), to report (groups B)."""

    def __init__(self, features: Features) -> None:
        rows = {name: features.column(name) for name in ("source", "label", "split", "half", "view")}
        values = features.values[:, 11 * WIDTH : 12 * WIDTH].astype(np.float32)
        train = rows["split"] == "train"
        values = (values - values[train].mean(0)) / values[train].std(0).clip(1e-4)
        plain = rows["view"] == "plain"
        self.x, self.y = torch.from_numpy(values[train]), torch.from_numpy(rows["label"][train]).float()
        self.source = rows["source"][train]
        self.val = {
            half: (values[m := plain & (rows["half"] == half)], rows["label"][m], rows["source"][m])
            for half in "AB"
        }

    def aucs(self, net: nn.Module, half: str) -> dict[str, float]:
        """Return the AUC within each source that has both classes."""
        values, labels, sources = self.val[half]
        with torch.no_grad():
            logits = net(torch.from_numpy(values))[:, 0].numpy()
        out = {}
        for source in sorted(set(sources)):
            real, fake = (logits[(sources == source) & (labels == label)] for label in (0, 1))
            if min(len(real), len(fake)) >= 10:
                out[source] = auc(fake, real)
        return out


def train(
    sets: Sets, hidden: int, optimizer: str, lr: float, batch: int, seed: int, keep: np.ndarray | None = None
) -> nn.Module:
    """Train a head by one cycle, batches in parts of 64, half of each fake."""
    torch.manual_seed(seed)
    layers = [nn.Linear(WIDTH, hidden), nn.ReLU(), nn.Linear(hidden, 1)] if hidden else [nn.Linear(WIDTH, 1)]
    net = nn.Sequential(*layers)
    optim = make_optimizer(net, OptimRecipe(optimizer=optimizer, lr=lr, weight_decay=1e-4, momentum=0.9))
    used = np.ones(len(sets.y), bool) if keep is None else keep
    decks = [torch.from_numpy(np.flatnonzero(used & (sets.y.numpy() == label))) for label in (0, 1)]
    steps = EPOCHS * int(used.sum()) // batch
    dice = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optim.param_groups:
            group["lr"] = lr * one_cycle(step / steps, 0.1)
        rows = torch.cat([d[torch.randint(len(d), (batch // 2,), generator=dice)] for d in decks])
        rows = rows[torch.randperm(batch, generator=dice)]
        optim.zero_grad()
        for part in rows.split(PART):
            loss = functional.binary_cross_entropy_with_logits(
                net(sets.x[part])[:, 0], sets.y[part], reduction="sum"
            )
            (loss / batch).backward()
        optim.step()
    return net.eval()


def optimizers(sets: Sets) -> None:
    """Print LARS against Adam: mean AUC over sources on groups B, of the rate that is best on groups A."""
    print(
        "| batch | steps | optimizer | rate (chosen on A) | AUC on groups B, mean of seeds | lowest, highest |"
    )
    print("|---|---|---|---|---|---|")
    for batch in BATCHES:
        for name, rates in RATES.items():
            nets = {lr: [train(sets, 256, name, lr, batch, seed) for seed in range(SEEDS)] for lr in rates}
            chosen = {
                lr: np.mean([np.mean([*sets.aucs(n, "A").values()]) for n in own]) for lr, own in nets.items()
            }
            lr = max(chosen, key=lambda r: chosen[r])
            found = [np.mean([*sets.aucs(n, "B").values()]) for n in nets[lr]]
            tried = ", ".join(f"{r:g}" for r in rates)
            print(
                f"| {batch} | {EPOCHS * len(sets.y) // batch} | {name} | {lr:g} of {tried} "
                f"| {np.mean(found):.3f} | {min(found):.3f}, {max(found):.3f} |", flush=True,
            )  # fmt: skip


def probe(sets: Sets) -> None:
    """Print the linear probe: all sources learned, and each source of both classes left out."""
    net = train(sets, 0, "adam", 1e-3, 256, 0)
    seen = sets.aucs(net, "B")
    print("\n| source | learned from | AUC, source seen | AUC, source left out |\n|---|---|---|---|")
    for source, value in seen.items():
        keep = sets.source != source
        away = sets.aucs(train(sets, 0, "adam", 1e-3, 256, 0, keep), "B")[source]
        print(
            f"| {source} | {len(sets.y)} ({int(keep.sum())}) crops | {value:.3f} | {away:.3f} |", flush=True
        )


def main() -> None:
    """Read the folders and print both tables."""
    torch.set_num_threads(1)
    begun = time.process_time()
    sets = Sets(read_features([Path(folder) for folder in sys.argv[1:]]))
    chosen, shown = (len(sets.val[half][1]) for half in "AB")
    print(f"{len(sets.y)} training crops, {chosen} faces of groups A, {shown} of groups B\n")
    optimizers(sets)
    probe(sets)
    print(f"\n{time.process_time() - begun:.0f} s of one core")


if __name__ == "__main__":
    main()
