"""From scores to verdicts: for each face, then for the picture or the video."""

from __future__ import annotations

from collections.abc import Sequence

from fakeweb.types import Face, FaceResult, Score, Thresholds, Verdict


def decide_face(score: Score, thresholds: Thresholds) -> Verdict:
    """Decide about one scored face.

    A face is called fake at the threshold corrected for the number of faces in the picture, so that a crowd
    does not accuse somebody by mere chance; the picture is fake exactly when one of its faces is.
    """
    p = score.p_fake
    if p >= thresholds.picture_fake:
        return Verdict("fake", p)
    if p >= thresholds.fake:
        return Verdict(
            "uncertain", p, ("suspicious, but among this many faces one such score is expected by chance",)
        )
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
