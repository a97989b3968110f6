"""Frame sampling: which frames of a clip to look at, chosen by their timestamps before any is decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from fakeweb.errors import BadArgument

_PER_SECOND: Final = 2.0
_FEWEST: Final = 32
_EVENLY_UP_TO_S: Final = 60.0
_BURST_FRAMES: Final = 4
_BURST_STEP_S: Final = 0.5
_BURSTS: Final = (30, 60)
_BURST_EVERY_S: Final = 10.0
_TIE_S: Final = 1e-6


@dataclass(frozen=True)
class Pace:
    """How densely to look. At most one field is set; none: the usual pace.

    The usual pace is two frames a second up to a minute, at least 32 in a shorter clip; beyond a minute, bursts of
    four frames half a second apart, beginning at keyframes spread evenly over the clip: 30 of them, one for every
    ten seconds where that is more, 60 at the most. A clip that stores no more than 240 frames is looked at whole.

    Attributes:
        frames: So many frames, spread evenly.
        fps: So many frames a second.
        every: Every frame.

    Raises:
        BadArgument: More than one field, or a number that is not positive.
    """

    frames: int | None = None
    fps: float | None = None
    every: bool = False

    def __post_init__(self) -> None:
        if (self.frames is not None) + (self.fps is not None) + self.every > 1:
            raise BadArgument("Pace takes one of frames, fps and every", hint="leave the others out")
        if self.frames is not None and self.frames < 1:
            raise BadArgument(f"Pace.frames must be at least 1, got {self.frames}")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise BadArgument(f"Pace.fps must be positive, got {self.fps}")


@dataclass(frozen=True, eq=False)
class Choice:
    """The frames chosen.

    Attributes:
        places: Their places in the clip's order of presentation, ascending, int64.
        bursts: Number of separate stretches; 1 where the clip is covered evenly.
    """

    places: npt.NDArray[np.int64]
    bursts: int = 1


@dataclass(frozen=True, eq=False)
class _Shown:
    """When the frames of a clip are shown, for how long, and which are keyframes; (N,) each."""

    times_s: npt.NDArray[np.float64]
    durations_s: npt.NDArray[np.float64]
    keys: npt.NDArray[np.bool_]

    def at(self, time_s: float) -> int:
        """Return the frame that a player shows at a time."""
        return max(0, int(np.searchsorted(self.times_s, time_s + _TIE_S, side="right")) - 1)

    def edges(self, count: int) -> list[float]:
        """Return the ends of ``count`` equal intervals."""
        ends = self.times_s[0], self.times_s[-1] + self.durations_s[-1]
        return [float(edge) for edge in np.linspace(*ends, count + 1)]


def choose(
    times_s: npt.NDArray[np.float64],
    durations_s: npt.NDArray[np.float64],
    keys: npt.NDArray[np.bool_],
    pace: Pace,
) -> Choice:
    """Choose frames.

    The clip is cut into as many equal intervals as frames are wanted, and each gives one: the frame shown at its
    middle where that one is shown for an interval or longer, so that no slide of a slide show is passed over; else the
    keyframe nearest to its middle, since that can be decoded alone; or else the frame nearest to its middle.

    Args:
        times_s: (N,) presentation times, ascending.
        durations_s: (N,) how long each is shown.
        keys: (N,) which frames are keyframes.
        pace: How densely.

    Returns:
        The choice; never more frames than there are, never one twice.
    """
    count = len(times_s)
    if pace.every:
        return Choice(np.arange(count))
    shown = _Shown(times_s, durations_s, keys)
    duration_s = float(times_s[-1] + durations_s[-1] - times_s[0])
    if pace.frames is None and pace.fps is None and duration_s > _EVENLY_UP_TO_S:
        return _bursts(shown, duration_s)
    if pace.frames is not None:
        wanted = pace.frames
    elif pace.fps is not None:
        wanted = max(1, round(duration_s * pace.fps))
    else:
        wanted = max(_FEWEST, round(duration_s * _PER_SECOND))
    if wanted >= count:
        return Choice(np.arange(count))
    return Choice(np.unique([_pick(shown, a, b) for a, b in pairwise(shown.edges(wanted))]))


def _pick(shown: _Shown, start: float, end: float) -> int:
    """Return the cheapest frame that stands for an interval."""
    times_s, keys = shown.times_s, shown.keys
    middle = (start + end) / 2
    long = shown.at(middle)
    if shown.durations_s[long] > end - start - _TIE_S:
        return long
    low, high = np.searchsorted(times_s, (start - _TIE_S, end - _TIE_S))
    inside = low + np.flatnonzero(keys[low:high])
    if not len(inside):
        near = int(np.searchsorted(times_s, middle))
        inside = np.arange(max(0, near - 1), min(len(times_s), near + 1))
    return int(inside[np.argmin(np.abs(times_s[inside] - middle))])


def _bursts(shown: _Shown, duration_s: float) -> Choice:
    bursts = int(np.clip(duration_s / _BURST_EVERY_S, *_BURSTS))
    count = len(shown.times_s)
    if count <= _BURSTS[1] * _BURST_FRAMES:  # few frames a second: all of them cost no more
        return Choice(np.arange(count))
    starts = np.unique([_pick(shown, a, b) for a, b in pairwise(shown.edges(bursts))])
    steps = np.arange(_BURST_FRAMES) * _BURST_STEP_S
    wanted = (shown.times_s[starts][:, None] + steps[None]).ravel()
    places = np.searchsorted(shown.times_s, wanted - _TIE_S).clip(0, count - 1)
    return Choice(np.unique(places), len(starts))
