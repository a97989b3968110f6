"""What a training step costs on one core: preparing faces, forging, computing. CPU time, best of several, one thread.

    .venv/bin/python benchmarks/train_speed.py recipes/fast.toml --data DATA --cache runs/cache \
        --finder-model DATA/teachers/yunet_n_640_640.onnx

All variants are measured in turns within one run, so that their ratios hold on a busy machine too.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench import arguments
from fakeweb.train.classifier.corpus import gather
from fakeweb.train.classifier.heads import build_net, outputs_of
from fakeweb.train.classifier.loader import FaceDataset
from fakeweb.train.classifier.plan import Pick
from fakeweb.train.rules import read_recipe

ROUNDS = 3


def best_of(variants: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Return the least CPU seconds of each variant, measured in turns."""
    found = dict.fromkeys(variants, np.inf)
    for _ in range(ROUNDS):
        for name, work in variants.items():
            begun = time.process_time()
            work()
            found[name] = min(found[name], time.process_time() - begun)
    return found


def stepping(net: nn.Module, side_px: int, batch: int, *, bf16: bool) -> Callable[[], None]:
    """Return a forward and backward pass."""
    pixels = torch.randint(0, 256, (batch, side_px, side_px, 3), dtype=torch.uint8)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            said = outputs_of(net, pixels.permute(0, 3, 1, 2).float())
        said.logits.float().square().mean().backward()
        net.zero_grad(set_to_none=True)

    return step


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__, "--finder-model of a finder that needs one", "--mesher-model likewise")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = read_recipe(options.recipe)
    options.cache.mkdir(parents=True, exist_ok=True)
    corpus = gather(recipe, options.data, options.cache, options.cache, options.finder_model,
                    options.mesher_model, lambda _: None, first=False)  # fmt: skip
    rng = np.random.default_rng(0)
    train = corpus.split["train"]
    faces = [train[i] for i in rng.permutation(len(train))[: options.faces]]
    picks = [Pick(i, (1, i)) for i in range(len(faces))]
    plain = dataclasses.replace(recipe, evidence=dataclasses.replace(recipe.evidence, weight=0.0))
    sets = {"opened": FaceDataset(faces, plain)}
    if corpus.regions is not None:
        sets["kept"] = FaceDataset(faces, plain, None, corpus.regions, corpus.places_of(faces))
        sets["kept, with masks"] = FaceDataset(faces, recipe, None, corpus.regions, corpus.places_of(faces))
    spent = best_of({name: lambda s=s: [s[p] for p in picks] and None for name, s in sets.items()})
    print(f"{len(faces)} training faces, crops of {recipe.data.side_px} px, one core")
    for name, seconds in spent.items():
        ratio = spent["opened"] / seconds
        print(f"  prepared, {name:17s} {1000 * seconds / len(faces):6.2f} ms a face, x {ratio:.2f}")
    batch = recipe.optim.batch
    nets = {
        f"{kind}, {layout}": stepping(
            build_net(recipe, None).train().to(memory_format=getattr(torch, layout)),
            recipe.data.side_px, batch, bf16=kind == "bf16",
        )
        for kind in ("fp32", "bf16")
        for layout in ("contiguous_format", "channels_last")
    }  # fmt: skip
    spent = best_of(nets)
    first = spent["fp32, contiguous_format"]
    for name, seconds in spent.items():
        print(f"  computed, {name:44s} {1000 * seconds / batch:6.2f} ms a face, x {first / seconds:.2f}")


if __name__ == "__main__":
    main()
