"""Face tracking: faces of successive frames -> people, by position, size and appearance; nobody survives a cut.

The assignment follows the tracking-by-detection of Bewley et al., Simple online and realtime tracking, ICIP 2016
(predict, pair at least cost), with an appearance term as in Wojke et al., Simple online and realtime tracking with
a deep association metric, ICIP 2017; the appearance here is colour and grey values, no network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.types import Face, Frame, Image

_Array = npt.NDArray[np.float32]

_REACH: Final = 0.7
_REACH_PER_S: Final = 1.6
_MOST_REACH: Final = 3.0
_MOST_RATIO: Final = math.log(1.8)
_LOOK_WEIGHT: Final = (
    1.6  # one person a third of a second later is 0.10 unlike (99 %: 0.21), another 0.49 (1 %: 0.28)
)
_ACCEPT: Final = 1.0
_REVIVE_ACCEPT: Final = 0.5
_REVIVE_SHIFT: Final = 0.6
_NEW_LOOK: Final = 0.3
_AWAY_S: Final = 1.2
_AWAY_UNLIKE: Final = 0.3  # whoever comes back after so long must look the same
_COAST_S: Final = 1.0
_FORGET_S: Final = 4.0
_HISTOGRAM_CUT: Final = 0.45
_PICTURE_CUT: Final = 0.45
_OPTIMAL_UP_TO: Final = 40
_INFEASIBLE: Final = 1e6


@dataclass(eq=False)
class _Person:
    number: int
    centre: _Array
    size: float
    look: _Array
    time_s: float
    velocity: _Array
    scene: int

    def predict(self, time_s: float) -> _Array:
        """Return where the face should be now: it goes on for a second, then waits."""
        return np.asarray(self.centre + self.velocity * min(time_s - self.time_s, _COAST_S), np.float32)

    def see(self, centre: _Array, size: float, look: _Array, time_s: float, scene: int) -> None:
        step_s = time_s - self.time_s
        if scene == self.scene and 0 < step_s <= _COAST_S:
            self.velocity = np.asarray(
                0.5 * self.velocity + 0.5 * (centre - self.centre) / step_s, np.float32
            )
        else:
            self.velocity = np.zeros(2, np.float32)
        self.centre, self.size, self.time_s, self.scene = centre, size, time_s, scene
        self.look = np.asarray((1 - _NEW_LOOK) * self.look + _NEW_LOOK * look, np.float32)


class Tracker:
    """Links the faces of one clip over time. Give it the frames in order.

    Position is compared with where a face should be at its last speed, size by ratio, appearance by colours and
    grey values in and around the box. Pairs are chosen together at the least cost, so that two people who cross are
    not swapped. At a cut every track ends; somebody filmed again from the same place afterwards goes on under the
    old number only if place, size and appearance all agree closely.

    Attributes:
        cuts: Times, in seconds, of the first frame after each cut seen.

    Example:
        >>> frame = Frame(Image(np.zeros((64, 64, 3), np.uint8)), 0, 0.0)
        >>> Tracker().link(frame, [Face((8, 8, 40, 48))])
        [1]
    """

    def __init__(self) -> None:
        self.cuts: list[float] = []
        self._people: list[_Person] = []
        self._scene = 0
        self._last: _Array | None = None
        self._watched = -1
        self._count = 0

    def link(self, frame: Frame, faces: Sequence[Face]) -> list[int]:
        """Return the track number of each face, from 1 in the order of first appearance, left to right.

        Args:
            frame: A later frame than the one before.
            faces: All faces found in it.
        """
        self.watch(frame)
        looks = [_look(frame.image, face) for face in faces]
        centres = [_centre(face) for face in faces]
        sizes = [_size(face) for face in faces]
        cost = self._costs(centres, sizes, looks, frame.time_s)
        numbers = [0] * len(faces)
        for row, column in assign(cost):
            person = self._people[row]
            person.see(centres[column], sizes[column], looks[column], frame.time_s, self._scene)
            numbers[column] = person.number
        for column in sorted(range(len(faces)), key=lambda i: faces[i].box):
            if not numbers[column]:
                self._count += 1
                numbers[column] = self._count
                self._people.append(
                    _Person(self._count, centres[column], sizes[column], looks[column], frame.time_s,
                            np.zeros(2, np.float32), self._scene)
                )  # fmt: skip
        return numbers

    def watch(self, frame: Frame) -> bool:
        """Tell whether a frame begins another scene; :meth:`link` asks too, and the answer is kept."""
        if self._watched == frame.index:
            return bool(self.cuts) and self.cuts[-1] == frame.time_s
        self._watched = frame.index
        picture = _thumbnail(frame.image)
        cut = self._last is not None and _is_cut(self._last, picture)
        self._last = picture
        if cut:
            self._scene += 1
            self.cuts.append(frame.time_s)
        return cut

    def _costs(
        self, centres: list[_Array], sizes: list[float], looks: list[_Array], time_s: float
    ) -> npt.NDArray[np.float64]:
        """Return (people, faces) costs; :data:`_INFEASIBLE` where they cannot be one."""
        if not self._people or not centres:
            return np.zeros((0, 0))
        people = self._people
        spots = np.stack([p.predict(time_s) for p in people])
        last = np.stack([p.centre for p in people])
        own = np.array([p.size for p in people])[:, None]
        place, size = np.stack(centres)[None], np.array(sizes)[None]
        scale = np.sqrt(own * size)
        shift = np.minimum(*(np.linalg.norm(s[:, None] - place, axis=2) / scale for s in (spots, last)))
        ratio = np.abs(np.log(size / own))
        unlike = _unlike(np.stack([p.look for p in people]), np.stack(looks))
        waited = np.array([time_s - p.time_s for p in people])[:, None]
        reach = np.minimum(_REACH + _REACH_PER_S * waited, _MOST_REACH)
        cost = 0.5 * shift / reach + 0.3 * ratio / _MOST_RATIO + _LOOK_WEIGHT * unlike
        cost[(shift > reach) | (ratio > _MOST_RATIO) | (cost > _ACCEPT)] = _INFEASIBLE
        cost[(waited > _AWAY_S) & (unlike > _AWAY_UNLIKE)] = _INFEASIBLE
        away = np.array([p.scene != self._scene or time_s - p.time_s > _FORGET_S for p in people])[:, None]
        strict = (cost < _REVIVE_ACCEPT) & (shift < _REVIVE_SHIFT) & (ratio < 0.3)
        cost[away & ~strict] = _INFEASIBLE
        cost[away & strict] += _ACCEPT  # whoever was there a moment ago comes first
        return np.asarray(cost, np.float64)


def assign(cost: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns at the least total cost; pairs that cost :data:`_INFEASIBLE` are left out.

    Kuhn, The Hungarian method for the assignment problem, 1955, by shortest augmenting paths (Jonker and Volgenant,
    1987); in crowds of more than forty, the cheapest pairs first.
    """
    if 0 in cost.shape:
        return []
    if max(cost.shape) > _OPTIMAL_UP_TO:
        return _greedy(cost)
    if cost.shape[0] > cost.shape[1]:
        return [(row, column) for column, row in assign(cost.T)]
    rows, columns = cost.shape
    padded = np.full((rows + 1, columns + 1), 0.0)
    padded[1:, 1:] = cost
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, int)
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        best, back = np.full(columns + 1, np.inf), np.zeros(columns + 1, int)
        used = np.zeros(columns + 1, bool)
        while owner[column]:
            used[column] = True
            slack = padded[owner[column]] - row_price[owner[column]] - column_price
            better = ~used & (slack < best)
            best[better], back[better] = slack[better], column
            best[0] = np.inf
            following = int(np.argmin(np.where(used, np.inf, best)))
            step = best[following]
            row_price[owner[used]] += step
            column_price[used] -= step
            best[~used] -= step
            column = following
        while column:
            owner[column] = owner[back[column]]
            column = int(back[column])
    pairs = [(int(owner[c]) - 1, c - 1) for c in range(1, columns + 1) if owner[c]]
    return [(r, c) for r, c in pairs if cost[r, c] < _INFEASIBLE]


def _greedy(cost: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    rows, columns = set(), set()
    for flat in np.argsort(cost, axis=None, kind="stable").tolist():
        row, column = divmod(flat, cost.shape[1])
        if cost[row, column] >= _INFEASIBLE:
            break
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            pairs.append((row, column))
    return pairs


def _centre(face: Face) -> _Array:
    x0, y0, x1, y1 = face.box
    return np.array(((x0 + x1) / 2, (y0 + y1) / 2), np.float32)


def _size(face: Face) -> float:
    return math.sqrt(face.width_px * face.height_px)


def _look(image: Image, face: Face) -> _Array:
    """Describe what is in and around a box: colours of head and shoulders, grey values of the face."""
    x0, y0, x1, y1 = face.box
    wide, high = x1 - x0, y1 - y0
    body = _cut(image, x0 - 0.3 * wide, y0 - 0.2 * high, x1 + 0.3 * wide, y1 + 0.6 * high)
    lab = cv2.cvtColor(
        np.asarray(cv2.resize(body, (24, 32), interpolation=cv2.INTER_AREA)), cv2.COLOR_RGB2LAB
    )
    parts = [_histogram(lab[:12]), _histogram(lab[12:22]), _histogram(lab[22:])]
    inner = np.asarray(cv2.resize(_cut(image, x0, y0, x1, y1), (12, 12), interpolation=cv2.INTER_AREA))
    grey = cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    grey -= grey.mean()
    grey /= max(float(np.linalg.norm(grey)), _FLAT)  # an even surface says nothing
    return np.concatenate([*parts, grey]).astype(np.float32)


_BINS: Final = 4 * 6 * 6
_FLAT: Final = 60.0


def _histogram(lab: npt.NDArray[Any]) -> _Array:
    """Return square roots of a joint histogram that sums to 1, blurred, so that a shade does not jump bins."""
    counts = cv2.calcHist([np.ascontiguousarray(lab)], [0, 1, 2], None, [4, 6, 6], [0, 256, 77, 179, 77, 179])
    soft: npt.NDArray[Any] = np.asarray(counts, np.float32)
    for axis in range(3):
        rolled = np.moveaxis(soft, axis, 0)
        padded = np.concatenate([rolled[:1], rolled, rolled[-1:]])
        soft = np.moveaxis(0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:], 0, axis)
    return np.asarray(np.sqrt(soft / max(float(soft.sum()), 1e-6)).ravel(), np.float32)


def _unlike(one: _Array, other: _Array) -> npt.NDArray[np.float64]:
    """Return how unlike (N, D) looks are to (M, D) others, about 0 to 1: Hellinger distance and correlation."""
    colours = np.zeros((len(one), len(other)))
    for part in range(3):
        span = slice(part * _BINS, (part + 1) * _BINS)
        colours += np.sqrt(np.clip(1 - one[:, span] @ other[:, span].T, 0, 1)) / 3
    apart = one[:, None, 3 * _BINS :] - other[None, :, 3 * _BINS :]
    grey = np.clip(0.5 * (apart**2).sum(axis=2), 0, 1)  # 1 - correlation, for faces that are not even
    return np.asarray(0.7 * colours + 0.3 * grey, np.float64)


def _cut(image: Image, x0: float, y0: float, x1: float, y1: float) -> npt.NDArray[np.uint8]:
    left, top = int(np.clip(x0, 0, image.width - 1)), int(np.clip(y0, 0, image.height - 1))
    right, bottom = int(np.clip(x1, left + 1, image.width)), int(np.clip(y1, top + 1, image.height))
    return image.pixels[top:bottom, left:right]


def _thumbnail(image: Image) -> _Array:
    step = max(1, min(image.width // 96, image.height // 54))  # enough points of each cell, not all
    small = np.asarray(cv2.resize(image.pixels[::step, ::step], (32, 18), interpolation=cv2.INTER_AREA))
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    grey = lab[..., 0].astype(np.float32).ravel()
    grey -= grey.mean()
    grey /= max(float(np.linalg.norm(grey)), 1e-3)
    return np.concatenate([_histogram(lab), grey]).astype(np.float32)


def _is_cut(before: _Array, after: _Array) -> bool:
    """Tell whether colours and layout of the whole picture both changed at once."""
    colours = math.sqrt(max(0.0, 1 - float(before[:_BINS] @ after[:_BINS])))
    layout = 1 - float(before[_BINS:] @ after[_BINS:])
    return colours + layout > _HISTOGRAM_CUT + _PICTURE_CUT or layout > 2 * _PICTURE_CUT
