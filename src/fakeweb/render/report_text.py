"""Report -> a few lines of text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fakeweb.errors import readable
from fakeweb.render.origin import label_line, origin_lines
from fakeweb.render.words import clock, rarity_words, stretch_words
from fakeweb.types import FaceResult, Label, Report

_HEADLINES = {"real": "REAL", "fake": "FAKE", "uncertain": "UNCERTAIN", "no_face": "NO FACE"}
_COLOURS = {"real": "32", "fake": "1;31", "uncertain": "33", "no_face": "36"}
_RANKS: tuple[Label, ...] = ("fake", "uncertain", "real", "no_face")
_MOST_FACES, _TELLING_FACES = 8, 5
_LABEL_WIDTH = 9
_KIND_WIDTH = 9


def to_text(report: Report, *, color: bool = False) -> str:
    """Write a report as text: one line for the picture, one per face, then what else there is to know.

    Of more than eight faces the five most telling are printed, and the others counted.

    P(fake) is printed between 0.01 and 0.99: a probability is never shown as a certainty. Control characters
    in names and reasons become ``?``, so that a file name cannot command the reader's terminal.

    Args:
        report: The report.
        color: Whether to set the labels in colour with ANSI escapes.

    Returns:
        Lines joined by newlines, without one at the end and without spaces at the ends of lines.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> t = Thresholds(real=0.4, fake=0.6)
        >>> print(to_text(Report("a.png", Verdict("no_face"), 6, 4, (), t, "haar", (), "0" * 64)))
        a.png  NO FACE  0 faces
    """
    label = report.verdict.label
    head = f"{_safe(report.source)}  {_painted(_HEADLINES[label], label, color)}  {_counts(report)}"
    lines = [head, *_clip_lines(report), *_face_lines(report, color)]
    said = report.faces[0].verdict.reasons if len(report.faces) == 1 else ()
    lines += [f"  {_safe(reason)}" for reason in report.verdict.reasons if reason not in said]
    if report.thresholds.source == "user":
        lines.append(f"  threshold {report.thresholds.fake:.2f} (set by you)")
    lines += [f"  origin  {_safe(text)}" for text in origin_lines(report)]
    lines += [f"  label  {_safe(text)}" for text in (label_line(report.provenance),) if text]
    lines += [f"  warning: {_safe(warning)}" for warning in report.warnings]
    return "\n".join(line.rstrip() for line in lines)


def _counts(report: Report) -> str:
    total, uncertain = len(report.faces), report.count("uncertain")
    text = f"{total} face" if total == 1 else f"{total} faces"
    if total:
        text += f", {report.count('fake')} manipulated"
    return f"{text}, {uncertain} uncertain" if uncertain else text


def _clip_lines(report: Report) -> list[str]:
    """Say how long a clip is and how closely it was looked at."""
    if report.video is None:
        return []
    length, looked = clock(report.video["duration_s"], 0.1), report.video["frames_examined"]
    return [f"  clip of {length}, {looked:,} of {report.video['frames']:,} frames looked at"]


def _face_lines(report: Report, color: bool) -> list[str]:
    """Return one line per face, columns aligned; what else there is to say of it goes on lines below."""
    digits = len(str(len(report.faces)))
    shown = _telling(report.faces)
    boxes = [_box(report.faces[i]) + _moment(report, i) for i in shown]
    box_width = max((len(b) for b in boxes), default=0)
    lines = []
    for place, box in zip(shown, boxes, strict=True):
        number, result = place + 1, report.faces[place]
        verdict = result.verdict
        label = _painted(verdict.label.ljust(_LABEL_WIDTH), verdict.label, color)
        kind = (result.score.kind or "") if result.score is not None and verdict.label == "fake" else ""
        head = f"  face {number:>{digits}}  {label}  {_p(verdict.p_fake)}  {kind:<{_KIND_WIDTH}}  "
        reasons = _safe("; ".join(verdict.reasons))
        notes = _notes(result)
        if verdict.label in ("real", "fake"):
            lines.append(head + box)
            notes = [reasons, *notes] if reasons else notes
        else:
            lines.append(f"{head}{box:<{box_width}}  {reasons}")
        lines += [f"{'':{9 + digits}}{note}" for note in notes]
    others = Counter(r.verdict.label for i, r in enumerate(report.faces) if i not in shown)
    if others:
        counts = ", ".join(f"{others[name]} {name}" for name in _RANKS if others[name])
        lines.append(f"  and {others.total()} more: {counts}")
    return lines


def _telling(faces: Sequence[FaceResult]) -> list[int]:
    """Return the places of the faces to print, in order: all of a few, else the most suspicious ones."""
    if len(faces) <= _MOST_FACES:
        return list(range(len(faces)))
    ranked = sorted(
        range(len(faces)),
        key=lambda i: (_RANKS.index(faces[i].verdict.label), -(faces[i].verdict.p_fake or 0.0), i),
    )
    return sorted(ranked[:_TELLING_FACES])


def _moment(report: Report, place: int) -> str:
    """Say when in a clip a face was where its box is."""
    time_s = report.timeline[place].get("telling_s") if report.timeline else None
    return "" if time_s is None else f" at {clock(time_s, 0.1)}"


def _notes(result: FaceResult) -> list[str]:
    """Say when somebody looks manipulated, and of faces not called real how rare their score is."""
    notes = []
    if result.verdict.label != "real" and (when := stretch_words(result)):
        notes.append(f"looks manipulated {when}")
    if result.verdict.label != "real" and result.rarity is not None:
        notes.append(rarity_words(result.rarity))
    return notes


def _p(p_fake: float | None) -> str:
    return "p  -  " if p_fake is None else f"p {min(0.99, max(0.01, p_fake)):.2f}"


def _box(result: FaceResult) -> str:
    return "[" + " ".join(f"{v:.0f}" for v in map(round, result.face.box)) + "]"


def _painted(text: str, label: str, color: bool) -> str:
    return f"\x1b[{_COLOURS[label]}m{text}\x1b[0m" if color else text


def _safe(text: str) -> str:
    """Replace what a terminal would obey rather than show."""
    return "".join(c if c.isprintable() else "?" for c in readable(text))
