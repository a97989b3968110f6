"""The recipe of a temporal network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import AugmentRecipe, CalibrationRecipe, build_recipe


@dataclass(frozen=True)
class TrackRecipe:
    """What to train on.

    Attributes:
        frames: Frames of a track that are looked at, spread evenly.
        side_px: Side of the network's input.
        margin: See :func:`fakeweb.faces.align.align`.
        tracks_per_clip: A clip is as suspicious as the most suspicious of so many of its tracks, the longest first.
        val: Share of the originals that go to validation.
        source: Name of the data set, for the split and the card.
        forge: Methods of the forge that make fake tracks out of real clips: flicker and misalignment from frame to
            frame included. Empty: none.
        forge_share: Share of the fakes drawn that are forged, where ``forge`` names methods.
        mesher: Measures the faces to be forged.
        licences: Licence per source, for the card.
    """

    frames: int = 10
    side_px: int = 160
    margin: float = 1.1
    tracks_per_clip: int = 2
    val: float = 0.15
    source: str = "dfdc"
    forge: tuple[str, ...] = ()
    forge_share: float = 0.5
    mesher: str = "fakeweb"
    licences: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NetRecipe:
    """Encoder and LSTM.

    Attributes:
        encoder: Name of a network, such as ``mobilenet_v2`` or ``timm:mixnet_m``.
        features: Numbers the encoder says of each frame.
        head: ``lstm``.
        hidden: Width of the LSTM.
        dropout: Before the last layer.
    """

    encoder: str = "mobilenet_v2"
    features: int = 128
    head: str = "lstm"
    hidden: int = 128
    dropout: float = 0.3


@dataclass(frozen=True)
class TemporalOptim:
    """How to train: Adam on the log loss of clips, half of them fake.

    Attributes:
        epochs: Validations.
        clips_per_epoch: Clips between two validations.
        batch: Clips per step.
        lr, warmup, clip: One cycle of Adam: peak rate, share of steps that warm up, largest gradient norm.
        reorder: Probability that the frames of a real clip are put in another order. There are few real clips, and
            re-ordered ones are more of them (the idea of the challenge's seeds); 0 switches it off.
        label_smoothing: Towards even odds, against wrong labels.
        bf16: Compute in bfloat16 where the device can.
        checkpoint_s: Seconds between checkpoints.
    """

    epochs: int = 10
    clips_per_epoch: int = 4000
    batch: int = 8
    lr: float = 1e-4
    warmup: float = 0.1
    clip: float = 1.0
    reorder: float = 0.0
    label_smoothing: float = 0.02
    bf16: bool = True
    checkpoint_s: float = 120.0


@dataclass(frozen=True)
class TemporalRecipe:
    """A whole recipe; ``docs/guide/video.md`` walks through one.

    Attributes:
        task: ``video``.
        name, version, title, licence, limits, seed: As in a classifier's recipe.
    """

    task: str
    name: str
    version: str
    title: str
    licence: str = "as the licences of the training data allow"
    limits: tuple[str, ...] = ()
    seed: int = 0
    data: TrackRecipe = field(default_factory=TrackRecipe)
    net: NetRecipe = field(default_factory=NetRecipe)
    optim: TemporalOptim = field(default_factory=TemporalOptim)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    calibration: CalibrationRecipe = field(default_factory=CalibrationRecipe)


def read_temporal_recipe(path: Path) -> TemporalRecipe:
    """Read and check a recipe with ``task = "video"``.

    Raises:
        BadRecipe: See :func:`fakeweb.train.rules.read_recipe`.
    """
    recipe: TemporalRecipe = build_recipe(TemporalRecipe, path)
    data, net, optim = recipe.data, recipe.net, recipe.optim
    rules = [
        (2 <= data.frames <= 100, "data.frames must lie in [2, 100]"),
        (32 <= data.side_px <= 512, "data.side_px must lie in [32, 512]"),
        (0.5 <= data.margin <= 4, "data.margin must lie in [0.5, 4]"),
        (1 <= data.tracks_per_clip <= 8, "data.tracks_per_clip must lie in [1, 8]"),
        (0 < data.val < 1 and 0 <= data.forge_share <= 1, "data.val and data.forge_share must be shares"),
        (net.head == "lstm", "net.head must be lstm; the others, no better, stayed in 0.8.0"),
        (net.features >= 1 and net.hidden >= 1, "net.features and net.hidden must be at least 1"),
        (optim.epochs >= 1 and optim.batch >= 2, "optim.epochs must be at least 1, optim.batch 2"),
        (optim.clips_per_epoch >= optim.batch, "optim.clips_per_epoch must hold at least one batch"),
        (0 < optim.lr < 1 and 0 <= optim.warmup < 1, "optim.lr and optim.warmup must lie below 1"),
        (0 <= optim.reorder <= 1, "optim.reorder must be a probability"),
    ]
    for holds, message in rules:
        if not holds:
            raise BadRecipe(f"{path}: {message}", hint="see docs/guide/video.md")
    return recipe
