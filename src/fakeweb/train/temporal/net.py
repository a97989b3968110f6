"""A per-frame encoder and a head that reads its words in order: the CNN + LSTM of the challenge's seeds, and others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from fakeweb import registry
from fakeweb.errors import BadRecipe
from fakeweb.train.temporal.recipe import NetRecipe


class _Recurrent(nn.Module):
    """The last state of an LSTM or GRU (Hochreiter and Schmidhuber, 1997; Cho et al., 2014)."""

    def __init__(self, cell: type[nn.Module], features: int, hidden: int) -> None:
        super().__init__()
        self.cell = cell(features, hidden, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.cell(x)
        return out[:, -1]


class _Mean(nn.Module):
    """The mean over frames: no order at all, to compare with."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.layer = nn.Linear(features, hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layer(x)).mean(1)


class _Attention(nn.Module):
    """One block of attention over frames with learned places (Vaswani et al., NeurIPS 2017), then the mean."""

    def __init__(self, features: int, hidden: int, frames: int) -> None:
        super().__init__()
        self.into = nn.Linear(features, hidden)
        self.place = nn.Parameter(0.02 * torch.randn(1, frames, hidden))
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))
        self.scale = hidden**-0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.into(x) + self.place
        weights = torch.softmax(self.query(h) @ self.key(h).transpose(1, 2) * self.scale, -1)
        return torch.relu(h + weights @ self.value(h)).mean(1)


_HEADS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "lstm": lambda features, hidden, _: _Recurrent(nn.LSTM, features, hidden),
    "gru": lambda features, hidden, _: _Recurrent(nn.GRU, features, hidden),
    "mean": lambda features, hidden, _: _Mean(features, hidden),
    "attention": _Attention,
}


class TemporalNet(nn.Module):
    """uint8 or float RGB (N, T, S, S, 3) in [0, 255] -> logit (N,).

    What the encoder makes of a frame and what follows can be had apart: :meth:`features` and :meth:`judge`. Of a
    frozen encoder the last layer belongs to what follows, so that its features are the same throughout a training.

    Args:
        recipe: Names of encoder and head, and their sizes.
        frames: T.
        weights: File the encoder starts from, or None.
    """

    def __init__(self, recipe: NetRecipe, frames: int, weights: Path | None = None) -> None:
        super().__init__()
        name, _, argument = recipe.encoder.partition(":")
        self.encoder: nn.Module = registry.load("net", name)(recipe.features, argument, weights)
        self.frozen = recipe.frozen
        self.words = _freeze(self.encoder, recipe.encoder) if recipe.frozen else nn.Identity()
        self.head = _HEADS[recipe.head](recipe.features, recipe.hidden, frames)
        self.dropout = nn.Dropout(recipe.dropout)
        self.last = nn.Linear(recipe.hidden, 1)

    def train(self, mode: bool = True) -> TemporalNet:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()  # neither its dropout nor its running means
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.judge(self.features(x))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Encode every frame: (N, T, S, S, 3) -> (N, T, F)."""
        count, frames = x.shape[:2]
        flat = x.reshape(count * frames, *x.shape[2:]).permute(0, 3, 1, 2).float()
        return self.encoder(flat).reshape(count, frames, -1)

    def judge(self, features: torch.Tensor) -> torch.Tensor:
        """Return a logit per track from the features of its frames: (N, T, F) -> (N,)."""
        words = torch.relu(self.words(features))
        return self.last(self.dropout(self.head(words.float())))[:, 0]


def _freeze(encoder: nn.Module, name: str) -> nn.Linear:
    """Freeze an encoder, and take off its last layer, which is to be trained, and return it.

    Raises:
        BadRecipe: The encoder does not say which layer is its last, or that is no linear one.
    """
    names: tuple[str, ...] = getattr(encoder, "head_names", ())
    last = encoder.get_submodule(names[0]) if len(names) == 1 else None
    if not isinstance(last, nn.Linear):
        raise BadRecipe(
            f"net.frozen: {name} does not say which layer is its last", hint="leave net.frozen out"
        )
    parent, _, own = names[0].rpartition(".")
    setattr(encoder.get_submodule(parent), own, nn.Identity())
    encoder.requires_grad_(requires_grad=False)
    return last


def clip_logits(
    judge: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """Return a clip's logit, that of its most suspicious track.

    Args:
        judge: The network, or its :meth:`TemporalNet.judge`: tracks (N * K, T, ...) -> logits (N * K,).
        x: Clips of K tracks each, the missing ones last: (N, K, T, ...).
        counts: How many of the K there are: (N,).

    Returns:
        Logits (N,).
    """
    clips, tracks = x.shape[:2]
    out = judge(x.reshape(clips * tracks, *x.shape[2:])).reshape(clips, tracks)
    there = torch.arange(tracks, device=out.device)[None] < counts[:, None].to(out.device)
    return out.masked_fill(~there, -torch.inf).amax(1)
