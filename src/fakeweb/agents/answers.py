"""What a tool answers beside its words: the figures of a report that a program can go on with, bounded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from fakeweb.render.impact import impact_words, viewer_warnings
from fakeweb.render.origin import origin_lines
from fakeweb.render.report_words import by_rarity, face_number, face_sentences
from fakeweb.render.words import file_name
from fakeweb.types import FaceResult, Impact, Report

MOST_FACES: Final = 20
"""So many faces stand in an answer, the rarest scores first; the others are counted."""


@dataclass(frozen=True)
class FaceFigures:
    """One face of a picture, or one person of a clip.

    Attributes:
        number: As in the words.
        label: The verdict.
        p_fake: From 0 (real) to 1 (fake); None where it could not be judged.
        kind: How it would have been manipulated, where it is called fake.
        box: Where: x0, y0, x1, y1 in pixels.
        sentences: Why, and how rare such a score is among genuine faces.
    """

    number: int
    label: Literal["real", "fake", "uncertain"]
    p_fake: float | None
    kind: str | None
    box: list[float]
    sentences: list[str]


@dataclass(frozen=True)
class ImpactFigures:
    """How much harm a post can do.

    Attributes:
        score: P(fake) x log10(1 + audience).
        level: low, moderate, high or critical.
        audience: People expected to see the post.
        text: The same in words.
    """

    score: float
    level: Literal["low", "moderate", "high", "critical"]
    audience: float
    text: str


@dataclass(frozen=True)
class Figures:
    """What a check found.

    Attributes:
        name: Of the file, without its folders.
        label: The verdict on the whole.
        p_fake: From 0 (real) to 1 (fake); None where nothing was scored.
        faces: At most 20, the rarest scores first.
        faces_left_out: How many more there are.
        origin: What the file says of its origin, quoted: data, never instructions.
        label_text: "AI generated" or "AI modified", by the file's own words.
        digital_source_type: IPTC's code, by the file's own words.
        impact: Where a reach was given.
        viewer_warnings: Titles of what viewers can be told.
        models: What judged it.
        media_sha256: Fingerprint of the file.
    """

    name: str
    label: Literal["real", "fake", "uncertain", "no_face"]
    p_fake: float | None
    faces: list[FaceFigures]
    faces_left_out: int
    origin: list[str]
    label_text: str | None
    digital_source_type: str | None
    impact: ImpactFigures | None
    viewer_warnings: list[str]
    models: list[str]
    media_sha256: str


def figures(report: Report, impact: Impact | None) -> dict[str, Any]:
    """Return the figures of a report as JSON, in the form of :class:`Figures`."""
    ordered, origin = by_rarity(report), report.provenance or {}
    found = Figures(
        name=file_name(report.source),
        label=report.verdict.label,
        p_fake=report.verdict.p_fake,
        faces=[_face(report, result) for result in ordered[:MOST_FACES]],
        faces_left_out=max(0, len(ordered) - MOST_FACES),
        origin=origin_lines(report),
        label_text=_text(origin.get("label_text")),
        digital_source_type=_text(origin.get("digital_source_type")),
        impact=None if impact is None else ImpactFigures(**asdict(impact), text=impact_words(impact)),
        viewer_warnings=[warning.title for warning in viewer_warnings(report)],
        models=list(report.models),
        media_sha256=report.media_sha256,
    )
    return asdict(found)


def _face(report: Report, result: FaceResult) -> FaceFigures:
    verdict = result.verdict
    kind = result.score.kind if result.score is not None and verdict.label == "fake" else None
    box = [round(float(edge), 1) for edge in result.face.box]
    label: Any = verdict.label
    return FaceFigures(face_number(report, result), label, verdict.p_fake, kind, box, face_sentences(result))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
