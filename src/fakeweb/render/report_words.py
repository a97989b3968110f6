"""A report in sentences: what the page to hand on says of it, and the same as plain text for programs that talk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fakeweb.render.impact import impact_words, viewer_warnings
from fakeweb.render.origin import label_line, origin_lines
from fakeweb.render.words import file_name, percent, rarity_words, stretch_words
from fakeweb.types import FaceResult, Impact, Report

HEADLINES: Final = {
    "fake": "This looks manipulated",
    "real": "No sign of manipulation found",
    "uncertain": "FakeWeb cannot tell",
    "no_face": "No face found",
}
MEANS: Final = {
    "fake": "At least one face scores as high as manipulated ones usually do. That is a reason to look closer, not a"
    " proof: genuine faces get such scores too.",
    "real": "Every judged face scores as low as genuine ones usually do. That does not prove that it is genuine: good"
    " fakes go unnoticed.",
    "uncertain": "The scores lie between those of genuine and those of manipulated faces. Take this as no answer, not"
    " as half a yes.",
    "no_face": "FakeWeb judges faces only. It says nothing about the rest of the picture.",
}
_KINDS: Final = {
    "swap": "another person's face",
    "reenacted": "another expression or other lips",
    "retouch": "retouched features",
    "generated": "made by software",
}

ORIGIN: Final = "Where the file says it comes from (beside the score, no part of it; quoted from the file):"
_MOST_FACES: Final = 12


@dataclass(frozen=True)
class About:
    """What stands at the foot of every page.

    Attributes:
        version: Of FakeWeb.
        limits: Where the model fails, by its card.
        rates: How often it was wrong, in a sentence; empty where its card has no figures.
        date: When the page was made, as people read it.
    """

    version: str
    limits: tuple[str, ...] = ()
    rates: str = ""
    date: str = ""


def explain(report: Report, about: About, impact: Impact | None = None) -> str:
    """Explain a report in plain text: verdict, faces, origin, words for viewers, limits, a sentence to quote.

    Args:
        report: Of a picture or clip.
        about: What judged it.
        impact: Where a reach was given.
    """
    return "\n\n".join("\n".join(part) for part in _parts(report, about, impact) if part)


def _parts(report: Report, about: About, impact: Impact | None) -> Iterator[list[str]]:
    verdict = report.verdict
    p_text = "" if verdict.p_fake is None else f", P(fake) {percent(verdict.p_fake)}"
    yield [
        f"{file_name(report.source)}: {HEADLINES[verdict.label]}{p_text}. {counted(report)}.",
        MEANS[verdict.label],
        *map(sentence, verdict.reasons),
    ]
    ordered = by_rarity(report)
    yield [_face(report, result) for result in ordered[:_MOST_FACES]]
    if len(ordered) > _MOST_FACES:
        yield [f"And {len(ordered) - _MOST_FACES} more, with lower or no scores."]
    lines = [f"- {line}" for line in origin_lines(report)]
    yield [ORIGIN, *lines, *filter(None, [label_line(report.provenance)])] if lines else []
    yield [f"Impact {impact_words(impact)}."] if impact is not None else []
    yield [f"For viewers: {w.title}. {w.text}" for w in viewer_warnings(report)]
    yield [f"Note: {sentence(warning)}" for warning in report.warnings]
    yield ["Where the model fails:", *(f"- {text}" for text in about.limits)] if about.limits else []
    yield [f"To quote: {quote(report, about)}"]


def _face(report: Report, result: FaceResult) -> str:
    verdict = result.verdict
    p_text = "not scored" if verdict.p_fake is None else f"P(fake) {percent(verdict.p_fake)}"
    word = "Person" if report.video is not None else "Face"
    return " ".join(
        [f"{word} {face_number(report, result)}: {verdict.label}, {p_text}.", *face_sentences(result)]
    )


def quote(report: Report, about: About) -> str:
    """Return a sentence to quote: verdict, score, how often that is wrong, and the file's fingerprint.

    Example:
        >>> from fakeweb.types import Thresholds, Verdict
        >>> report = Report("a.png", Verdict("no_face"), 6, 4, (), Thresholds(0.4, 0.6), "haar", ("fast@1",), "0" * 64)
        >>> quote(report, About("1.0"))[:60]
        'FakeWeb 1.0 (model fast@1) on "a.png": No face found; 0 face'
    """
    verdict = report.verdict
    score = (
        ""
        if verdict.p_fake is None
        else f", score P(fake) {percent(verdict.p_fake)}, line {percent(report.thresholds.fake)}"
    )
    first = next(iter(by_rarity(report)), None)
    rare = f" {_rare(first)}" if first is not None and _rare(first) else ""
    moved = report.thresholds.source == "user"
    rates = f" {about.rates}" if about.rates and not moved else ""
    return (
        f'FakeWeb {about.version} (model {", ".join(report.models)}) on "{file_name(report.source)}": '
        f"{HEADLINES[verdict.label]}{score}; {counted(report)}.{rare}{rates} A score is an estimate and no proof."
        f" SHA-256 of the file: {report.media_sha256}."
    )


def rates_words(alarms: float, found: float) -> str:
    """Say how often a model is wrong.

    Args:
        alarms: Share of genuine faces that it calls fake.
        found: Share of manipulated faces that it calls fake.

    Example:
        >>> rates_words(0.018, 0.66)
        'On faces it had not seen, this model calls 1.8 % of genuine ones fake and finds 66 % of manipulated ones.'
    """
    return (
        f"On faces it had not seen, this model calls {100 * alarms:.1f} % of genuine ones fake and finds"
        f" {100 * found:.0f} % of manipulated ones."
    )


def counted(report: Report) -> str:
    """Say how many faces or people there are, and what became of them."""
    noun = ("person", "people") if report.video is not None else ("face", "faces")
    total, fake, unsure = len(report.faces), report.count("fake"), report.count("uncertain")
    told = [f"{total} {noun[total != 1]}"]
    told += [f"{fake} look{'s' if fake == 1 else ''} manipulated"] if fake else []
    told += [f"{unsure} uncertain"] if unsure else []
    return ", ".join(told)


def by_rarity(report: Report) -> list[FaceResult]:
    """Return the faces, the rarest score first, those not judged last."""

    def key(result: FaceResult) -> tuple[float, float]:
        p = -1.0 if result.verdict.p_fake is None else result.verdict.p_fake
        return -(result.rarity.one_in if result.rarity is not None else 0.0), -p

    return sorted(report.faces, key=key)


def face_number(report: Report, result: FaceResult) -> int:
    """Return what a face is called by: its track in a clip, its place in a picture."""
    return result.face.track if result.face.track is not None else report.faces.index(result) + 1


def face_sentences(result: FaceResult) -> list[str]:
    """Say what is known of a face beside its label and score, a sentence each."""
    kind = result.score.kind if result.score is not None and result.verdict.label == "fake" else None
    lines = [
        f"If manipulated, most likely: {_KINDS[kind]}." if kind in _KINDS else "",
        _rare(result),
        *map(sentence, result.verdict.reasons),
        f"Looks manipulated {stretch_words(result)}." if result.stretches else "",
        ""
        if result.weighed
        else "Cut off by the border: the verdict on the whole does not rest on this face.",
    ]
    return [line for line in lines if line]


def _rare(result: FaceResult) -> str:
    """Say how rare a score is; nothing of faces called real, since it would sound like a certificate."""
    return "" if result.rarity is None or result.verdict.label == "real" else rarity_words(result.rarity)


def sentence(text: str) -> str:
    """Return a text as a sentence: with a capital, and an end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
