"""A classifier's recipe, read and checked: what its values must keep, beyond their types. Needs no torch."""

from __future__ import annotations

import math
from pathlib import Path

from fakeweb.errors import BadRecipe
from fakeweb.runtime import ENCODERS
from fakeweb.train.recipe import AugmentRecipe, OptimRecipe, Recipe, build_recipe

SCHEDULES = ("cosine", "step", "plateau", "constant")
BALANCES = ("even", "natural")
FREEZES = ("none", "backbone", "norm")
TUNES = ("all", "head", "norms", "lora")
HEADS = ("joint", "two-stage")
MASKS = ("pair", "parts", "whole", "file", "none")

_Rules = list[tuple[bool, str]]


def read_recipe(path: str | Path) -> Recipe:
    """Read and check a classifier's recipe.

    Raises:
        BadRecipe: Not there, not TOML, an unknown or missing key, or a value of the wrong type or range.
    """
    path = Path(path)
    recipe: Recipe = build_recipe(Recipe, path)
    check(recipe, path)
    return recipe


def check(recipe: Recipe, path: Path) -> None:
    """See whether every value lies where it may.

    Raises:
        BadRecipe: One does not; the message names it.
    """
    rules = (
        *_top_rules(recipe),
        *_net_rules(recipe),
        *_data_rules(recipe),
        *_optim_rules(recipe.optim),
        *_loss_rules(recipe),
        *_augment_rules(recipe.augment, recipe.data.margin),
    )
    for holds, message in rules:
        if not holds:
            raise BadRecipe(f"{path}: {message}", hint="see docs/guide/train.md")


def _choice(name: str, value: str, known: tuple[str, ...]) -> tuple[bool, str]:
    return value in known, f"{name} must be one of {', '.join(known)}, got {value!r}"


def _top_rules(recipe: Recipe) -> _Rules:
    calibration = recipe.calibration
    return [
        (recipe.name.replace("-", "").replace("_", "").isalnum(), "name must be letters, digits, - and _"),
        (bool(recipe.version.strip()), "version must not be empty"),
        (0 <= recipe.seed < 2**32, "seed must lie in [0, 2**32)"),
        (0 < calibration.false_alarms < 0.5, "calibration.false_alarms must lie in (0, 0.5)"),
        (0 <= calibration.missed < 1, "calibration.missed must lie in [0, 1)"),
        (0 <= calibration.min_face_px < math.inf, "calibration.min_face_px must be at least 0"),
        (
            len(calibration.second_look) in (0, 2)
            and all(0 < share < 1 for share in calibration.second_look),
            "calibration.second_look must be two shares in (0, 1), or empty",
        ),
    ]


def _net_rules(recipe: Recipe) -> _Rules:
    net, head = recipe.net, recipe.net.head
    plain = net.tune == "all" and not head.pooling and recipe.optim.heads == "joint"
    made = recipe.forge.share or recipe.evidence.weight or recipe.augment.zoom or recipe.loss.teacher
    side = ENCODERS[net.arch].side_px if net.arch in ENCODERS else 0
    return [
        _choice("net.tune", net.tune, TUNES),
        (net.tune == "all" or recipe.optim.freeze == "none", "net.tune and optim.freeze say the same twice"),
        (1 <= net.lora_rank <= 256, "net.lora_rank must lie in [1, 256]"),
        (0 < net.lora_alpha <= 1024, "net.lora_alpha must lie in (0, 1024]"),
        (all(1 <= width <= 65536 for width in head.hidden), "net.head.hidden must hold widths in [1, 65536]"),
        (0 <= head.dropout < 1, "net.head.dropout must lie in [0, 1)"),
        (1 <= net.views <= 100, "net.views must lie in [1, 100]"),
        (not net.frozen or side > 0, f"net.frozen takes one of {', '.join(ENCODERS)} as net.arch"),
        (not net.frozen or recipe.data.side_px == side, f"net.frozen needs data.side_px = {side}"),
        (not net.frozen or plain, "net.frozen takes no net.tune, net.head.pooling or optim.heads"),
        (
            not net.frozen or not made,
            "net.frozen takes no forge.share, evidence.weight, augment.zoom or loss.teacher",
        ),
    ]


def _data_rules(recipe: Recipe) -> _Rules:
    data, forge = recipe.data, recipe.forge
    folds = (name.replace("-", "").replace("_", "").isalnum() for name in data.folds)
    cached = data.cache_px == 0 or 32 <= data.cache_px <= 4096
    return [
        (16 <= data.side_px <= 1024, "data.side_px must lie in [16, 1024]"),
        (0 < data.margin <= 10, "data.margin must lie in (0, 10]"),
        (cached, "data.cache_px must be 0 or lie in [32, 4096]"),
        (all(folds), "names of data.folds must be letters, digits, - and _"),
        (all(0 <= v < math.inf for v in data.weights.values()), "data.weights must be at least 0"),
        *(_choice(f"data.masks.{source}", rule, MASKS) for source, rule in data.masks.items()),
        _choice("data.balance", data.balance, BALANCES),
        (data.balance == "even" or not forge.share, "forge.share needs data.balance = 'even'"),
        (0 <= forge.share <= 1, "forge.share must lie in [0, 1]"),
        (not forge.share or sum(forge.methods.values()) > 0, "forge.methods must name a method with a share"),
        (all(0 <= v < math.inf for v in forge.methods.values()), "forge.methods must be at least 0"),
        (
            not forge.share or data.cache_px > 0,
            "forge.share needs data.cache_px: forging works on kept regions",
        ),
    ]


def _optim_rules(optim: OptimRecipe) -> _Rules:
    return [
        (optim.epochs >= 0, "optim.epochs must be at least 0"),
        (optim.batch >= 2 and optim.batch % 2 == 0, "optim.batch must be even (half real, half fake)"),
        (optim.faces_per_epoch >= optim.batch, "optim.faces_per_epoch must hold at least one batch"),
        (
            optim.accumulate >= 1 and optim.batch % (2 * optim.accumulate) == 0,
            "optim.batch must be a multiple of 2 * optim.accumulate",
        ),
        (0 <= optim.source_power <= 1, "optim.source_power must lie in [0, 1]"),
        _choice("optim.schedule", optim.schedule, SCHEDULES),
        (0 < optim.gamma < 1, "optim.gamma must lie in (0, 1)"),
        (optim.every >= 1, "optim.every must be at least 1"),
        (0 < optim.layer_decay <= 1, "optim.layer_decay must lie in (0, 1]"),
        (optim.keep_top >= 0, "optim.keep_top must be at least 0"),
        _choice("optim.freeze", optim.freeze, FREEZES),
        _choice("optim.heads", optim.heads, HEADS),
        (optim.freeze_epochs >= 0, "optim.freeze_epochs must be at least 0"),
        # LARS scales its steps itself, and plain descent has large rates; the adaptive ones come apart far below 1
        (0 < optim.lr < (100 if optim.optimizer in ("sgd", "lars") else 1), "optim.lr must lie in (0, 1)"),
        (0 <= optim.warmup < 1, "optim.warmup must lie in [0, 1)"),
        (0 <= optim.weight_decay < math.inf, "optim.weight_decay must be at least 0"),
        (optim.clip > 0, "optim.clip must be greater than 0"),
        (0 <= optim.sam < math.inf, "optim.sam must be at least 0"),
        (0 <= optim.momentum < 1, "optim.momentum must lie in [0, 1)"),
        (0 < optim.trust < math.inf, "optim.trust must be greater than 0"),
        (0 <= optim.ema < 1, "optim.ema must lie in [0, 1)"),
        _choice("optim.choose", optim.choose, ("best", "last")),
        (
            optim.choose == "best" or optim.average_best == 1,
            "optim.average_best averages what optim.choose = 'best' ranks",
        ),
        (optim.average_best >= 1, "optim.average_best must be at least 1"),
        (0 <= optim.keep_start < 1, "optim.keep_start must lie in [0, 1)"),
        (optim.patience >= 0, "optim.patience must be at least 0"),
        (0 <= optim.kind_weight < math.inf, "optim.kind_weight must be at least 0"),
        (0 <= optim.label_smoothing < 0.5, "optim.label_smoothing must lie in [0, 0.5)"),
        (optim.checkpoint_s >= 0, "optim.checkpoint_s must be at least 0"),
    ]


def _loss_rules(recipe: Recipe) -> _Rules:
    loss, evidence = recipe.loss, recipe.evidence
    return [
        (0 <= loss.pair < math.inf, "loss.pair must be at least 0"),
        (0 < loss.distil <= 1, "loss.distil must lie in (0, 1]"),
        (0 <= evidence.weight < math.inf, "evidence.weight must be at least 0"),
        (evidence.stride in (4, 8, 16, 32), "evidence.stride must be 4, 8, 16 or 32"),
    ]  # fmt: skip


def _augment_rules(augment: AugmentRecipe, margin: float) -> _Rules:
    ranges = {
        "scale": augment.scale,
        "brightness": augment.brightness,
        "quality": augment.quality,
        "resize": augment.resize,
    }
    chances = ("flip", "flip_down", "encode", "shares", "down_up", "blur", "sharpen", "noise", "colour", "grey",
               "spare", "zoom", "rotate")  # fmt: skip
    farthest = margin * augment.scale[0] / 2  # beyond, a crop could miss its face and the picture
    return [
        *(
            (low <= high < math.inf, f"augment.{name} must be [low, high]")
            for name, (low, high) in ranges.items()
        ),
        *((0 <= getattr(augment, name) <= 1, f"augment.{name} must lie in [0, 1]") for name in chances),
        (augment.scale[0] > 0, "augment.scale must be greater than 0"),
        (augment.brightness[0] > 0, "augment.brightness must be greater than 0"),
        (augment.resize[0] > 0, "augment.resize must be greater than 0"),
        (augment.quality[0] >= 1 and augment.quality[1] <= 100, "augment.quality must lie in [1, 100]"),
        (0 <= augment.rotate_deg <= 180, "augment.rotate_deg must lie in [0, 180]"),
        (0 <= augment.shear_deg <= 45, "augment.shear_deg must lie in [0, 45]"),
        (0 <= augment.shift < farthest, "augment.shift must be less than data.margin * augment.scale[0] / 2"),
    ]
