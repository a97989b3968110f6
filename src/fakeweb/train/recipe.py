"""Training recipes: TOML into strict dataclasses. Needs no torch."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakeweb.errors import BadRecipe


@dataclass(frozen=True)
class DataRecipe:
    """What to train on.

    Attributes:
        layout: Name of a data set layout.
        finder: Name of the face finder that says where the training faces are.
        margin: See :func:`fakeweb.faces.align.align`.
        side_px: Side of the network's input.
        skip_sources: Sources to leave out altogether.
        people: Lists of persons to regroup by: names, such as ``ciplab``, or CSV files.
        options: Options of the layout, such as ``compressions = ["c40"]``.
        licences: Licence per source, for the card.
    """

    layout: str = "index"
    finder: str = "haar"
    margin: float = 1.1
    side_px: int = 160
    skip_sources: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimRecipe:
    """How to train.

    Attributes:
        epochs: Passes of ``faces_per_epoch`` faces.
        faces_per_epoch: Half of them fake, drawn from each source by the power ``source_power`` of its size.
        source_power: 1 follows the sizes, 0 makes sources equal.
        batch: Faces per step.
        lr, warmup, weight_decay, clip: One-cycle AdamW: peak rate, share of the steps that warm up, decay,
            largest gradient norm.
        ema: Decay of the averaged weights that are validated and exported.
        kind_weight: Weight of the manipulation-kind loss beside the real-or-fake loss.
        label_smoothing: Towards even odds, against wrong labels.
        bf16: Compute in bfloat16 where the device can.
        checkpoint_s: Seconds between checkpoints.
    """

    epochs: int = 10
    faces_per_epoch: int = 16_000
    source_power: float = 0.5
    batch: int = 32
    lr: float = 2e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.998
    kind_weight: float = 0.3
    label_smoothing: float = 0.02
    bf16: bool = True
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class AugmentRecipe:
    """Shared degradation, the same for every class and source. Each value is a probability or a range.

    Attributes:
        flip: Probability of mirroring left to right.
        shift: Largest shift of the box over its side.
        scale: Range of the crop's side over the plain one.
        rotate_deg: Largest rotation.
        encode: Probability of each of two re-encodings (JPEG or WebP).
        quality: Range of their quality.
        resize: Range of the side the crop is resized to before the first re-encoding, over ``side_px``.
        blur, sharpen, noise, colour, grey: Probabilities.
    """

    flip: float = 0.5
    shift: float = 0.06
    scale: tuple[float, float] = (0.9, 1.25)
    rotate_deg: float = 10.0
    encode: float = 0.6
    quality: tuple[int, int] = (35, 95)
    resize: tuple[float, float] = (0.5, 1.6)
    blur: float = 0.2
    sharpen: float = 0.15
    noise: float = 0.2
    colour: float = 0.5
    grey: float = 0.07


@dataclass(frozen=True)
class CalibrationRecipe:
    """How the card's numbers are chosen on validation groups A.

    Attributes:
        false_alarms: Largest share of real faces called fake.
        missed: Largest share of fakes called real.
        min_face_px: Narrower faces are reported as too small.
    """

    false_alarms: float = 0.02
    missed: float = 0.1
    min_face_px: float = 48.0


@dataclass(frozen=True)
class Recipe:
    """A whole recipe; ``docs/guide/train.md`` walks through one.

    Attributes:
        name, version: Name of the exported model and its version; its reference is ``name@version``.
        title: One sentence for the card.
        licence: What the trained weights may be used for, for the card.
        limits: Where the model fails, one sentence each, for the card.
        net: Name of a network, with an optional argument after a colon (``timm:resnet50``).
        seed: All randomness follows from it.
    """

    name: str
    version: str
    title: str
    licence: str = "as the licences of the training data allow"
    limits: tuple[str, ...] = ()
    net: str = "mobilenet_v2"
    seed: int = 0
    data: DataRecipe = field(default_factory=DataRecipe)
    optim: OptimRecipe = field(default_factory=OptimRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    calibration: CalibrationRecipe = field(default_factory=CalibrationRecipe)


def read_recipe(path: str | Path) -> Recipe:
    """Read and check a classifier's recipe.

    Raises:
        BadRecipe: Not there, not TOML, an unknown or missing key, or a value of the wrong type or range.
    """
    path = Path(path)
    recipe: Recipe = build_recipe(Recipe, path)
    _check(recipe, path)
    return recipe


def task_of(path: str | Path) -> str:
    """Return what a recipe trains: its ``task``, ``classifier`` where it names none.

    Raises:
        BadRecipe: Not there or not TOML.
    """
    return str(_read_toml(Path(path)).get("task", "classifier"))


def build_recipe(cls: type, path: Path) -> Any:
    """Read a recipe into its dataclass; the caller checks the ranges.

    Raises:
        BadRecipe: Not there, not TOML, an unknown or missing key, or a value of the wrong type.
    """
    return _build(cls, _read_toml(path), f"{path}: ", "")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecipe(
            f"cannot read the recipe {path}: {error.strerror}", hint="recipes lie in recipes/"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path} is not TOML: {error}", hint="see docs/guide/train.md") from error


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain values, for checkpoints and cards."""
    return dataclasses.asdict(recipe)


_WORDS = {
    bool: "true or false",
    dict: "a table",
    float: "a number",
    int: "a whole number",
    str: "a string",
    tuple: "a list",
}


def _build(cls: type, data: dict[str, Any], where: str, prefix: str) -> Any:
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in dataclasses.fields(cls)}
    unknown = sorted(set(data) - set(known))
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        guess = f"did you mean '{near[0]}'? " if near else ""
        raise BadRecipe(
            f"{where}unknown key '{prefix}{unknown[0]}'", hint=f"{guess}known here: {', '.join(known)}"
        )
    missing = [n for n, f in known.items() if n not in data and _no_default(f)]
    if missing:
        raise BadRecipe(f"{where}'{prefix}{missing[0]}' is missing", hint="see docs/guide/train.md")
    return cls(**{k: _convert(hints[k], v, where, f"{prefix}{k}") for k, v in data.items()})


def _no_default(field_: dataclasses.Field[Any]) -> bool:
    return field_.default is dataclasses.MISSING and field_.default_factory is dataclasses.MISSING


def _convert(hint: Any, value: Any, where: str, key: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise BadRecipe(f"{where}{key} must be a table", hint="write it as [section]")
        return _build(hint, value, where, f"{key}.")
    if hint is Any:  # options of a layout, which checks them itself
        return value
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, list):
        inner = [args[0]] * len(value) if len(args) == 2 and args[1] is Ellipsis else list(args)
        if len(inner) != len(value):
            raise BadRecipe(
                f"{where}{key} needs {len(inner)} values, got {len(value)}", hint="a range is [low, high]"
            )
        return tuple(_convert(h, v, where, key) for h, v in zip(inner, value, strict=True))
    if origin is dict and isinstance(value, dict):
        return {k: _convert(args[1], v, where, f"{key}.{k}") for k, v in value.items()}
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise BadRecipe(
            f"{where}{key} must be {_WORDS[origin or hint]}, got {value!r}", hint="see docs/guide/train.md"
        )
    return value


def _check(recipe: Recipe, path: Path) -> None:
    for holds, message in (*_top_rules(recipe), *_optim_rules(recipe.optim), *_augment_rules(recipe)):
        if not holds:
            raise BadRecipe(f"{path}: {message}", hint="see docs/guide/train.md")


_Rules = list[tuple[bool, str]]


def _top_rules(recipe: Recipe) -> _Rules:
    data, calibration = recipe.data, recipe.calibration
    return [
        (recipe.name.replace("-", "").replace("_", "").isalnum(), "name must be letters, digits, - and _"),
        (bool(recipe.version.strip()), "version must not be empty"),
        (0 <= recipe.seed < 2**32, "seed must lie in [0, 2**32)"),
        (16 <= data.side_px <= 1024, "data.side_px must lie in [16, 1024]"),
        (0 < data.margin <= 10, "data.margin must lie in (0, 10]"),
        (0 < calibration.false_alarms < 0.5, "calibration.false_alarms must lie in (0, 0.5)"),
        (0 <= calibration.missed < 1, "calibration.missed must lie in [0, 1)"),
        (0 <= calibration.min_face_px < math.inf, "calibration.min_face_px must be at least 0"),
    ]


def _optim_rules(optim: OptimRecipe) -> _Rules:
    return [
        (optim.epochs >= 1, "optim.epochs must be at least 1"),
        (optim.batch >= 2 and optim.batch % 2 == 0, "optim.batch must be even (half real, half fake)"),
        (optim.faces_per_epoch >= optim.batch, "optim.faces_per_epoch must hold at least one batch"),
        (0 <= optim.source_power <= 1, "optim.source_power must lie in [0, 1]"),
        (0 < optim.lr < 1, "optim.lr must lie in (0, 1)"),
        (0 <= optim.warmup < 1, "optim.warmup must lie in [0, 1)"),
        (0 <= optim.weight_decay < math.inf, "optim.weight_decay must be at least 0"),
        (optim.clip > 0, "optim.clip must be greater than 0"),
        (0 <= optim.ema < 1, "optim.ema must lie in [0, 1)"),
        (0 <= optim.kind_weight < math.inf, "optim.kind_weight must be at least 0"),
        (0 <= optim.label_smoothing < 0.5, "optim.label_smoothing must lie in [0, 0.5)"),
        (optim.checkpoint_s >= 0, "optim.checkpoint_s must be at least 0"),
    ]


def _augment_rules(recipe: Recipe) -> _Rules:
    augment = recipe.augment
    ranges = {"scale": augment.scale, "quality": augment.quality, "resize": augment.resize}
    chances = ("flip", "encode", "blur", "sharpen", "noise", "colour", "grey")
    farthest = recipe.data.margin * augment.scale[0] / 2  # beyond, a crop could miss its face and the picture
    return [
        *(
            (low <= high < math.inf, f"augment.{name} must be [low, high]")
            for name, (low, high) in ranges.items()
        ),
        *((0 <= getattr(augment, name) <= 1, f"augment.{name} must lie in [0, 1]") for name in chances),
        (augment.scale[0] > 0, "augment.scale must be greater than 0"),
        (augment.resize[0] > 0, "augment.resize must be greater than 0"),
        (augment.quality[0] >= 1 and augment.quality[1] <= 100, "augment.quality must lie in [1, 100]"),
        (0 <= augment.rotate_deg <= 180, "augment.rotate_deg must lie in [0, 180]"),
        (0 <= augment.shift < farthest, "augment.shift must be less than data.margin * augment.scale[0] / 2"),
    ]
