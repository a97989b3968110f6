"""Training recipes: TOML into strict dataclasses. Needs no torch."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fakeweb.errors import BadRecipe
from fakeweb.train.tables import read_table


@dataclass(frozen=True)
class DataRecipe:
    """What to train on.

    Attributes:
        layout: Name of a data set layout.
        finder: Name of the face finder that says where the training faces are.
        mesher: Name of the mesher whose mesh places the crops, as in use; empty: the finder's boxes do.
        margin: See :func:`fakeweb.faces.align.align`.
        side_px: Side of the network's input.
        skip_sources: Sources to leave out altogether.
        held_out: Sources, or ``SOURCE/real`` and ``SOURCE/fake``, that are only measured, at the end.
        folds: Named lists for ``held_out``, one of which ``fakeweb train --fold`` takes.
        extra_roots: Further data sets of the same layout; a relative path counts from the first.
        weights: Factors on the shares of sources, or of ``SOURCE/real``, ``SOURCE/fake`` and ``SOURCE/forged``, besides
            ``optim.source_power``. Reals that stand beside a fake of their group follow that fake's share.
        cache_px: Longest side of the region around each face that is kept decoded; 0 decodes each time.
        masks: Per source, where its fakes were touched: ``pair``, ``parts``, ``whole``, ``file`` or ``none``;
            see :mod:`fakeweb.train.classifier.masks`.
        balance: ``even``: half of each batch is fake; ``natural``: as many as among the training faces.
        drop_untouched: Leave out training fakes whose mask by ``pair`` is empty: the label is wrong there.
        people: Lists of persons to regroup by: names, such as ``ciplab``, or CSV files.
        allow_conflicts: Go on where a picture is labelled both real and fake; of one file the first label counts.
        options: Options of the layout, such as ``compressions = ["c40"]``.
        licences: Licence per source, for the card.
    """

    layout: str = "index"
    finder: str = "haar"
    mesher: str = ""
    margin: float = 1.1
    side_px: int = 160
    skip_sources: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    folds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    extra_roots: tuple[str, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    cache_px: int = 0
    masks: dict[str, str] = field(default_factory=dict)
    balance: str = "even"
    drop_untouched: bool = False
    people: tuple[str, ...] = ()
    allow_conflicts: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimRecipe:
    """How to train.

    Attributes:
        epochs: Passes of ``faces_per_epoch`` faces; 0 only calibrates, measures and exports what ``--weights`` gave.
        faces_per_epoch: Half of them fake (see ``data.balance``), drawn from each source by the power ``source_power``
            of its size.
        source_power: 1 follows the sizes, 0 makes sources equal.
        batch: Faces per step, over all processes.
        accumulate: Parts that a process takes its faces of a step in, to need less memory.
        optimizer: ``adamw``, ``adam``, ``sgd``, ``lars``, or another name of timm's, such as ``rmsprop`` or ``lamb``.
        lr, warmup, weight_decay, clip: Peak rate, share of the steps that warm up, decay, largest gradient norm.
        schedule: The rate after the warm-up: ``cosine`` falls by a half cosine to 0, ``step`` by ``gamma`` every
            ``every`` epochs, ``plateau`` by ``gamma`` after so many epochs without a better score, ``constant`` stays.
        gamma, every: Of ``step`` and ``plateau``.
        layer_decay: Factor on the rate from each layer to the one before it, counted by timm; 1: none.
        sam: Sharpness-aware minimisation (Foret et al., ICLR 2021): how far the weights go uphill, as a length, before
            each step's gradient is taken; twice the time per step. 0: not.
        momentum: Of ``sgd``, ``lars`` and timm's that have one.
        trust: Of ``lars``: the coefficient eta of You et al., 2017.
        freeze: ``none``; ``backbone`` trains the new layers only; ``norm`` keeps the normalisation as loaded.
        freeze_epochs: Epochs after which nothing is frozen any more; 0: never.
        heads: ``joint``: one network says fake and which kind; ``two-stage``: one says fake, another which kind.
        ema: Decay of the averaged weights that are validated and exported.
        choose: ``best`` exports the epoch with the highest score on groups A, ``last`` the last one, where groups
            A show other fakes than they learn from.
        keep_top: The weights of so many of the best epochs are kept as ``epoch-0001.npz`` and so on.
        average_best: So many of the best epochs are averaged at the end, if that is better than the best alone.
        keep_start: Share of the weights it started from in what is exported, so that less of what they knew is lost
            (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
        patience: Epochs without a better score after which the training ends; 0: none.
        kind_weight: Weight of the manipulation-kind loss beside the real-or-fake loss.
        label_smoothing: Towards even odds, against wrong labels.
        bf16: Compute in bfloat16 where the device can.
        checkpoint_s: Seconds between checkpoints.
    """

    epochs: int = 10
    faces_per_epoch: int = 16_000
    source_power: float = 0.5
    batch: int = 32
    accumulate: int = 1
    optimizer: str = "adamw"
    lr: float = 2e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    schedule: str = "cosine"
    gamma: float = 0.1
    every: int = 10
    layer_decay: float = 1.0
    sam: float = 0.0
    momentum: float = 0.9
    trust: float = 0.001
    freeze: str = "none"
    freeze_epochs: int = 0
    heads: str = "joint"
    ema: float = 0.998
    choose: str = "best"
    keep_top: int = 0
    average_best: int = 1
    keep_start: float = 0.0
    patience: int = 0
    kind_weight: float = 0.3
    label_smoothing: float = 0.02
    bf16: bool = True
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class LossRecipe:
    """The loss, besides binary cross-entropy and the loss for the kind (``optim.kind_weight``).

    Attributes:
        pair: Weight of a ranking loss: each fake above the real beside it.
        teacher: Name of an installed model, or path of a card, whose P(fake) of each face before it is degraded, forged
            ones as they are forged, is learned beside the label (Hinton et al., Distilling the knowledge, 2015).
        distil: Share of the teacher's P(fake) in the target.
    """

    pair: float = 0.0
    teacher: str = ""
    distil: float = 0.5


@dataclass(frozen=True)
class EvidenceRecipe:
    """A coarse map of where the picture was touched, learned from masks.

    Attributes:
        weight: Weight of its loss; 0: no map.
        stride: Pixels of the input per cell of the map.
    """

    weight: float = 0.0
    stride: int = 16


@dataclass(frozen=True)
class ForgeRecipe:
    """Fakes made from real training faces while training.

    Attributes:
        share: Share of each batch's fakes that are forged.
        methods: Names of forge methods and their shares among the forged.
        mesher: Name of the mesher whose mesh a method is given; ``labels``: a file has them; empty: none.
    """

    share: float = 0.0
    methods: dict[str, float] = field(default_factory=dict)
    mesher: str = ""


@dataclass(frozen=True)
class AugmentRecipe:
    """Shared degradation, the same for every class and source. Each value is a probability or a range.

    Attributes:
        flip: Probability of mirroring left to right.
        shift: Largest shift of the box over its side.
        scale: Range of the crop's side over the plain one.
        rotate_deg: Largest rotation.
        rotate: Probability of being rotated.
        flip_down: Probability of mirroring top to bottom.
        shear_deg: Largest shear to either side.
        brightness: Range of a factor on all values.
        encode: Probability of each of two re-encodings (JPEG or WebP).
        quality: Range of their quality.
        resize: Range of the side the crop is resized to before the first re-encoding, over ``side_px``.
        shares: Probability that the crop is passed on once more (made smaller and encoded), up to three times.
        down_up: Probability of losing detail: made up to four times smaller, and large again.
        blur, sharpen, noise, colour, grey: Probabilities.
        spare: Probability that a crop keeps its detail: of all these only geometry, colours and light encodings.
        zoom: Probability that a crop shows a part of the face alone, as patches tell more generators apart (Chai et
            al., ECCV 2020). A fake of which it shows nothing that was touched counts as real.
        paired: A fake and the real face it was made of go through the very same, so that they differ in nothing else
            (as in Shiohara and Yamasaki, CVPR 2022).
    """

    flip: float = 0.5
    shift: float = 0.06
    scale: tuple[float, float] = (0.9, 1.25)
    rotate_deg: float = 10.0
    rotate: float = 0.4
    flip_down: float = 0.0
    shear_deg: float = 0.0
    brightness: tuple[float, float] = (1.0, 1.0)
    encode: float = 0.6
    quality: tuple[int, int] = (35, 95)
    resize: tuple[float, float] = (0.5, 1.6)
    shares: float = 0.0
    down_up: float = 0.0
    blur: float = 0.2
    sharpen: float = 0.15
    noise: float = 0.2
    colour: float = 0.5
    grey: float = 0.07
    spare: float = 0.0
    zoom: float = 0.0
    paired: bool = False


@dataclass(frozen=True)
class CalibrationRecipe:
    """How the card's numbers are chosen on validation groups A.

    Attributes:
        false_alarms: Largest share of real faces called fake.
        missed: Largest share of fakes called real.
        min_face_px: Narrower faces are reported as too small.
        second_look: Shares of the reals, from the highest logit down, and of the fakes, from the lowest up: crops with
            logits between what the two reach are judged once more, mirrored, and the mean counts; empty: none is.
    """

    false_alarms: float = 0.02
    missed: float = 0.1
    min_face_px: float = 48.0
    second_look: tuple[float, ...] = ()


@dataclass(frozen=True)
class HeadRecipe:
    """The layers between a network's features and its outputs.

    Attributes:
        hidden: Widths of hidden layers (ReLU); without any, one linear layer.
        dropout: Share of the numbers that are dropped before each linear layer.
        pooling: How feature maps become a vector: empty as the network does, ``flatten``, or what timm calls ``avg``,
            ``max``, ``avgmax``, of transformers ``token``, ``avg``.
    """

    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    pooling: str = ""


@dataclass(frozen=True)
class NetRecipe:
    """The network; ``net = "NAME"`` is short for one that has nothing but ``arch``.

    Attributes:
        arch: Name of a network, with an optional argument after a colon (``timm:resnet50``).
        tune: ``all`` of it learns; the new layers alone (``head``); they and the normalisations (``norms``); they and
            low-rank additions to the linear layers of a transformer (``lora``, Hu et al., ICLR 2022), which are added
            to the weights at the end.
        lora_rank, lora_alpha: Of ``lora``: width of the additions, and their weight times the width.
        frozen: ``arch`` is an encoder (``clip-vit-b16``), whose features of each crop are computed once and kept; the
            head alone is trained on them.
        patches: Of frozen encoders: mean patch tokens stand beside the class tokens.
        views: Of frozen encoders: crops of each training face, the first as it is, the others degraded.
        head: The last layers.
    """

    arch: str = "mobilenet_v2"
    tune: str = "all"
    lora_rank: int = 8
    lora_alpha: float = 8.0
    frozen: bool = False
    patches: bool = False
    views: int = 2
    head: HeadRecipe = field(default_factory=HeadRecipe)

    def __str__(self) -> str:
        return self.arch


@dataclass(frozen=True)
class Recipe:
    """A whole recipe; ``docs/guide/train.md`` walks through one.

    Attributes:
        name, version: Name of the exported model and its version; its reference is ``name@version``.
        title: One sentence for the card.
        licence: What the trained weights may be used for, for the card.
        limits: Where the model fails, one sentence each, for the card.
        net: The network.
        seed: All randomness follows from it.
    """

    name: str
    version: str
    title: str
    licence: str = "as the licences of the training data allow"
    limits: tuple[str, ...] = ()
    net: NetRecipe = field(default_factory=NetRecipe)
    seed: int = 0
    data: DataRecipe = field(default_factory=DataRecipe)
    forge: ForgeRecipe = field(default_factory=ForgeRecipe)
    optim: OptimRecipe = field(default_factory=OptimRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    evidence: EvidenceRecipe = field(default_factory=EvidenceRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    calibration: CalibrationRecipe = field(default_factory=CalibrationRecipe)


def task_of(path: str | Path) -> str:
    """Return what a recipe trains: its ``task``, ``classifier`` where it names none.

    Raises:
        BadRecipe: Not there or not TOML.
    """
    return str(read_table(path).values.get("task", "classifier"))


def build_recipe(cls: type, path: Path) -> Any:
    """Read a recipe into its dataclass; the caller checks the ranges.

    Raises:
        BadRecipe: Not there, not TOML, an unknown or missing key, or a value of the wrong type.
    """
    return _build(cls, read_table(path).values, f"{path}: ", "")


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain values, for cards; a network that is nothing but its name is its name."""
    values = dataclasses.asdict(recipe)
    if recipe.net == NetRecipe(recipe.net.arch):
        values["net"] = recipe.net.arch
    return values


def with_fold(recipe: Recipe, fold: str) -> Recipe:
    """Return the recipe with the sources of one of its folds held out, under a name of its own.

    Raises:
        BadRecipe: It has no such fold.
    """
    if fold not in recipe.data.folds:
        known = ", ".join(recipe.data.folds) or "none"
        raise BadRecipe(f"the recipe has no fold '{fold}'", hint=f"known: {known}")
    held_out = tuple(dict.fromkeys(recipe.data.held_out + recipe.data.folds[fold]))
    return replace(recipe, name=f"{recipe.name}-{fold}", data=replace(recipe.data, held_out=held_out))


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
        if hint is NetRecipe and isinstance(value, str):
            return NetRecipe(value)
        if not isinstance(value, dict):
            raise BadRecipe(f"{where}{key} must be a table", hint="write it as [section]")
        return _build(hint, value, where, f"{key}.")
    if hint is Any:  # options of a layout, which checks them itself
        return value
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, list | tuple):
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
