"""From scores to verdicts: for each face, then for the picture or the video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fakeweb.faces import Quality
from fakeweb.types import Face, FaceResult, Score, Thresholds, Verdict

# each: worth saying from the first value on, too much to be judged from the second; see docs/reference/judge.md
_SHORT_PX = 80.0
_SHARPNESS = (3.0, 2.3)
_BRIGHTNESS = (45.0, 30.0)
_LIT = (0.75, 0.5)
_YAW_DEG = (40.0, 60.0)
_INSIDE = (0.75, 0.5)
_BLOCKS = 1.7
_PRESENCE = 0.6


@dataclass(frozen=True)
class Caution:
    """What makes a face hard to judge.

    Attributes:
        words: A plain sentence for the reader.
        forbids: Whether no verdict should rest on this face.
    """

    words: str
    forbids: bool = False


def decide_face(score: Score, thresholds: Thresholds) -> Verdict:
    """Decide about one scored face."""
    p = score.p_fake
    if p >= thresholds.fake:
        return Verdict("fake", p)
    if p <= thresholds.real:
        return Verdict("real", p)
    return Verdict("uncertain", p, ("the score lies between real and fake",))


def too_small(face: Face, min_face_px: float) -> Verdict | None:
    """Return the verdict on a face too small to judge, or None where it is large enough."""
    if face.width_px >= min_face_px:
        return None
    return Verdict(
        "uncertain", None, (f"too small to judge: {face.width_px:.0f} px wide, {min_face_px:.0f} px needed",)
    )


def printed(face: Face, score: Score | None, max_printed: float) -> Verdict | None:
    """Return the verdict on a face that is a print, or None where it is not taken for one.

    What is fake in a picture of a picture, the classifier was not taught to tell.
    """
    if face.printed is None or face.printed <= max_printed:
        return None
    reason = "looks like a picture within the picture (paper, cloth or a screen), which cannot be judged"
    return Verdict("uncertain", None if score is None else score.p_fake, (reason,))


def cautions_of(face: Face, quality: Quality) -> list[Caution]:
    """Say what makes a face hard to judge, what forbids a verdict first; nothing for a face well seen."""
    found = [
        _below(quality.sharpness, _SHARPNESS, "blurred", "too blurred to judge"),
        _below(quality.brightness, _BRIGHTNESS, "dark", "too dark to judge"),
        _below(
            quality.lit,
            _LIT,
            "harsh light: much of it is black or white",
            "most of it is mere black or white",
        ),
        _below(quality.inside, _INSIDE, "cut by the picture's border", "half of it lies outside the picture"),
        _below(
            -quality.yaw_deg,
            (-_YAW_DEG[0], -_YAW_DEG[1]),
            f"turned to the side by {quality.yaw_deg:.0f} degrees",
            f"turned too far to the side to judge, by {quality.yaw_deg:.0f} degrees",
        ),
    ]
    if quality.length_px < _SHORT_PX:
        found.append(Caution(f"low resolution: {quality.length_px:.0f} px from brow to chin"))
    if quality.blocks > _BLOCKS:
        found.append(Caution("strongly compressed"))
    if face.presence is not None and face.presence < _PRESENCE:
        found.append(Caution("hardly made out as a face; part of it may be covered"))
    return sorted((c for c in found if c is not None), key=lambda c: not c.forbids)


def with_cautions(verdict: Verdict, cautions: Sequence[Caution]) -> Verdict:
    """Add what makes a face hard to judge to the reasons; what forbids a verdict makes it ``uncertain``."""
    words = tuple(caution.words for caution in cautions)
    if any(caution.forbids for caution in cautions):
        return Verdict("uncertain", verdict.p_fake, words)
    return replace(verdict, reasons=(*verdict.reasons, *words))


def _below(value: float, limits: tuple[float, float], worth_saying: str, too_much: str) -> Caution | None:
    """Return a caution where a value lies below one of two limits; none for NaN."""
    if value < limits[1]:
        return Caution(too_much, forbids=True)
    return Caution(worth_saying) if value < limits[0] else None


def decide_picture(results: Sequence[FaceResult]) -> Verdict:
    """Decide about a picture from its faces.

    Fake if one face is; else uncertain if a judged face is, or none could be judged; else real. P(fake) is that
    of the most suspicious face. Faces that could not be judged are named in the reasons.
    """
    if not results:
        return Verdict("no_face", reasons=("no face found; small, turned or covered faces may be missed",))
    judged = [r for r in results if r.verdict.p_fake is not None]
    left = len(results) - len(judged)
    unjudged = (f"{left} of {len(results)} faces could not be judged",) if left and judged else ()
    if not judged:
        only = results[0].verdict.reasons if len(results) == 1 else ("no face could be judged",)
        return Verdict("uncertain", None, only)
    p = max(r.verdict.p_fake or 0.0 for r in judged)
    labels = {r.verdict.label for r in judged}
    label = next(name for name in ("fake", "uncertain", "real") if name in labels)
    return Verdict(label, p, unjudged)


def decide_video(results: Sequence[FaceResult]) -> Verdict:
    """Decide about a video from its people, each one track: fake if one of them is, and the reasons say who."""
    if not results:
        reason = "no face found in the frames looked at; small, turned or covered faces may be missed"
        return Verdict("no_face", reasons=(reason,))
    verdict = decide_picture(results)
    fakes = [r.face.track for r in results if r.verdict.label == "fake"]
    reasons = list(verdict.reasons)
    if fakes and len(results) > 1:
        who = ", ".join(f"face {number}" for number in fakes)
        reasons.insert(0, f"manipulated: {who}")
    return Verdict(verdict.label, verdict.p_fake, tuple(reasons))
