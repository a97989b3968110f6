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
    Content,
    Face,
    FaceResult,
    Label,
    MeasuredClassifier,
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
_JUST = 1e-4  # above the line for real faces
_SHOWS = {
    "animal": "this looks like an animal",
    "person": "this looks like a person, though no face was found",
    "vehicle": "this looks like a vehicle",
}
_NAMED = 5  # so many faces are named in the reasons of a picture


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
        full_px = classifier.min_face_px
        if not isinstance(classifier, MeasuredClassifier):
            return cls(own, full_px, full_px, max_printed=max_printed)
        norms: Norms = classifier.norms
        least_px = full_px if norms.small is None else min(full_px, norms.small.min_face_px)
        return cls(own, least_px, full_px, norms, classifier.probability, max_printed)

    def sized(self, face: Face, score: Score) -> Score:
        """Return a score that counts for its face's size, which makes no face real that is not without it."""
        small = self.norms.small
        if small is None or self.probability is None or face.width_px >= self.full_px:
            return score
        logit = score.logit - small.offset
        p, real = self.probability(logit), self.thresholds.real
        if p <= real < score.p_fake:
            p = min(score.p_fake, real + _JUST)
        return replace(score, logit=logit, p_fake=p)


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
    results, usual = [], []
    main = _foreground(seen, judged)
    for place, one in enumerate(seen):
        others = [level for i, level in enumerate(company) if level is not None and i != place]
        near = None if one.score is None or not judged[place] else compare(one.score, others, rules)
        result = judge_face(one, near, rules)
        weighed = result.verdict.label == "fake" or not _is_bystander(one, main)
        results.append(replace(result, weighed=weighed))
        usual.append(near is not None and near.is_usual)
    return tuple(results), _whole(seen, results, judged, usual, rules.thresholds.fake)


def explained(verdict: Verdict, content: Content) -> Verdict:
    """Return the verdict on a picture; where no face was found, with what the picture shows as its first reason."""
    words = _SHOWS.get(content.label)
    if verdict.label != "no_face" or words is None:
        return verdict
    return replace(verdict, reasons=(words, *verdict.reasons))


def judge_face(seen: Seen, near: Compared | None, rules: Rules) -> FaceResult:
    """Conclude about one face.

    Args:
        seen: The face, its score and its quality.
        near: How it compares with the other faces of its picture, by :func:`compare`; None for a face alone.
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
    verdict = decide_face(score, rules, near)
    verdict = replace(verdict, reasons=(*verdict.reasons, *words))
    return FaceResult(
        face,
        verdict,
        score,
        rarity_of(score, rules),
        None if near is None else near.neighbours,
        seen.stretches,
    )


@dataclass(frozen=True)
class Compared:
    """A face beside its neighbours.

    Attributes:
        neighbours: What the report says of it.
        is_telling: Whether it stands out enough to be called fake.
        is_usual: Whether most genuine pictures of as many faces hold one like it.
    """

    neighbours: Neighbours
    is_telling: bool
    is_usual: bool


def decide_face(score: Score, rules: Rules, near: Compared | None = None) -> Verdict:
    """Decide about a scored face that nothing forbids to judge.

    A face alone goes by the thresholds. Beside others it must stand out from them as well to be called fake; they never
    make a face real that is not: all of them may be fake.
    """
    p, limits = score.p_fake, rules.thresholds
    told = () if near is None else near_words(near.neighbours)
    if p >= limits.fake and (near is None or near.is_telling):
        return Verdict("fake", p, told)
    if p >= limits.fake and near is not None:
        others = _people(near.neighbours.judged - 1)
        reason = f"looks manipulated taken alone, but does not stand out enough from the other {others} here"
        return Verdict("uncertain", p, (reason,))
    if p <= limits.real:
        return Verdict("real", p)
    return Verdict("uncertain", p, told or ("the score lies between real and fake",))


def compare(score: Score, others: Sequence[float], rules: Rules) -> Compared | None:
    """Measure a face against its neighbours; None for a face alone, without norms, or by the user's threshold.

    Args:
        score: Of the face.
        others: Logits of the other judged faces of the picture.
        rules: Whose norms count.
    """
    norm = rules.norms.group
    if norm is None or not others or rules.thresholds.source == "user":
        return None
    moved, faces = norm.moved(score.logit, others), len(others) + 1
    fake, real = norm.lines_for(faces)
    z = (score.logit - statistics.median(others)) / norm.within
    one_in = round(norm.one_in(moved, faces), 1) if moved > real and z > 0 else None
    return Compared(Neighbours(faces, round(z, 2), one_in), moved >= fake, moved <= real)


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
    return f"too small to judge: {int(face.width_px)} px wide, {least_px:.0f} px needed"


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


def _whole(
    seen: Sequence[Seen],
    results: Sequence[FaceResult],
    judged: Sequence[bool],
    usual: Sequence[bool],
    fake: float,
) -> Verdict:
    """Decide about a picture, or a clip, from its faces.

    Fake if one face is; else uncertain if a judged face is, unless it is below the threshold ``fake`` and most genuine
    pictures of as many faces hold one like it; else real, but only where at least half of the faces, and the largest,
    were judged. Bystanders whom the border cuts off are left out, unless they are fake. P(fake) is that of the most
    suspicious judged face.
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
    p = max(_p(results[i]) for i in sure)
    waved = [
        i for i in sure if results[i].verdict.label == "uncertain" and usual[i] and _p(results[i]) < fake
    ]
    labels = {"real" if i in waved else results[i].verdict.label for i in sure}
    label: Label = next(name for name in ("fake", "uncertain", "real") if name in labels)
    reasons: list[str] = []
    if len(results) == 1:
        reasons += results[0].verdict.reasons[: 0 if label == "real" else 1]
    elif label != "real":
        reasons += _telling(results, label)
    elif waved:
        reasons.append(
            f"{len(waved)} of {_people(len(sure))} lie between real and fake, as in most genuine pictures of so many"
        )
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
    """Name the faces a verdict rests on, the most suspicious first; of one, say why."""
    chosen = [
        (r.face.track or i, r) for i, r in enumerate(results, 1) if r.weighed and r.verdict.label == label
    ]
    if label == "uncertain":
        chosen = [pair for pair in chosen if pair[1].neighbours is not None and pair[1].neighbours.one_in]
    chosen.sort(key=lambda pair: -_p(pair[1]))
    who = ", ".join(f"face {number}" for number, _ in chosen[:_NAMED])
    more = f" and {len(chosen) - _NAMED} more" if len(chosen) > _NAMED else ""
    if label == "fake":
        return [f"manipulated: {who}{more}"]
    if len(chosen) == 1:
        return [f"{who} {chosen[0][1].verdict.reasons[0]}"]
    return [f"{who}{more} stand out"] if chosen else []


def _p(result: FaceResult) -> float:
    return result.verdict.p_fake or 0.0


def _people(count: int) -> str:
    return f"{count} face" if count == 1 else f"{count} faces"


def _round(one_in: float) -> str:
    """Return a count as people say it: 6, 40, 300."""
    digits = 1 if one_in >= 20 else 0
    return f"{round(one_in, -digits if one_in < 200 else -2):,.0f}"
