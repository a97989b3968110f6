"""What genuine faces were measured to be like: rarity of scores, groups, clips, small faces. Part of a card.

A card without norms judges each face by its thresholds alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fakeweb.types import Rarity


@dataclass(frozen=True)
class RarityNorm:
    """How many genuine faces score as high, from the logits of many.

    Attributes:
        measured_on: Number of genuine faces.
        knots: (logit, one_in, low, high), logits rising: about one genuine face in ``one_in`` has this logit or a
            higher one, between ``low`` and ``high`` also for sources the measurement had not seen.
    """

    measured_on: int
    knots: tuple[tuple[float, float, float, float], ...]

    def __post_init__(self) -> None:
        _check(self.measured_on >= 100, "norms.rarity.measured_on must be at least 100")
        _check(len(self.knots) >= 2, "norms.rarity.knots must be two or more")
        most = self.measured_on / 3 + 1e-3  # knots are rounded
        for logit, one_in, low, high in self.knots:
            _check(
                abs(logit) <= 1e6 and 1 <= low <= one_in <= high <= most,
                "norms.rarity.knots are out of range",
            )
        for column in zip(*self.knots, strict=True):
            _check(list(column) == sorted(column), "norms.rarity.knots must rise")

    def rarity(self, logit: float) -> Rarity:
        """Return how rare a logit is; beyond the last knot as rare as there, since nothing rarer was seen."""
        one_in, low, high = (math.exp(_between(self.knots, logit, column)) for column in (1, 2, 3))
        most = self.measured_on / 3
        one_in = min(max(1.0, one_in), most)
        return Rarity(
            round(one_in, 1),
            (round(min(max(1.0, low), one_in), 1), round(max(one_in, min(high, most)), 1)),
            self.measured_on,
        )


@dataclass(frozen=True)
class GroupNorm:
    """What the genuine faces of one picture have in common, and how far one of them may stand out.

    Each face is measured against the median logit of the others (leave one out). A share of the difference between that
    median and the usual one is taken for what the picture does to every face (camera, light, compression) and given
    back, within ``give``.

    Attributes:
        measured_on: Number of genuine pictures the lines were chosen on.
        middle: Median logit of genuine faces.
        between, within: Spread (standard deviation) of pictures' levels, and of logits around the own picture's.
        give: Most that a level below and above the usual one may move a logit.
        lines: (faces, fake, real), faces rising: in a picture of so many faces the moved logit from which a face stands
            out enough to be called fake, and up to which it does not stand out.
        shares: Shares of genuine pictures that hold a face above either line.
    """

    measured_on: int
    middle: float
    between: float
    within: float
    give: tuple[float, float]
    lines: tuple[tuple[float, float, float], ...]
    shares: tuple[float, float]

    def __post_init__(self) -> None:
        _check(self.measured_on >= 30, "norms.group.measured_on must be at least 30")
        _check(self.between >= 0 < self.within, "norms.group: spreads must be positive")
        _check(min(self.give) >= 0, "norms.group.give must not be negative")
        faces = [n for n, _, _ in self.lines]
        _check(
            len(faces) > 0 and faces == sorted(faces) and faces[0] >= 2,
            "norms.group.lines must rise from 2 faces",
        )
        _check(
            all(real < fake for _, fake, real in self.lines), "norms.group.lines: real must lie below fake"
        )
        _check(0 < self.shares[0] < self.shares[1] < 1, "norms.group.shares must be two rising shares")

    def moved(self, logit: float, others: Sequence[float]) -> float:
        """Return a logit without what its neighbours say the picture does to every face."""
        count = len(others)
        ordered = sorted(others)
        median = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
        noise = self.within**2 * (math.pi / 2 if count > 2 else 1.0) / count  # of a median
        share = self.between**2 / (self.between**2 + noise)
        level = share * (median - self.middle)
        return logit - min(max(level, -self.give[0]), self.give[1])

    def lines_for(self, faces: int) -> tuple[float, float]:
        """Return the lines (fake, real) for moved logits in a picture with so many judged faces."""
        table = [(math.log(n), fake, real) for n, fake, real in self.lines]
        at = math.log(max(1, faces))
        return _linear(table, at, 1), _linear(table, at, 2)

    def one_in(self, moved: float, faces: int) -> float:
        """Return: one in so many genuine pictures with so many faces holds a moved logit as high.

        Between and beyond the two lines the share falls exponentially; never rarer than three pictures measured.
        """
        fake, real = self.lines_for(faces)
        fall = math.log(self.shares[1] / self.shares[0]) / (fake - real)
        rate = min(1.0, self.shares[1] * math.exp(-fall * (moved - real)))
        return min(1 / rate, self.measured_on / 3)


@dataclass(frozen=True)
class ClipNorm:
    """What moving does to the logits of genuine faces in clips.

    The mean logit over a window of time counts as the logit of one picture after taking off ``offset`` (motion and the
    encoder's softness) and what the highest of many windows exceeds the mean by (a scan statistic: Glaz, Naus,
    Wallenstein, Scan Statistics, 2001).

    Attributes:
        window_s: Shortest window.
        offset: Taken off every mean of several looks.
        spread: Of the logits of one genuine person's looks, as far as they are independent.
        contrast: (slope, from, most): what a window's mean lies above that of the rest of the person's time, beyond
            ``from``, counts ``slope`` times more, up to ``most`` in all.
    """

    window_s: float
    offset: float
    spread: float
    contrast: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _check(0 < self.window_s <= 60, "norms.clip.window_s must lie in (0, 60]")
        _check(abs(self.offset) <= 100 and 0 <= self.spread <= 100, "norms.clip is out of range")
        _check(min(self.contrast) >= 0 and max(self.contrast) <= 100, "norms.clip.contrast is out of range")

    def worth(self, mean: float, looks: int, windows: float, rest: float | None = None) -> float:
        """Return the logit that a window counts for.

        Args:
            mean: Of the logits of its looks.
            looks: How many different looks it holds; one alone counts as it is.
            windows: How many windows as long would fit into the time the person is seen.
            rest: Mean logit of the person's other looks, or None.
        """
        if looks <= 1 and windows <= 1:
            return mean
        searched = self.spread * math.sqrt(2 * math.log(max(1.0, windows)) / max(1, looks))
        slope, begin, most = self.contrast
        more = 0.0 if rest is None else min(most, slope * max(0.0, mean - rest - begin))
        return mean + more - (self.offset if looks > 1 else 0.0) - searched


@dataclass(frozen=True)
class SmallNorm:
    """What small size does to the logits of genuine faces.

    Attributes:
        min_face_px: Faces from this width on are judged, up to the card's ``decision.min_face_px``.
        offset: Taken off their logits.
    """

    min_face_px: float
    offset: float

    def __post_init__(self) -> None:
        _check(8 <= self.min_face_px <= 1e5, "norms.small.min_face_px must lie in [8, 100,000]")
        _check(abs(self.offset) <= 100, "norms.small.offset is out of range")


@dataclass(frozen=True)
class Norms:
    """All norms of a classifier; what was not measured is None."""

    rarity: RarityNorm | None = None
    group: GroupNorm | None = None
    clip: ClipNorm | None = None
    small: SmallNorm | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what a card holds of them."""
        return {key: _plain(vars(norm)) for key, norm in vars(self).items() if norm is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Norms:
        """Read what :meth:`to_dict` gave.

        Raises:
            ValueError: Something is out of range, or no finite number.
            TypeError, KeyError: Something is missing or unknown.
        """
        kinds = {"rarity": RarityNorm, "group": GroupNorm, "clip": ClipNorm, "small": SmallNorm}
        return cls(**{key: kinds[key](**_frozen(part)) for key, part in data.items()})


NOTHING = Norms()
"""Of a classifier of which nothing was measured."""


def _between(knots: Sequence[tuple[float, ...]], at: float, column: int) -> float:
    """Interpolate the logarithm of a column of the knots."""
    return _linear([(k[0], *(math.log(v) for v in k[1:])) for k in knots], at, column)


def _linear(table: Sequence[tuple[float, ...]], at: float, column: int) -> float:
    """Interpolate a column of a table whose first one rises; held at both ends."""
    for (x0, *_), before, after in zip(table, table, table[1:], strict=False):
        if at <= after[0]:
            part = 0.0 if at <= x0 or after[0] <= x0 else (at - x0) / (after[0] - x0)
            return before[column] + part * (after[column] - before[column])
    return table[-1][column]


def _frozen(part: Mapping[str, Any]) -> dict[str, Any]:
    def value(v: Any) -> Any:
        if isinstance(v, list | tuple):
            return tuple(value(x) for x in v)
        if type(v) not in (int, float) or not math.isfinite(v):
            raise ValueError(f"{v!r} is no finite number")
        return v

    return {key: value(v) for key, v in part.items()}


def _plain(part: Mapping[str, Any]) -> dict[str, Any]:
    def value(v: Any) -> Any:
        return [value(x) for x in v] if isinstance(v, tuple) else v

    return {key: value(v) for key, v in part.items()}


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
