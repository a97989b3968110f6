"""A report in words that need no explanation, and that promise no more than it holds."""

from __future__ import annotations

from html import escape

from fakeweb.types import FaceResult, Report

CAVEAT = "This is the estimate of a program and can be wrong. It is not proof."
_KINDS = {
    "swap": "most like a swapped face: somebody else's face put onto this person",
    "reenacted": "most like a steered face: an expression or mouth changed by software",
    "retouch": "most like a retouched face: eyes, nose, mouth or skin edited",
    "generated": "most like a generated face: a person who may not exist",
}
_HEADS = {
    "uncertain": "Uncertain",
    "real": "No sign of manipulation found",
    "no_face": "No face found",
}
_MEANINGS = {
    "fake": "Faces that FakeWeb does not believe carry a mesh in the picture.",
    "uncertain": "FakeWeb cannot tell. Take the picture neither as real nor as manipulated.",
    "real": "FakeWeb found nothing that it knows how to find. That does not prove the picture genuine.",
    "moved": "You moved the line from which faces are called manipulated. What was measured about this model does not"
    " hold for it.",
    "no_face": "FakeWeb only judges faces, so it says nothing about this picture. Small or covered faces may be"
    " missed.",
}


def headline(report: Report) -> str:
    """Return the answer in a few words.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> t = Thresholds(real=0.4, fake=0.6)
        >>> headline(Report("a.png", Verdict("no_face"), 6, 4, (), t, "haar", (), "0" * 64))
        'No face found'
    """
    label = report.verdict.label
    if label != "fake":
        return _HEADS[label]
    fakes, faces = report.count("fake"), len(report.faces)
    if faces == 1:
        return "This face looks manipulated"
    return f"{fakes} of {faces} faces look{'s' if fakes == 1 else ''} manipulated"


def to_html(report: Report) -> str:
    """Return the whole answer as HTML; text from outside is escaped."""
    label = report.verdict.label
    faces = "".join(_face(number, result) for number, result in enumerate(report.faces, 1))
    moved = f"<p><b>{_MEANINGS['moved']}</b></p>" if report.thresholds.source == "user" else ""
    notes = "".join(f"<li>{escape(n)}</li>" for n in (*report.verdict.reasons, *report.warnings))
    return (
        f'<div class="answer {label}"><h2>{headline(report)}</h2><p>{_MEANINGS[label]}</p>{moved}'
        f"{f'<ol>{faces}</ol>' if faces else ''}{f'<ul>{notes}</ul>' if notes else ''}"
        f'<p class="caveat">{CAVEAT} Judged by {escape(", ".join(report.models) or "nothing but the face finder")}.'
        "</p></div>"
    )


def _face(number: int, result: FaceResult) -> str:
    verdict = result.verdict
    p = verdict.p_fake
    percent = None if p is None else min(99, max(1, round(100 * p)))
    said = {"fake": "looks manipulated", "real": "no sign found", "uncertain": "uncertain"}[verdict.label]
    scale = (
        ""
        if percent is None
        else f'<span class="scale"><i style="width:{percent}%"></i></span><span>suspicion {percent} of 100</span>'
    )
    more = list(verdict.reasons)
    if verdict.label == "fake" and result.score is not None and result.score.kind in _KINDS:
        more.insert(0, _KINDS[result.score.kind])
    text = f"<small>{escape('; '.join(more))}</small>" if more else ""
    return f'<li class="{verdict.label}"><b>Face {number}: {said}</b>{scale}{text}</li>'
