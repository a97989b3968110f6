"""The finder's recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import build_recipe


@dataclass(frozen=True)
class TeacherRecipe:
    """Whose word counts.

    Attributes:
        layout: Name of the data set's layout.
        files: Label files that ``fakeweb label`` wrote, one per teacher, relative to the recipe; boxes and points
            are the first one's.
        agree: So many teachers must see a face; those seen by fewer are neither taught nor counted against.
        overlap: From this intersection over union on, two teachers mean the same face.
        side_px: Long side the pictures are kept at; faces are shrunk to at most half of it.
        licences: Licence per source, for the card.
    """

    files: tuple[str, ...] = ()
    layout: str = "index"
    agree: int = 2
    overlap: float = 0.35
    side_px: int = 448
    licences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SceneRecipe:
    """What the composed scenes look like.

    Attributes:
        side_px: Side of the square scenes.
        face_px: Smallest and largest width of a face.
        crowd, few, close: Shares of scenes with many small faces, with some, and with one that may fill the
            scene; the rest is empty.
        upright: Share of faces turned by at most ``tilt_deg``; the rest is turned by any angle.
        tilt_deg: See ``upright``.
        hidden: Probability that something lies over a part of a face.
        degrade: Probability of each of darkness, blur, noise, grey and shrinking.
        encode: Probability of JPEG.
    """

    side_px: int = 256
    face_px: tuple[float, float] = (10.0, 256.0)
    crowd: float = 0.35
    few: float = 0.35
    close: float = 0.15
    upright: float = 0.75
    tilt_deg: float = 45.0
    hidden: float = 0.2
    degrade: float = 0.2
    encode: float = 0.7


@dataclass(frozen=True)
class FinderOptimRecipe:
    """How to train.

    Attributes:
        epochs: Validations; the averaged weights of the last are exported.
        scenes_per_epoch: Scenes between two validations.
        batch: Scenes per step.
        lr, warmup, weight_decay, clip, ema, bf16, checkpoint_s: As in a classifier's recipe.
    """

    epochs: int = 20
    scenes_per_epoch: int = 16_000
    batch: int = 32
    lr: float = 3e-3
    warmup: float = 0.03
    weight_decay: float = 0.01
    clip: float = 5.0
    ema: float = 0.999
    bf16: bool = True
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class FinderRecipe:
    """A whole recipe; ``docs/guide/train.md`` walks through one.

    Attributes:
        task: ``finder``.
        name, version, title, licence, limits, seed: As in a classifier's recipe.
        false_alarms: False proposals per 100 megapixels without a face; the threshold of the card allows no more on
            validation groups A.
    """

    task: str
    name: str
    version: str
    title: str
    licence: str = "as the licences of the training data allow"
    limits: tuple[str, ...] = ()
    seed: int = 0
    false_alarms: float = 1.0
    data: TeacherRecipe = field(default_factory=TeacherRecipe)
    scene: SceneRecipe = field(default_factory=SceneRecipe)
    optim: FinderOptimRecipe = field(default_factory=FinderOptimRecipe)


def read_finder_recipe(path: Path) -> FinderRecipe:
    """Read and check a recipe with ``task = "finder"``.

    Raises:
        BadRecipe: See :func:`fakeweb.train.rules.read_recipe`.
    """
    recipe: FinderRecipe = build_recipe(FinderRecipe, path)
    scene, optim, data = recipe.scene, recipe.optim, recipe.data
    rules = [
        (len(data.files) >= data.agree >= 1, "data.files must name at least data.agree files"),
        (scene.side_px % 32 == 0 and scene.side_px >= 64, "scene.side_px must be a multiple of 32, from 64"),
        (4 <= scene.face_px[0] < scene.face_px[1], "scene.face_px must be [low, high], low from 4"),
        (min(scene.crowd, scene.few, scene.close) >= 0, "scene.crowd, few and close must be at least 0"),
        (scene.crowd + scene.few + scene.close <= 1, "scene.crowd, few and close may sum to at most 1"),
        (optim.epochs >= 1 and optim.batch >= 1, "optim.epochs and optim.batch must be at least 1"),
        (optim.scenes_per_epoch >= optim.batch, "optim.scenes_per_epoch must hold at least one batch"),
        (0 < optim.lr < 1 and 0 <= optim.warmup < 1, "optim.lr and optim.warmup must lie below 1"),
    ]
    for holds, message in rules:
        if not holds:
            raise BadRecipe(f"{path}: {message}", hint="see docs/guide/train.md")
    return recipe
