"""Impact level: how much harm a manipulated picture can do, and what a platform can tell its viewers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from fakeweb.types import Impact, Level, Report, ViewerWarning, WarningKind

LEVELS: tuple[Level, ...] = get_args(Level)
STARTS = (1.5, 3.0, 4.5)
"""Scores at which moderate, high and critical begin."""
MOST_PEOPLE = 10**12
"""More views or followers are a mistake."""
FOLLOWER_SHARE = 0.1
"""Share of the followers who see a post."""


@dataclass(frozen=True)
class Reach:
    """How far a post goes, as the platform knows it.

    Attributes:
        views: How often it was seen so far.
        followers: How many follow the account.
        engagement_rate: Reactions, comments and shares over views, in [0, 1].
    """

    views: int | None = None
    followers: int | None = None
    engagement_rate: float | None = None

    def __bool__(self) -> bool:
        return self.views is not None or self.followers is not None

    def audience(self, follower_share: float) -> float:
        """Return how many people are expected to see the post.

        That is the larger of the views so far and the followers who usually see a post, once more for those
        reached by engagement.
        """
        seen = max(float(self.views or 0), follower_share * (self.followers or 0))
        return seen * (1.0 + (self.engagement_rate or 0.0))


def impact(
    p_fake: float | None,
    reach: Reach,
    *,
    levels: Sequence[float] = STARTS,
    follower_share: float = FOLLOWER_SHARE,
) -> Impact | None:
    """Return the impact, or None where no reach was given or nothing could be scored.

    Args:
        p_fake: P(fake) of the whole picture or video.
        reach: From the caller.
        levels: Scores at which moderate, high and critical begin.
        follower_share: Share of the followers who see a post.

    Example:
        >>> impact(0.9, Reach(views=99_999), levels=(1.5, 3, 4.5), follower_share=0.1)
        Impact(score=4.5, level='critical', audience=99999.0)
    """
    if p_fake is None or not reach:
        return None
    audience = reach.audience(follower_share)
    score = round(p_fake * math.log10(1.0 + audience), 6)
    level = LEVELS[sum(score >= start for start in levels)]
    return Impact(score, level, round(audience, 1))


def impact_words(found: Impact) -> str:
    """Say an impact in a few words; its score is never rounded up to where the next level begins.

    Example:
        >>> impact_words(Impact(4.5, "critical", 99_999.0)), impact_words(Impact(2.99, "moderate", 981.0))
        ('critical (4.5): about 99,999 people may see it', 'moderate (2.9): about 981 people may see it')
    """
    score = math.floor(round(10 * found.score, 4)) / 10
    return f"{found.level} ({score:.1f}): about {found.audience:,.0f} people may see it"


_WORDS: dict[WarningKind, tuple[str, str]] = {
    "swap": (
        "A face may have been swapped",
        "The face of a person here seems to have been replaced by somebody else's. What the person appears to do or "
        "say may never have happened. Look for the original source before you share it.",
    ),
    "reenacted": (
        "Expression or speech may have been altered",
        "The movements of a face here seem to have been steered by software. Words may have been put into the "
        "person's mouth. Look for the original recording before you share it.",
    ),
    "retouch": (
        "A face may have been retouched",
        "Parts of a face here seem to have been edited, for example eyes, nose, mouth or skin. The scene may be real "
        "all the same; the person may look different from this picture.",
    ),
    "generated": (
        "This person may not exist",
        "A face here seems to have been made by software. There may be nobody who looks like this; accounts and "
        "stories that rest on this face deserve a second look.",
    ),
    "unknown": (
        "A face may have been manipulated",
        "A face here shows signs of manipulation; of which kind is not known. Look for the original source before "
        "you share it.",
    ),
}
_CAVEAT = " This is the estimate of a program and can be wrong."


def viewer_warnings(report: Report) -> tuple[ViewerWarning, ...]:
    """Return one warning per kind of manipulation among the faces called fake; none for all others.

    Viewers are not warned of uncertain faces: a warning is read as an accusation.
    """
    by_kind: dict[str, list[int]] = {}
    for number, result in enumerate(report.faces, 1):
        if result.verdict.label == "fake":
            kind = (result.score.kind if result.score else None) or "unknown"
            by_kind.setdefault(kind, []).append(number)
    if not by_kind and report.verdict.label == "fake":  # a video can be fake as a whole
        by_kind["unknown"] = []
    order = [kind for kind in _WORDS if kind in by_kind]
    return tuple(
        ViewerWarning(kind, _WORDS[kind][0], _WORDS[kind][1] + _CAVEAT, tuple(by_kind[kind]))
        for kind in order
    )


def leading_kind(report: Report) -> str | None:
    """Return the kind of the most suspicious face called fake, or None."""
    fakes = [r for r in report.faces if r.verdict.label == "fake" and r.score is not None]
    worst = max(fakes, key=lambda r: r.verdict.p_fake or 0.0, default=None)
    return worst.score.kind if worst is not None and worst.score is not None else None
