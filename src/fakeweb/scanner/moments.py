"""From the logits of one person's frames to one logit, and to the stretches of time that look manipulated.

Frames that show the same picture are one look, however many there are: a still counts as the picture it is. The looks
are searched by windows of time (a scan statistic), and the highest window decides, after
:meth:`fakeweb.runtime.ClipNorm.worth` has taken off what motion and the search itself add.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fakeweb.runtime import ClipNorm
from fakeweb.types import Stretch

_Floats = npt.NDArray[np.float64]
_LONGER = 1.5
"""Each window length over the one before."""


@dataclass(frozen=True, eq=False)
class Looks:
    """One person's looks in order of time.

    Attributes:
        from_s, to_s: (N,) when each begins and ends to be seen.
        shown_s: (N,) for how long it is seen; less than ``to_s - from_s`` of a later look means a gap was not watched.
        logit: (N,) mean logit of its frames.
    """

    from_s: _Floats
    to_s: _Floats
    shown_s: _Floats
    logit: _Floats

    @property
    def mean(self) -> float:
        """Mean logit over all time."""
        return _mean(self.logit, self.shown_s)


@dataclass(frozen=True)
class Moment:
    """What a person's looks come to.

    Attributes:
        logit: That of the window that speaks most for manipulation, worth one picture's.
        level: Mean logit over all time.
        stretches: Windows above the line, in order, with what lies beside them and is alike; those that touch made one.
    """

    logit: float
    level: float
    stretches: tuple[Stretch, ...]


def looks_of(time_s: _Floats, shown_s: _Floats, logits: _Floats, numbers: npt.NDArray[np.int64]) -> Looks:
    """Join the frames of each look.

    Args:
        time_s: (N,) when each judged frame is shown, rising.
        shown_s: (N,) how long it stands for.
        logits: (N,) of the face in it.
        numbers: (N,) number of the look it belongs to, never falling.
    """
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    ends = np.append(starts[1:], len(numbers))
    parts = [slice(a, b) for a, b in zip(starts, ends, strict=True)]
    return Looks(
        time_s[starts],
        np.array([time_s[p][-1] + shown_s[p][-1] for p in parts]),
        np.array([shown_s[p].sum() for p in parts]),
        np.array([_mean(logits[p], shown_s[p]) for p in parts]),
    )


def scan_looks(looks: Looks, norm: ClipNorm, probability: Callable[[float], float], line: float) -> Moment:
    """Search a person's looks for the time that speaks most for manipulation.

    Args:
        looks: All of them.
        norm: What moving does to genuine faces.
        probability: Logit -> P(fake).
        line: P(fake) from which a stretch looks manipulated.
    """
    first, last, worth = _windows(looks, norm)
    p = np.array([probability(float(w)) for w in worth])
    taken: list[tuple[int, int, float]] = []
    for i in np.argsort(-worth, kind="stable"):
        if p[i] < line:
            break
        a, b = int(first[i]), int(last[i])
        if all(b < x or a > y for x, y, _ in taken):
            taken.append((*_grown(looks, a, b), float(p[i])))
    return Moment(float(worth.max()), looks.mean, _joined(looks, sorted(taken), norm.window_s))


def _windows(looks: Looks, norm: ClipNorm) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], _Floats]:
    """Return first and last look of every window, and the logit it is worth."""
    seen = np.concatenate([[0.0], np.cumsum(looks.shown_s)])
    sums = np.concatenate([[0.0], np.cumsum(looks.logit * looks.shown_s)])
    total, count = float(seen[-1]), len(looks.logit)
    found: dict[tuple[int, int], float] = {}
    length = norm.window_s
    while length < total:
        last = np.searchsorted(seen[1:], seen[:-1] + length - 1e-9)
        for a, b in enumerate(last.tolist()):
            if b >= count:
                break
            if (a, b) not in found:
                span = float(seen[b + 1] - seen[a])
                mean = float(looks.logit[a] if a == b else (sums[b + 1] - sums[a]) / span)
                others = total - span
                rest = (float(sums[-1]) - mean * span) / others if others >= norm.window_s else None
                found[a, b] = norm.worth(mean, b - a + 1, total / span, rest)
        length *= _LONGER
    found[0, count - 1] = norm.worth(looks.mean, count, 1.0)
    pairs = np.array(list(found), np.int64)
    return pairs[:, 0], pairs[:, 1], np.array(list(found.values()))


def _grown(looks: Looks, first: int, last: int) -> tuple[int, int]:
    """Let a window grow over the looks beside it that are nearer to its mean than to that of the rest."""
    inside = np.zeros(len(looks.logit), bool)
    inside[first : last + 1] = True
    if inside.all():
        return first, last
    means = [_mean(looks.logit[part], looks.shown_s[part]) for part in (inside, ~inside)]
    near = looks.logit > sum(means) / 2
    while first > 0 and near[first - 1]:
        first -= 1
    while last + 1 < len(near) and near[last + 1]:
        last += 1
    return first, last


def _joined(looks: Looks, taken: list[tuple[int, int, float]], apart_s: float) -> tuple[Stretch, ...]:
    """Make one of windows that touch or nearly do."""
    stretches: list[Stretch] = []
    for a, b, p in taken:
        begin, end = float(looks.from_s[a]), float(looks.to_s[b])
        if stretches and begin - stretches[-1].to_s < apart_s / 2:
            before = stretches.pop()
            begin, p = before.from_s, max(p, before.p_fake)
        stretches.append(Stretch(round(begin, 3), round(max(begin, end), 3), p))
    return tuple(stretches)


def _mean(values: _Floats, weights: _Floats) -> float:
    """Return the weighted mean; of equal values exactly that value."""
    if (values == values[0]).all():
        return float(values[0])
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else float(values.mean())
