"""The mesh's recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import build_recipe


@dataclass(frozen=True)
class MeshDataRecipe:
    """What to learn from.

    Attributes:
        layout: Name of the data set's layout.
        labels: File that :func:`fakeweb.train.mesh.label.label_meshes` wrote, relative to the recipe.
        min_face_px: Narrower faces are left out: the teacher guesses there.
        max_doubt: So far may the teacher's two looks lie apart, over the distance of the outer eye corners.
        cache_px: Side of the squares kept on disk, in the folder of the training.
        reach: Side of such a square over the longer side of the face's box.
        alarms: So many mosaics of pictures without a face are searched by our own finder, the one that ships; what it
            takes for faces teaches the presence score. 0: none.
        source_power: A source's share follows this power of its size.
        licences: Licence per source, for the card.
    """

    labels: str
    layout: str = "index"
    min_face_px: float = 40.0
    max_doubt: float = 0.1
    cache_px: int = 224
    reach: float = 2.0
    alarms: int = 0
    source_power: float = 0.6
    licences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SquareRecipe:
    """What the network is given, in training and use.

    Attributes:
        side_px: Side of the square.
        margin: Side of the square over the longer side of the face's box.
    """

    side_px: int = 128
    margin: float = 1.5


@dataclass(frozen=True)
class MeshAugmentRecipe:
    """How squares vary. Shares and probabilities lie in [0, 1].

    Attributes:
        empty: Share of squares without a face in its place.
        alarm: Share of those that a finder took for a face.
        printed: Share of the faces shown as a print, on a screen or on cloth.
        shift: Usual largest shift over the box's longer side; one square in five goes twice as far.
        scale: Usual largest change of the square's side; one in five goes twice as far.
        tilt_deg: Usual spread of the remaining roll; one in four is turned by up to ``turn_deg``.
        turn_deg: See ``tilt_deg``.
        small: Probability of a small face enlarged.
        encode, colour, dark, grey, blur, noise, light, hidden: Probabilities.
    """

    empty: float = 0.22
    alarm: float = 0.1
    printed: float = 0.2
    shift: float = 0.08
    scale: float = 0.15
    tilt_deg: float = 6.0
    turn_deg: float = 45.0
    small: float = 0.25
    encode: float = 0.3
    colour: float = 0.5
    dark: float = 0.1
    grey: float = 0.1
    blur: float = 0.15
    noise: float = 0.2
    light: float = 0.15
    hidden: float = 0.15


@dataclass(frozen=True)
class MeshOptimRecipe:
    """How to train.

    Attributes:
        epochs: Validations.
        squares_per_epoch: Squares between two validations.
        batch: Squares per step.
        depth_weight: Weight of z beside x and y.
        presence_weight, printed_weight: Weights of the two questions beside the mesh.
        lr, warmup, weight_decay, clip, ema, bf16, checkpoint_s: As in a classifier's recipe.
    """

    epochs: int = 20
    squares_per_epoch: int = 32_000
    batch: int = 64
    depth_weight: float = 0.3
    presence_weight: float = 0.05
    printed_weight: float = 0.03
    lr: float = 2e-3
    warmup: float = 0.05
    weight_decay: float = 0.02
    clip: float = 2.0
    ema: float = 0.999
    bf16: bool = True
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class MeshRecipe:
    """A whole recipe; ``docs/guide/mesh.md`` walks through it.

    Attributes:
        task: ``mesh``.
        name, version, title, licence, limits, seed: As in a classifier's recipe.
    """

    task: str
    name: str
    version: str
    title: str
    data: MeshDataRecipe
    licence: str = "as the licences of the training data allow"
    limits: tuple[str, ...] = ()
    seed: int = 0
    square: SquareRecipe = field(default_factory=SquareRecipe)
    augment: MeshAugmentRecipe = field(default_factory=MeshAugmentRecipe)
    optim: MeshOptimRecipe = field(default_factory=MeshOptimRecipe)


def read_mesh_recipe(path: Path) -> MeshRecipe:
    """Read and check a recipe with ``task = "mesh"``.

    Raises:
        BadRecipe: See :func:`fakeweb.train.rules.read_recipe`.
    """
    recipe: MeshRecipe = build_recipe(MeshRecipe, path)
    data, square, augment, optim = recipe.data, recipe.square, recipe.augment, recipe.optim
    shares = (
        "empty",
        "alarm",
        "printed",
        "small",
        "encode",
        "colour",
        "dark",
        "grey",
        "blur",
        "noise",
        "light",
        "hidden",
    )
    rules = [
        (square.side_px % 16 == 0 and 32 <= square.side_px <= 512, "square.side_px must be 32 to 512, in steps of 16"),
        (0.5 <= square.margin <= data.reach <= 10, "square.margin must lie in [0.5, data.reach], reach up to 10"),
        (32 <= data.cache_px <= 1024, "data.cache_px must lie in [32, 1024]"),
        (data.max_doubt > 0 and data.min_face_px > 0, "data.max_doubt and min_face_px must be greater than 0"),
        (0 <= data.source_power <= 1, "data.source_power must lie in [0, 1]"),
        *((0 <= getattr(augment, name) <= 1, f"augment.{name} must lie in [0, 1]") for name in shares),
        (0 <= augment.shift < 0.25 and 0 <= augment.scale < 0.4, "augment.shift and scale must lie below 0.25 and 0.4"),
        (0 <= augment.tilt_deg <= 90 and 0 <= augment.turn_deg <= 180, "augment.tilt_deg and turn_deg are degrees"),
        (optim.epochs >= 1 and optim.batch >= 2, "optim.epochs must be at least 1, batch at least 2"),
        (optim.squares_per_epoch >= optim.batch, "optim.squares_per_epoch must hold at least one batch"),
        (0 < optim.lr < 1 and 0 <= optim.warmup < 1, "optim.lr and optim.warmup must lie below 1"),
        (0 <= optim.ema < 1 and optim.clip > 0, "optim.ema must lie in [0, 1), clip above 0"),
    ]  # fmt: skip
    for holds, message in rules:
        if not holds:
            raise BadRecipe(f"{path}: {message}", hint="see docs/guide/mesh.md")
    return recipe
