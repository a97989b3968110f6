"""From what was measured on faces to verdicts: one way for pictures, clips, and whoever asks about a single score.

:func:`conclude` takes all faces of a picture (or all people of a clip) and gives each its result and the whole its
verdict; :func:`judge_face` does so for one of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fakeweb.faces import Quality
from fakeweb.runtime import NO_NORMS, Norms
from fakeweb.types import (
    Classifier,
    Face,
    FaceResult,
    Label,
    Neighbours,
    Rarity,
    Score,
    Stretch,
    Thresholds,
    Verdict,
)

# each: worth saying from the first value on, too much to be judged from the second; see docs/reference/judge.md
_SHORT_PX = 80.0
_SHARPNESS = (3.0, 2.3)
_BRIGHTNESS = (45.0, 30.0)
_LIT = (0.75, 0.5)
_YAW_DEG = (40.0, 60.0)
_INSIDE = (0.75, 0.5)
_BLOCKS = 1.7
_PRESENCE = 0.6
_WHOLE = 0.9  # share of a face's square that lies in the picture, of somebody who is not cut off
_FOREGROUND = 0.7  # whoever is cut off and no larger than by this is a bystander
_TELLING = 2.0  # a face stands out where fewer than one in so many genuine pictures hold one that does


@dataclass(frozen=True)
class Caution:
    """What makes a face hard to judge.

    Attributes:
        words: A plain sentence for the reader.
        forbids: Whether no verdict should rest on this face.
    """

    words: str
    forbids: bool = False


@dataclass(frozen=True)
class Rules:
    """What verdicts go by: the model's thresholds and norms, or the user's threshold.

    Attributes:
        thresholds: Where verdicts begin.
        least_px: Narrower faces are too small to judge.
        full_px: Narrower ones are judged with the offset for small faces.
        norms: What genuine faces were measured to be like.
        probability: Logit -> P(fake); None where the classifier does not tell.
        max_printed: Above this ``Face.printed`` a face is taken for a print; None where nobody measures that.
    """

    thresholds: Thresholds
    least_px: float = 1.0
    full_px: float = 1.0
    norms: Norms = NO_NORMS
    probability: Callable[[float], float] | None = None
    max_printed: float | None = None

    @classmethod
    def of(
        cls, classifier: Classifier, *, threshold: float | None = None, max_printed: float | None = None
    ) -> Rules:
        """Return a classifier's rules; ``threshold`` takes the place of its line for fakes."""
        own = classifier.thresholds()
        if threshold is not None:
            own = Thresholds(min(own.real, threshold), threshold, "user")
        norms: Norms = getattr(classifier, "norms", NO_NORMS)
        full_px = classifier.min_face_px
        least_px = full_px if norms.small is None else min(full_px, norms.small.min_face_px)
        probability = getattr(classifier, "probability", None)
        return cls(own, least_px, full_px, norms, probability, max_printed)

    def sized(self, face: Face, score: Score) -> Score:
        """Return a score that counts for its face's size."""
        small = self.norms.small
        if small is None or self.probability is None or face.width_px >= self.full_px:
            return score
        logit = score.logit - small.offset
        return replace(score, logit=logit, p_fake=self.probability(logit))


@dataclass(frozen=True, eq=False)
class Seen:
    """A face and what was measured on it, before anything is concluded.

    Attributes:
        face: Where it is.
        score: What the classifier said; None where it was not asked.
        unjudged: Why it was not asked, in words.
        cautions: What makes it hard to judge.
        inside: Share of its square that lies in the picture.
        level: Logit that its neighbours are measured against, of a clip over all its time; None: that of the score.
        stretches: Of clips, the parts in which it looks manipulated.
        time: How long it is seen; 1 in pictures.
    """

    face: Face
    score: Score | None = None
    unjudged: str | None = None
    cautions: tuple[Caution, ...] = ()
    inside: float = 1.0
    level: float | None = None
    stretches: tuple[Stretch, ...] | None = None
    time: float = 1.0

    def is_judged(self, rules: Rules) -> bool:
        """Tell whether a verdict may rest on it."""
        forbidden = any(caution.forbids for caution in self.cautions)
        return self.score is not None and not forbidden and not self.is_print(rules)

    def is_print(self, rules: Rules) -> bool:
        """Tell whether it is taken for a picture within the picture."""
        most, printed = rules.max_printed, self.face.printed
        return most is not None and printed is not None and printed > most

    @property
    def weight(self) -> float:
        """How much of the picture it is: its area times its time."""
        return self.face.width_px * self.face.height_px * self.time


def conclude(seen: Sequence[Seen], rules: Rules) -> tuple[tuple[FaceResult, ...], Verdict]:
    """Return the result of each face, and the verdict on the whole.

    Args:
        seen: All faces of a picture, or all people of a clip.
        rules: What verdicts go by.
    """
    judged = [one.is_judged(rules) for one in seen]
    company = [_level(one) if ok else None for one, ok in zip(seen, judged, strict=True)]
    results = []
    for place, one in enumerate(seen):
        others = [level for i, level in enumerate(company) if level is not None and i != place]
        results.append(judge_face(one, others, rules))
    main = _foreground(seen, judged)
    results = [
        replace(r, weighed=r.verdict.label == "fake" or not _is_bystander(one, main))
        for r, one in zip(results, seen, strict=True)
    ]
    return tuple(results), _whole(seen, results, judged)


def judge_face(seen: Seen, others: Sequence[float], rules: Rules) -> FaceResult:
    """Conclude about one face.

    Args:
        seen: The face, its score and its quality.
        others: Logits of the other judged faces of its picture: its company.
        rules: What verdicts go by.
    """
    face, score = seen.face, seen.score
    if score is None:
        return FaceResult(
            face, Verdict("uncertain", None, (seen.unjudged or "not judged",)), stretches=seen.stretches
        )
    if seen.is_print(rules):
        reason = "looks like a picture within the picture (paper, cloth or a screen), which cannot be judged"
        return FaceResult(
            face, Verdict("uncertain", score.p_fake, (reason,)), score, stretches=seen.stretches
        )
    cautions = sorted(seen.cautions, key=lambda c: not c.forbids)
    words = tuple(caution.words for caution in cautions)
    if cautions and cautions[0].forbids:
        return FaceResult(face, Verdict("uncertain", score.p_fake, words), score, stretches=seen.stretches)
    near = _compare(score, others, rules)
    verdict = decide_face(score, rules, near, len(others) + 1)
    verdict = replace(verdict, reasons=(*verdict.reasons, *words))
    return FaceResult(
        face,
        verdict,
        score,
        rarity_of(score, rules),
        None if near is None else near.told(verdict.label),
        seen.stretches,
    )


@dataclass(frozen=True)
class _Compared:
    """A face beside its neighbours."""

    neighbours: Neighbours
    moved: float
    lines: tuple[float, float]

    def told(self, label: Label) -> Neighbours:
        """Return what the report says: of genuine faces not how rarely they would stand out."""
        return replace(self.neighbours, one_in=None) if label == "real" else self.neighbours


def decide_face(score: Score, rules: Rules, near: _Compared | None = None, faces: int = 1) -> Verdict:
    """Decide about a scored face that nothing forbids to judge.

    A face alone goes by the thresholds. Beside others a face is called fake that reaches the threshold and stands out
    from them as well; between the thresholds it is called real where it does not stand out. Neighbours never make a
    face real that is above the threshold: all of them may be fake.
    """
    p, limits = score.p_fake, rules.thresholds
    if near is None:
        if p >= limits.fake:
            return Verdict("fake", p)
        if p <= limits.real:
            return Verdict("real", p)
        return Verdict("uncertain", p, ("the score lies between real and fake",))
    fake_line, real_line = near.lines
    if p >= limits.fake:
        if near.moved >= fake_line:
            return Verdict("fake", p, near_words(near.neighbours))
        return Verdict(
            "uncertain",
            p,
            (f"looks manipulated taken alone, but hardly more than the other {_people(faces - 1)} here",),
        )
    if p <= limits.real or near.moved <= real_line:
        return Verdict("real", p)
    reasons = near_words(near.neighbours)
    return Verdict("uncertain", p, reasons or ("the score lies between real and fake",))


def near_words(near: Neighbours) -> tuple[str, ...]:
    """Say how a face stands out; nothing where it does not."""
    if near.one_in is None:
        return ()
    return (
        f"stands out: 1 of {near.judged}; in about one of {_round(near.one_in)} genuine pictures of "
        f"{near.judged} faces one would",
    )


def rarity_of(score: Score, rules: Rules) -> Rarity | None:
    """Return how rare a score is among genuine faces; None where that was not measured."""
    norm = rules.norms.rarity
    return None if norm is None else norm.rarity(score.logit)


def _compare(score: Score, others: Sequence[float], rules: Rules) -> _Compared | None:
    """Measure a face against its neighbours; None for a face alone, without norms, or by the user's threshold."""
    norm = rules.norms.group
    if norm is None or not others or rules.thresholds.source == "user":
        return None
    moved, faces = norm.moved(score.logit, others), len(others) + 1
    z = (score.logit - statistics.median(others)) / norm.within
    one_in = norm.one_in(moved, faces)
    told = round(one_in, 1) if one_in >= _TELLING and z > 0 else None
    return _Compared(Neighbours(faces, round(z, 2), told), moved, norm.lines_for(faces))


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


def too_small(face: Face, least_px: float) -> str | None:
    """Say that a face is too small to judge; None where it is large enough."""
    if face.width_px >= least_px:
        return None
    return f"too small to judge: {face.width_px:.0f} px wide, {least_px:.0f} px needed"


def _below(value: float, limits: tuple[float, float], worth_saying: str, too_much: str) -> Caution | None:
    """Return a caution where a value lies below one of two limits; none for NaN."""
    if value < limits[1]:
        return Caution(too_much, forbids=True)
    return Caution(worth_saying) if value < limits[0] else None


def _level(seen: Seen) -> float | None:
    if seen.level is not None or seen.score is None:
        return seen.level
    return seen.score.logit


def _foreground(seen: Sequence[Seen], judged: Sequence[bool]) -> Seen | None:
    """Return the largest judged face that the border does not cut, or None."""
    whole = [one for one, ok in zip(seen, judged, strict=True) if ok and one.inside >= _WHOLE]
    return max(whole, key=lambda one: one.weight, default=None)


def _is_bystander(seen: Seen, main: Seen | None) -> bool:
    """Tell whether somebody is cut off by the border beside somebody whole and about as large."""
    return (
        main is not None
        and seen.inside < _INSIDE[0]
        and main.face.width_px >= _FOREGROUND * seen.face.width_px
    )


def _whole(seen: Sequence[Seen], results: Sequence[FaceResult], judged: Sequence[bool]) -> Verdict:
    """Decide about a picture, or a clip, from its faces.

    Fake if one face is; else uncertain if a judged face is; else real, but only where at least half of the faces, and
    the largest, were judged. Bystanders whom the border cuts off are left out, unless they are fake. P(fake) is that of
    the most suspicious judged face.
    """
    if not results:
        return Verdict("no_face", reasons=("no face found; small, turned or covered faces may be missed",))
    weighed = [i for i, r in enumerate(results) if r.weighed]
    sure = [i for i in weighed if judged[i]]
    if not sure:
        scored = [p for i in weighed if (p := results[i].verdict.p_fake) is not None]
        alone = len(weighed) == 1
        why = results[weighed[0]].verdict.reasons if alone else ("no face could be judged",)
        return Verdict("uncertain", max(scored, default=None), why)
    p = max(results[i].verdict.p_fake or 0.0 for i in sure)
    labels = {results[i].verdict.label for i in sure}
    label: Label = next(name for name in ("fake", "uncertain", "real") if name in labels)
    reasons = (
        [] if len(results) > 1 else list(results[sure[0]].verdict.reasons[: 0 if label == "real" else 1])
    )
    if label != "real" and len(results) > 1:
        reasons += _telling(results, label)
    missing = _missing(seen, weighed, sure)
    if missing is not None:
        reasons.append(missing[1])
        label = "uncertain" if label == "real" and missing[0] else label
    return Verdict(label, p, tuple(reasons))


def _missing(seen: Sequence[Seen], weighed: Sequence[int], sure: Sequence[int]) -> tuple[bool, str] | None:
    """Return whether too much could not be judged to call the whole real, and what to say; None where all was."""
    if len(sure) == len(weighed):
        return None
    time = sum(seen[i].time for i in weighed)
    most = max(weighed, key=lambda i: seen[i].weight)
    share = sum(seen[i].time for i in sure) / time if time > 0 else len(sure) / len(weighed)
    if 2 * share < 1:
        return True, f"only {len(sure)} of {_people(len(weighed))} could be judged"
    if most not in sure:
        return True, "the largest face could not be judged"
    return False, f"{len(weighed) - len(sure)} of {_people(len(weighed))} could not be judged"


def _telling(results: Sequence[FaceResult], label: Label) -> list[str]:
    """Name the faces a verdict rests on, the most suspicious first."""
    chosen = [(i, r) for i, r in enumerate(results, 1) if r.weighed and r.verdict.label == label]
    chosen.sort(key=lambda pair: -(pair[1].verdict.p_fake or 0.0))
    if label != "fake":
        chosen = [pair for pair in chosen if pair[1].neighbours is not None and pair[1].neighbours.one_in]
    if not chosen:
        return []
    who = ", ".join(f"face {r.face.track or i}" for i, r in chosen[:5])
    more = f" and {len(chosen) - 5} more" if len(chosen) > 5 else ""
    first = chosen[0][1].verdict.reasons
    said = f": {first[0]}" if len(chosen) == 1 and first else ""
    return [f"{'manipulated' if label == 'fake' else 'stands out'}: {who}{more}" if label == "fake" or not said
            else f"{who}{said}"]  # fmt: skip


def _people(count: int) -> str:
    return f"{count} face" if count == 1 else f"{count} faces"


def _round(one_in: float) -> str:
    """Return a count as people say it: 6, 40, 300."""
    digits = 1 if one_in >= 20 else 0
    return f"{round(one_in, -digits if one_in < 200 else -2):,.0f}"
