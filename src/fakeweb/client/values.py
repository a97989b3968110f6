"""What the service says, as values."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from fakeweb.errors import FakeWebError, Unreachable, from_dict
from fakeweb.types import Impact, QueueItem, Report, ViewerWarning
from fakeweb.types.form import form_of


@dataclass(frozen=True)
class Answer:
    """The judgement of one picture or video.

    Attributes:
        id: Of the stored result; None where it could not be stored.
        cached: Whether the bytes had been judged before.
        report: The whole report.
        impact: None where no reach was given.
        viewer_warnings: Empty unless a face is called fake.
        queue_id: Item in the review queue, if any.
        overlay: PNG, where it was asked for.
    """

    id: str | None
    cached: bool
    report: Report
    impact: Impact | None
    viewer_warnings: tuple[ViewerWarning, ...]
    queue_id: str | None
    overlay: bytes | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read the service's JSON.

        Raises:
            Unreachable: It is not what this client understands.
        """
        with understood():
            impact, warnings, overlay = data["impact"], data["viewer_warnings"], data["overlay"]
            return cls(
                id=data["id"],
                cached=data["cached"],
                report=Report.from_dict(data["report"]),
                impact=None if impact is None else form_of(Impact).read(impact, "impact"),
                viewer_warnings=tuple(form_of(ViewerWarning).read(w, "viewer_warnings") for w in warnings),
                queue_id=data["queue_id"],
                overlay=None if overlay is None else base64.b64decode(overlay),
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
        """Read the service's JSON.

        Raises:
            Unreachable: It is not what this client understands.
        """
        with understood():
            return cls(
                id=data["id"],
                state=data["state"],
                stage=data["stage"],
                progress=data["progress"],
                problem=None if data["problem"] is None else error_of(data["problem"]),
                has_overlay=data["links"]["overlay"] is not None,
            )


def queue_item(data: Mapping[str, Any]) -> QueueItem:
    """Read the service's JSON.

    Raises:
        Unreachable: It is not what this client understands.
    """
    with understood():
        item: QueueItem = form_of(QueueItem).read(data, "item")
        return item


def error_of(problem: Mapping[str, Any]) -> FakeWebError:
    """Return the error that a problem describes."""
    return from_dict(
        {"code": problem.get("code"), "message": problem.get("detail"), "hint": problem.get("hint")}
    )


@contextmanager
def understood() -> Iterator[None]:
    """Say so where an answer is not what this client knows.

    Raises:
        Unreachable: It is of another version, or not FakeWeb's.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise Unreachable(
            f"the service's answer is not understood: {what}",
            hint="is it FakeWeb? client and service may be too far apart in version",
        ) from error
