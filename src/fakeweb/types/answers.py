"""What the service says beside a report, for both of its ends; described as the report is (``form.py``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fakeweb.types.form import Within, settle
from fakeweb.types.pictures import Probability
from fakeweb.types.report import Kind, Label

Level = Literal["low", "moderate", "high", "critical"]
WarningKind = Literal[Kind, "unknown"]
Seen = Annotated[int, Within(0)]


@dataclass(frozen=True)
class Impact:
    """How much harm a post can do.

    Attributes:
        score: P(fake) x log10(1 + audience).
        level: The same in words.
        audience: People expected to see the post.
    """

    score: Annotated[float, Within(0)]
    level: Level
    audience: Annotated[float, Within(0)]

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class ViewerWarning:
    """What a platform can show beside a post.

    Attributes:
        kind: The manipulation, or ``unknown`` where the model names none.
        title: A few words for a badge.
        text: Two or three plain sentences.
        faces: Numbers of the faces it is about, as in the report.
    """

    kind: WarningKind
    title: str
    text: str
    faces: tuple[int, ...]

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class QueueItem:
    """A post that somebody should look at.

    Attributes:
        id: Its id.
        state: Whether it was decided.
        reference: The caller's own name for the post, or None.
        result_id: Of the judgement; None once the result was deleted.
        label: The verdict on the whole.
        p_fake: P(fake) behind it; None where nothing was scored.
        kind: How the most suspicious face was manipulated; None where none is called fake or no kind is known.
        views: How often the post was seen, as far as the caller said.
        followers: How many follow the account, as far as the caller said.
        engagement_rate: Reactions, comments and shares over views, as far as the caller said.
        impact: None where no reach was given or nothing was scored.
        note: The reviewer's.
        created_at: When it was put into the queue, as ISO 8601.
        decided_at: When it was decided, or None.
        decided_by: Name of the key that decided, or None.
    """

    id: str
    state: Literal["open", "accepted", "rejected"]
    reference: str | None
    result_id: str | None
    label: Label
    p_fake: Probability | None
    kind: Kind | None
    views: Seen | None
    followers: Seen | None
    engagement_rate: Probability | None
    impact: Impact | None
    note: str
    created_at: str
    decided_at: str | None
    decided_by: str | None

    def __post_init__(self) -> None:
        settle(self)
