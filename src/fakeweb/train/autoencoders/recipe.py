"""Recipes with ``task = "autoencoder"``. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import build_recipe

UPSAMPLER_NAMES = ("transposed", "nearest", "bilinear", "shuffle")


@dataclass(frozen=True)
class PatchRecipe:
    """What to learn from.

    Attributes:
        layout: Name of a data set layout; of its samples only real ones of the split ``train`` are learned from, and
            real ones of ``val`` measured on.
        sources: Sources to use; empty: all.
        pictures: At most this many, drawn by the seed.
        side_px: Side of the square patches.
        licences: Licence per source, for the card.
    """

    layout: str = "index"
    sources: tuple[str, ...] = ()
    pictures: int = 2000
    side_px: int = 64
    licences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FitRecipe:
    """How to learn: AdamW, one cycle.

    Attributes:
        steps: Steps per network.
        batch: Patches per step.
        lr: Peak rate.
        gradients: Weight of the loss on differences between neighbours.
        bf16: Compute in bfloat16.
        checkpoint_s: Seconds between checkpoints.
    """

    steps: int = 2000
    batch: int = 16
    lr: float = 2e-3
    gradients: float = 0.5
    bf16: bool = True
    checkpoint_s: float = 60.0


@dataclass(frozen=True)
class AutoencoderRecipe:
    """A whole recipe.

    Attributes:
        task: Always ``autoencoder``.
        name: The files are ``<name>-<upsampler>.onnx`` and ``.json``.
        version: Version of all of them.
        title: One sentence for the cards.
        licence: What the weights may be used for.
        upsamplers: One network for each.
        width, code: See :class:`fakeweb.train.autoencoders.net.Autoencoder`.
        seed: All randomness follows from it.
    """

    name: str
    version: str
    title: str
    task: str = "autoencoder"
    licence: str = "as the licences of the training data allow"
    upsamplers: tuple[str, ...] = UPSAMPLER_NAMES
    width: int = 20
    code: int = 10
    seed: int = 0
    data: PatchRecipe = field(default_factory=PatchRecipe)
    optim: FitRecipe = field(default_factory=FitRecipe)


def read_autoencoder_recipe(path: Path) -> AutoencoderRecipe:
    """Read and check a recipe whose ``task`` is ``autoencoder``.

    Raises:
        BadRecipe: Not TOML, an unknown or missing key, or a value of the wrong type or range.
    """
    recipe: AutoencoderRecipe = build_recipe(AutoencoderRecipe, path)
    for holds, message in _rules(recipe):
        if not holds:
            raise BadRecipe(f"{path}: {message}", hint="see docs/guide/forge.md")
    return recipe


def _rules(recipe: AutoencoderRecipe) -> list[tuple[bool, str]]:
    data, optim = recipe.data, recipe.optim
    unknown = sorted(set(recipe.upsamplers) - set(UPSAMPLER_NAMES))
    return [
        (recipe.task == "autoencoder", f"task must be 'autoencoder', got {recipe.task!r}"),
        (recipe.name.replace("-", "").replace("_", "").isalnum(), "name must be letters, digits, - and _"),
        (bool(recipe.upsamplers) and not unknown, f"upsamplers must be out of {', '.join(UPSAMPLER_NAMES)}"),
        (1 <= recipe.width <= 128 and 1 <= recipe.code <= 48, "width lies in [1, 128], code in [1, 48]"),
        (0 <= recipe.seed < 2**32, "seed must lie in [0, 2**32)"),
        (data.pictures >= 1, "data.pictures must be at least 1"),
        (16 <= data.side_px <= 512 and data.side_px % 4 == 0, "data.side_px: a multiple of 4 in [16, 512]"),
        (optim.steps >= 1 and optim.batch >= 1, "optim.steps and optim.batch must be at least 1"),
        (0 < optim.lr < 1, "optim.lr must lie in (0, 1)"),
        (0 <= optim.gradients < 100, "optim.gradients must lie in [0, 100)"),
        (optim.checkpoint_s >= 0, "optim.checkpoint_s must be at least 0"),
    ]
