"""A report in words that need no explanation, and that promise no more than it holds."""

from __future__ import annotations

from html import escape

from fakeweb.render.origin import label_line, origin_lines
from fakeweb.render.words import rarity_words, stands_out
from fakeweb.types import FaceResult, Report

CAVEAT = "This is the estimate of a program and can be wrong. It is not proof."
_SHORT = 60
_BYSTANDER = "Cut off by the picture's border: the verdict on the picture does not rest on this face."
_BESIDE = (
    "These signals stand beside the score and are no part of it."
    " Most sites remove them, and they are easily forged."
)
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
    "fake": "A mesh marks the faces that look manipulated.",
    "uncertain": "FakeWeb cannot tell. Take the picture neither as real nor as manipulated.",
    "real": "FakeWeb found nothing that it knows how to find. That does not prove the picture genuine.",
    "moved": "You moved the line from which faces are called manipulated. What was measured about this model does not"
    " hold for it.",
    "no_face": "FakeWeb only judges faces, so it says nothing about this picture. Small or covered faces may be"
    " missed.",
}


def headline(report: Report) -> str:
    """Return the answer in a few words, with what it rests on where it is less than a yes or no.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> t = Thresholds(real=0.4, fake=0.6)
        >>> headline(Report("a.png", Verdict("no_face"), 6, 4, (), t, "haar", (), "0" * 64))
        'No face found'
    """
    label, reasons = report.verdict.label, report.verdict.reasons
    if label != "fake":
        mark = ":" if label == "uncertain" else ";"
        return f"{_HEADS[label]}{mark} {reasons[0]}" if _is_partial(report) else _HEADS[label]
    fakes, faces = report.count("fake"), len(report.faces)
    if faces == 1:
        return "This face looks manipulated"
    return f"{fakes} of {faces} faces look{'s' if fakes == 1 else ''} manipulated"


def _is_partial(report: Report) -> bool:
    """Tell whether the answer is less than a yes or no, and says why in few words: the first reason."""
    label, reasons = report.verdict.label, report.verdict.reasons
    return label in ("uncertain", "real") and bool(reasons) and len(reasons[0]) <= _SHORT


def to_html(report: Report) -> str:
    """Return the whole answer as HTML; text from outside is escaped."""
    label = report.verdict.label
    faces = "".join(_face(number, result) for number, result in enumerate(report.faces, 1))
    moved = f"<p><b>{_MEANINGS['moved']}</b></p>" if report.thresholds.source == "user" else ""
    reasons = report.verdict.reasons[_is_partial(report) :]
    notes = "".join(f"<li>{escape(n)}</li>" for n in (*reasons, *report.warnings))
    return (
        f'<div class="answer {label}"><h2>{escape(headline(report))}</h2><p>{_MEANINGS[label]}</p>{moved}'
        f"{f'<ol>{faces}</ol>' if faces else ''}{f'<ul>{notes}</ul>' if notes else ''}{_origin(report)}"
        f'<p class="caveat">{CAVEAT} Judged by {escape(", ".join(report.models) or "nothing but the face finder")}.'
        "</p></div>"
    )


def _origin(report: Report) -> str:
    """Say what the file tells of its origin, beside the score; nothing where nobody looked."""
    lines = "".join(
        f"<li>{escape(line)}</li>"
        for line in filter(None, (*origin_lines(report), label_line(report.provenance)))
    )
    if not lines:
        return ""
    return f"<h3>Where the file says it comes from</h3><ul>{lines}</ul><p><small>{_BESIDE}</small></p>"


def _face(number: int, result: FaceResult) -> str:
    verdict = result.verdict
    p = verdict.p_fake
    percent = None if p is None else min(99, max(1, round(100 * p)))
    said = {"fake": "looks manipulated", "real": "no sign found", "uncertain": "uncertain"}[verdict.label]
    if verdict.label == "uncertain" and stands_out(result):
        said = "stands out from the others"
    scale = (
        ""
        if percent is None
        else f'<span class="scale"><i style="width:{percent}%"></i></span><span>suspicion {percent} of 100</span>'
    )
    text = "".join(f"<small>{escape(line)}</small>" for line in _more(result))
    return f'<li class="{verdict.label}"><b>Face {number}: {said}</b>{scale}{text}</li>'


def _more(result: FaceResult) -> list[str]:
    """Say what is known of a face beside its score, a line each."""
    more = list(result.verdict.reasons)
    if result.verdict.label == "fake" and result.score is not None and result.score.kind in _KINDS:
        more.insert(0, _KINDS[result.score.kind])
    lines = ["; ".join(more)] if more else []
    if result.rarity is not None and result.verdict.label != "real":
        lines.append(rarity_words(result.rarity))
    if not result.weighed:
        lines.append(_BYSTANDER)
    return lines
