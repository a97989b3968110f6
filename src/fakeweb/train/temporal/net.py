"""A per-frame encoder and an LSTM that reads its words in order: the CNN + LSTM of the challenge's seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from fakeweb import registry
from fakeweb.train.temporal.recipe import NetRecipe


class _Lstm(nn.Module):
    """The last state of an LSTM (Hochreiter and Schmidhuber, 1997)."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.cell = nn.LSTM(features, hidden, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.cell(x)
        return out[:, -1]


class TemporalNet(nn.Module):
    """uint8 or float RGB (N, T, S, S, 3) in [0, 255] -> logit (N,).

    Args:
        recipe: Name of the encoder, and sizes.
        weights: File the encoder starts from, or None.
    """

    def __init__(self, recipe: NetRecipe, weights: Path | None = None) -> None:
        super().__init__()
        name, _, argument = recipe.encoder.partition(":")
        self.encoder: nn.Module = registry.load("net", name)(recipe.features, argument, weights)
        self.head = _Lstm(recipe.features, recipe.hidden)
        self.dropout = nn.Dropout(recipe.dropout)
        self.last = nn.Linear(recipe.hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, frames = x.shape[:2]
        flat = x.reshape(count * frames, *x.shape[2:]).permute(0, 3, 1, 2).float()
        words = torch.relu(self.encoder(flat).reshape(count, frames, -1))
        return self.last(self.dropout(self.head(words.float())))[:, 0]


def clip_logits(
    judge: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """Return a clip's logit, that of its most suspicious track.

    Args:
        judge: The network: tracks (N * K, T, ...) -> logits (N * K,).
        x: Clips of K tracks each, the missing ones last: (N, K, T, ...).
        counts: How many of the K there are: (N,).

    Returns:
        Logits (N,).
    """
    clips, tracks = x.shape[:2]
    out = judge(x.reshape(clips * tracks, *x.shape[2:])).reshape(clips, tracks)
    there = torch.arange(tracks, device=out.device)[None] < counts[:, None].to(out.device)
    return out.masked_fill(~there, -torch.inf).amax(1)
