"""The recipe of a content classifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import AugmentRecipe, HeadRecipe, build_recipe
from fakeweb.types import CONTENTS


@dataclass(frozen=True)
class PicturesRecipe:
    """What to learn from.

    Attributes:
        classes: Folders of each class below the data set's root, by the paths of its index; each counts alike. Fakes in
            them are left out.
        layout: Name of the data set's layout.
        extra_roots: Further data sets of the same layout; a relative path counts from the first.
        side_px: Side of the network's input, to which the whole picture is brought.
        alike_px: Longer side that every picture is shrunk to first and encoded at, so that no class has more detail.
        drawn: Share of ``other`` that is drawn: screens, pages, charts, plain colours.
        licences: Licence per source, for the card.
    """

    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    layout: str = "index"
    extra_roots: tuple[str, ...] = ()
    side_px: int = 128
    alike_px: int = 192
    drawn: float = 0.15
    licences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewRecipe:
    """How a picture may reach us, besides what faces go through (``[augment]``).

    Attributes:
        plain: Share of the pictures that are shown as they are.
        part: Least share of the area that a crop keeps.
        aspect: Most that a crop's sides are stretched against each other.
        scene: Probability that it is shown small on a picture of the class ``other``, its rim faded; not of that class
            itself.
        turned: Probability of a quarter turn.
        screen: Probability that it is shown on a drawn screen.
        drawing: Probability that it is turned into a drawing.
    """

    plain: float = 0.3
    part: float = 0.4
    aspect: float = 1.5
    scene: float = 0.25
    turned: float = 0.1
    screen: float = 0.12
    drawing: float = 0.12


@dataclass(frozen=True)
class ContentOptim:
    """How to train; as in a classifier's recipe.

    Attributes:
        epochs: Validations; the averaged weights of the last are exported, no epoch is chosen.
        pictures_per_epoch: Between two validations, as many of each class.
        tune: ``all`` of the network learns, or the new last layers alone (``head``): then all epochs see the pictures
            of the first, whose features are computed once.
        batch, lr, warmup, weight_decay, clip, ema, bf16, checkpoint_s: See
            :class:`fakeweb.train.recipe.OptimRecipe`.
        label_smoothing: Share of the label that is spread over all classes.
        least_p: For the card: where no class is as probable, the answer is ``uncertain``.
    """

    epochs: int = 6
    pictures_per_epoch: int = 2400
    tune: str = "all"
    batch: int = 32
    lr: float = 2e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.99
    bf16: bool = True
    checkpoint_s: float = 120.0
    label_smoothing: float = 0.05
    least_p: float = 0.6


@dataclass(frozen=True)
class ContentRecipe:
    """A whole recipe; ``docs/reference/content.md`` walks through the shipped one.

    Attributes:
        task: ``content``.
        name, version, title, licence, limits, seed: As in a classifier's recipe.
        net: Name of a network, such as ``mobilenet_v2`` or ``timm:xception``.
        head: Its last layers, which are new.
    """

    task: str
    name: str
    version: str
    title: str
    licence: str = "as the licences of the training data allow"
    limits: tuple[str, ...] = ()
    seed: int = 0
    net: str = "mobilenet_v2"
    head: HeadRecipe = field(default_factory=HeadRecipe)
    data: PicturesRecipe = field(default_factory=PicturesRecipe)
    view: ViewRecipe = field(default_factory=ViewRecipe)
    optim: ContentOptim = field(default_factory=ContentOptim)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)


def read_content_recipe(path: Path) -> ContentRecipe:
    """Read and check a recipe with ``task = "content"``.

    Raises:
        BadRecipe: See :func:`fakeweb.train.rules.read_recipe`.
    """
    recipe: ContentRecipe = build_recipe(ContentRecipe, path)
    data, view, optim = recipe.data, recipe.view, recipe.optim
    shares = (
        data.drawn,
        view.plain,
        view.scene,
        view.turned,
        view.screen,
        view.drawing,
        optim.label_smoothing,
        optim.least_p,
    )
    rules = [
        (set(data.classes) <= set(CONTENTS), f"data.classes may name {', '.join(CONTENTS)}"),
        (len(data.classes) >= 2, "data.classes must name at least two classes"),
        (all(data.classes.values()), "data.classes must name a folder of each class"),
        (32 <= data.side_px <= data.alike_px <= 1024, "data.side_px must lie in [32, data.alike_px]"),
        (all(0 <= share < 1 for share in shares), "shares and probabilities must lie in [0, 1)"),
        (0 < view.part <= 1 <= view.aspect <= 4, "view.part must lie in (0, 1], view.aspect in [1, 4]"),
        (optim.tune in ("all", "head"), "optim.tune must be all or head"),
        (optim.epochs >= 1 and optim.batch >= 2, "optim.epochs must be at least 1, optim.batch 2"),
        (optim.pictures_per_epoch >= optim.batch, "optim.pictures_per_epoch must hold at least one batch"),
        (0 < optim.lr < 1 and 0 <= optim.warmup < 1, "optim.lr and optim.warmup must lie below 1"),
    ]
    for holds, message in rules:
        if not holds:
            raise BadRecipe(f"{path}: {message}", hint="see docs/reference/content.md")
    return recipe
