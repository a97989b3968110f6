"""Norms of a card from scores of genuine faces: groups, small faces, clips. numpy only.

All is fitted to validation groups A and to further genuine sources; ``benchmarks/calibrate.py`` puts it together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from composed.pictures import FaceRow
from fakeweb.runtime import ClipNorm, GroupNorm
from fakeweb.scanner.moments import Looks, scan_looks

_Floats = npt.NDArray[np.float64]

CONTRASTS = (
    (0.0, 0.0, 0.0),
    *((slope, begin, 1.5) for slope in (0.4, 0.8, 1.2) for begin in (0.8, 1.2, 1.6, 2.0)),
)
"""What may be tried for :attr:`fakeweb.runtime.ClipNorm.contrast`; none first."""


@dataclass(frozen=True)
class GroupGoal:
    """What the lines of groups are chosen for.

    Attributes:
        fake: Share of genuine pictures that may be called fake.
        doubtful: Share of them that may hold a face that stands out.
        give: Most that a picture's level may move a logit, down and up.
        trust: Share of a level that is believed in a picture of nine.
        pictures: Drawn for each number of faces.
    """

    fake: float = 0.045
    doubtful: float = 0.31
    give: tuple[float, float] = (0.5, 0.6)
    trust: float = 0.5
    pictures: int = 4000


def fit_group(
    rows: Sequence[FaceRow],
    line: float,
    goal: GroupGoal | None = None,
    sizes: Sequence[int] = (2, 4, 9, 16, 36),
) -> GroupNorm:
    """Choose the lines of groups on genuine pictures drawn from the faces of composed ones.

    A drawn picture takes faces of one source (or of any, for every so many sources one) that were composed at the same
    size and encoded at the same quality. Of each number of faces the lines are the quantiles over pictures of the
    highest moved logit, for ``fake`` among faces above the line of a face alone.

    Args:
        rows: Judged faces of composed pictures.
        line: Logit from which a face alone is called fake.
        goal: What is allowed.
        sizes: Numbers of faces that get lines.
    """
    goal = goal or GroupGoal()
    pictures = _pictures(rows)
    whole = [p for p in pictures if len(p) >= 9]
    middle = float(np.median([np.median(p) for p in whole]))
    within = float(np.median([np.sqrt(np.mean((p - np.median(p)) ** 2)) for p in whole]))
    noise = within**2 * math.pi / 2 / 8
    between = math.sqrt(goal.trust / (1 - goal.trust) * noise)
    first = ((2, 9.0, 0.0),)
    norm = GroupNorm(len(pictures), middle, between, within, goal.give, first, (goal.fake, goal.doubtful))
    lines = _lines(rows, norm, line, goal, sizes)
    rounded = {k: round(getattr(norm, k), 3) for k in ("middle", "between", "within")}
    return replace(norm, lines=tuple(lines), **rounded)


def _lines(
    rows: Sequence[FaceRow], norm: GroupNorm, line: float, goal: GroupGoal, sizes: Sequence[int]
) -> list[tuple[int, float, float]]:
    """Return number of faces and both lines of each, out of drawn genuine pictures."""
    cells = _cells(rows)
    sources = sorted({source for source, _, _ in cells})
    handlings = sorted({key[1:] for key in cells})
    rng = np.random.default_rng(0)
    lines: list[tuple[int, float, float]] = []
    for size in sizes:
        highest, accused = [], []
        for _ in range(goal.pictures):
            drawn = _draw(cells, sources, handlings, size, rng)
            moved = moved_all(norm, drawn)
            highest.append(moved.max())
            accused.append(moved[drawn >= line].max(initial=-99.0))
        fake = float(np.quantile(accused, 1 - goal.fake))
        real = float(np.quantile(highest, 1 - goal.doubtful))
        if lines:
            fake, real = max(fake, lines[-1][1]), max(real, lines[-1][2])
        lines.append((size, round(max(fake, real + 0.1), 3), round(real, 3)))
    return lines


def moved_all(norm: GroupNorm, logits: _Floats) -> _Floats:
    """Return the moved logit of every face of a picture."""
    return np.array([norm.moved(float(v), np.delete(logits, i).tolist()) for i, v in enumerate(logits)])


def fit_offset(logits: _Floats, sources: Sequence[str], line: float, share: float = 0.02) -> float:
    """Return what must be taken off logits so that at most a share of them lies above a line, sources alike.

    Args:
        logits: (N,) of genuine faces seen in a certain way.
        sources: (N,) where they come from; each counts alike.
        line: Logit from which a face is called fake.
        share: Of genuine faces that may lie above.
    """
    names = np.asarray(sources)
    weights = np.zeros(len(logits))
    for name in set(names):
        weights[names == name] = 1 / (names == name).sum()
    order = np.argsort(-logits)
    above = np.cumsum(weights[order]) / weights.sum()
    first = int(np.searchsorted(above, share, side="right"))
    return max(0.0, float(logits[order[min(first, len(order) - 1)]]) - line + 1e-3)


def fit_clip(
    genuine: Sequence[Sequence[Looks]],
    doctored: Sequence[Sequence[Looks]],
    probability: Callable[[float], float],
    line: float,
    *,
    false_alarms: float = 0.015,
    window_s: float = 1.0,
) -> ClipNorm:
    """Choose what is taken off in clips so that few genuine people are called fake, whatever the clip's length.

    The spread is that of looks around their person's mean. The offset is the least at which, among all genuine clips,
    no more than the share allowed holds somebody above the line; the contrast is the one out of some with which most
    clips that are fake, all the time or for a part of it, then have somebody above it.

    Args:
        genuine: Of each genuine clip the looks of each person.
        doctored: The same of clips in which somebody is fake; none: no contrast.
        probability: Logit -> P(fake).
        line: Logit from which a face alone is called fake.
        false_alarms: Share allowed.
        window_s: Shortest window.
    """
    within = [np.std(looks.logit) for clip in genuine for looks in clip if len(looks.logit) >= 8]
    spread = round(float(np.median(within)), 3) if within else 0.0
    best: tuple[float, float, ClipNorm] | None = None
    for contrast in CONTRASTS if doctored else CONTRASTS[:1]:
        norm = ClipNorm(window_s, 0.0, spread, contrast)
        worth = np.sort(_highest(genuine, norm, probability))[::-1]
        offset = max(0.0, float(worth[int(false_alarms * len(worth))]) - line + 1e-3)
        norm = replace(norm, offset=round(offset, 3))
        found = float((_highest(doctored, norm, probability) >= line).mean()) if doctored else 0.0
        if best is None or (found, -offset) > best[:2]:
            best = (found, -offset, norm)
    return best[2] if best else ClipNorm(window_s, 0.0, spread)


def _highest(
    clips: Sequence[Sequence[Looks]], norm: ClipNorm, probability: Callable[[float], float]
) -> _Floats:
    """Return of each clip the highest logit that somebody's time is worth."""
    return np.array(
        [max(scan_looks(looks, norm, probability, 1.0).logit for looks in clip) for clip in clips if clip]
    )


def _pictures(rows: Sequence[FaceRow]) -> list[_Floats]:
    """Return the logits of every genuine composed picture."""
    by: dict[int, list[float]] = {}
    for row in rows:
        if not row.fakes and math.isfinite(row.logit):
            by.setdefault(row.number, []).append(row.logit)
    return [np.array(v) for v in by.values() if len(v) > 1]


def _cells(rows: Sequence[FaceRow]) -> Mapping[tuple[Any, ...], _Floats]:
    """Return the logits of genuine faces by source, size and quality."""
    cells: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        if not row.label and math.isfinite(row.logit):
            cells.setdefault((row.own_source, row.tile_px, row.quality), []).append(row.logit)
    return {key: np.array(v) for key, v in cells.items()}


def _draw(
    cells: Mapping[tuple[Any, ...], _Floats],
    sources: Sequence[str],
    handlings: Sequence[tuple[Any, ...]],
    size: int,
    rng: np.random.Generator,
) -> _Floats:
    """Return the logits of one drawn genuine picture."""
    while True:
        handling = handlings[int(rng.integers(len(handlings)))]
        place = int(rng.integers(len(sources) + 1))
        own = sources if place == len(sources) else [sources[place]]
        chosen = [own[int(rng.integers(len(own)))] for _ in range(size)]
        if all((s, *handling) in cells for s in chosen):
            return np.array([rng.choice(cells[(s, *handling)]) for s in chosen])
