"""What the service says, as values."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from fakeweb.errors import FakeWebError, from_dict
from fakeweb.types import Report


@dataclass(frozen=True)
class Impact:
    """How much harm a post can do: ``score = P(fake) * log10(1 + audience)``, and its level."""

    score: float
    level: str
    audience: float


@dataclass(frozen=True)
class ViewerWarning:
    """What a platform can show beside a post: a badge's words and some plain sentences."""

    kind: str
    title: str
    text: str
    faces: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """The judgement of one picture or video.

    Attributes:
        id: Of the stored result.
        cached: Whether the bytes had been judged before.
        report: The whole report.
        impact: None where no reach was given.
        viewer_warnings: Empty unless a face is called fake.
        queue_id: Item in the review queue, if any.
        overlay: PNG, where it was asked for.
    """

    id: str
    cached: bool
    report: Report
    impact: Impact | None
    viewer_warnings: tuple[ViewerWarning, ...]
    queue_id: str | None
    overlay: bytes | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read the service's JSON."""
        warnings = (
            ViewerWarning(**{**_known(ViewerWarning, w), "faces": tuple(w["faces"])})
            for w in data["viewer_warnings"]
        )
        return cls(
            id=data["id"],
            cached=data["cached"],
            report=Report.from_dict(data["report"]),
            impact=_impact(data["impact"]),
            viewer_warnings=tuple(warnings),
            queue_id=data["queue_id"],
            overlay=None if data["overlay"] is None else base64.b64decode(data["overlay"]),
        )


@dataclass(frozen=True)
class Job:
    """A video being judged.

    Attributes:
        id: Its id.
        state: ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
        stage: What is being done, in words.
        progress: From 0 to 1.
        problem: Why it failed.
        has_overlay: Whether there is an overlay to download.
    """

    id: str
    state: str
    stage: str
    progress: float
    problem: FakeWebError | None
    has_overlay: bool

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read the service's JSON."""
        return cls(
            id=data["id"],
            state=data["state"],
            stage=data["stage"],
            progress=data["progress"],
            problem=None if data["problem"] is None else error_of(data["problem"]),
            has_overlay=data["links"]["overlay"] is not None,
        )


@dataclass(frozen=True)
class QueueItem:
    """A post that somebody should look at."""

    id: str
    state: str
    reference: str | None
    result_id: str | None
    label: str
    p_fake: float | None
    kind: str | None
    views: int | None
    followers: int | None
    engagement_rate: float | None
    impact: Impact | None
    note: str
    created_at: str
    decided_at: str | None
    decided_by: str | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read the service's JSON."""
        return cls(**{**_known(cls, data), "impact": _impact(data["impact"])})


def error_of(problem: Mapping[str, Any]) -> FakeWebError:
    """Return the error that a problem describes."""
    return from_dict(
        {"code": problem.get("code"), "message": problem.get("detail"), "hint": problem.get("hint")}
    )


def _impact(data: Mapping[str, Any] | None) -> Impact | None:
    return None if data is None else Impact(**_known(Impact, data))


def _known(kind: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Pass over fields of a later version."""
    return {f.name: data[f.name] for f in fields(kind)}
