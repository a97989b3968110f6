"""From examples to a model of one's own, or to the reason why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from fakeweb.adapt.examples import LEAST, Example, doubts, leaks, read_examples
from fakeweb.adapt.fit import Correction, fit, left_out
from fakeweb.adapt.graft import OUTPUT, grafted
from fakeweb.adapt.line import Elsewhere, elsewhere, relined
from fakeweb.adapt.see import Eye, composition_of
from fakeweb.adapt.summary import Floats, Ints, Summary, read_summary
from fakeweb.errors import DatasetError, ModelIncompatible, UsageError
from fakeweb.media import read_image, write_atomically
from fakeweb.metrics import auc, log_loss
from fakeweb.runtime import ENCODERS, NO_NORMS, Adapter, ModelCard, find_card, verify

DEFAULT_PARENT: Final = "accurate"
MORE_ALARMS: Final = 0.005
"""By so much false alarms elsewhere may rise."""
WORST_ALARMS: Final = 0.05
"""By so much those of a single source may."""


@dataclass(frozen=True)
class Adapted:
    """A model made from examples.

    Attributes:
        card: Its card.
        path: Where the card lies.
        figures: ``own``, ``elsewhere`` and ``doubts``, as in the card.
        left_out: What was not learned from, and why.
        doubts: What else parts the classes and may be handling alone.
    """

    card: ModelCard
    path: Path
    figures: dict[str, Any]
    left_out: tuple[str, ...]
    doubts: tuple[str, ...]


def adapt(
    places: Sequence[Path],
    out: Path,
    parent: str = DEFAULT_PARENT,
    *,
    on_progress: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
) -> Adapted:
    """Correct a shipped model by examples, and write a card and a model file beside it; or nothing.

    Args:
        places: What holds the examples, see :func:`fakeweb.adapt.examples.read_examples`.
        out: The card, ending in ``.json``.
        parent: Name of a shipped head over an encoder.
        on_progress: Called with (stage, done, all).

    Raises:
        DatasetError: The examples are too few, contradict each other, give themselves away by how their files were
            made, show no faces, or teach nothing that holds.
        UsageError: ``out`` cannot be written.
        ModelError: The parent cannot be used, or nothing is kept of its validation.
    """
    _check_out(out)
    card = _parent(parent)
    summary = read_summary(card)
    examples, aside = read_examples(places, lambda done, total: on_progress("reading", done, total))
    if told := leaks(examples):
        raise DatasetError(
            f"the examples give themselves away, whatever the faces show: {'; '.join(told)}",
            hint="bring both classes into one form: same format, size and quality, from the same cameras",
        )
    seen, logits, features = _look(card, examples, on_progress)
    u = summary.project(features)
    labels = np.array([e.label for e in seen], np.int64)
    after = left_out(logits, u, labels, [e.group for e in seen], summary.line)
    correction = fit(logits, u, labels, summary.line)
    calibration, decision = relined(card, summary, correction, after, labels)
    made = replace(card, calibration=calibration, decision=decision)
    own = _own(card, made, logits, after, labels)
    harm = elsewhere(summary, correction, card.decision.fake_logit(), decision.fake_logit())
    _refuse(own, harm)
    figures = {"own": own, "elsewhere": harm.to_dict(), "doubts": doubts(examples)}
    written = _write(made, summary, correction, seen, figures, card.digest(), out)
    missing = [*aside, *(f"no face large enough: {e.path}" for e in examples if e not in seen)]
    return Adapted(written, out, figures, tuple(missing), tuple(figures["doubts"]))


def _check_out(out: Path) -> None:
    if out.suffix != ".json":
        raise UsageError(f"--out {out} does not end in .json", hint="such as --out my.json")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}", hint="make it first")
    if out.exists():
        try:
            ours = "adapted" in json.loads(out.read_text(encoding="utf-8"))["details"]
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise UsageError(
                f"{out} is there already, and was not written by this command", hint="choose another"
            )


def _parent(name: str) -> ModelCard:
    card = find_card(name)
    if not isinstance(card, ModelCard):
        raise ModelIncompatible(
            f"{card.reference} is a {card.task}, not a classifier", hint="--parent accurate"
        )
    composition_of(card)
    return card


def _look(
    card: ModelCard, examples: Sequence[Example], on_progress: Callable[[str, int, int], None]
) -> tuple[list[Example], Floats, np.ndarray]:
    """Return the examples with a face, their logits (N,) and features (N, F)."""
    eye = Eye(card)
    seen, logits, features = [], [], []
    for done, example in enumerate(examples, 1):
        found = eye(read_image(example.path).image)
        if found is not None:
            seen.append(example)
            logits.append(found[0])
            features.append(found[1])
        on_progress("looking", done, len(examples))
    for label, word in ((0, "real"), (1, "fake")):
        count = sum(e.label == label for e in seen)
        if count < LEAST:
            raise DatasetError(
                f"a face of {card.decision.min_face_px:.0f} px was found in {count} of the {word} examples, and "
                f"{LEAST} are needed",
                hint="give pictures in which the face is large and whole",
            )
    return seen, np.array(logits), np.array(features, np.float32)


def _own(card: ModelCard, made: ModelCard, before: Floats, after: Floats, labels: Ints) -> dict[str, Any]:
    """Return figures of the examples, before and after; after: by corrections that did not see the example's group."""
    out: dict[str, Any] = {"real": int((labels == 0).sum()), "fake": int((labels == 1).sum())}
    pairs = [(card, before), (made, after)]
    p = [np.array([c.calibration.probability(z) for z in logits]) for c, logits in pairs]
    called = [logits > c.decision.fake_logit() for c, logits in pairs]
    out["auc"] = [round(float(auc(z[labels == 1], z[labels == 0])), 4) for _, z in pairs]
    out["alarms"] = [round(float(v[labels == 0].mean()), 4) for v in called]
    out["caught"] = [round(float(v[labels == 1].mean()), 4) for v in called]
    out["log_loss"] = [
        round(float(np.mean([log_loss(labels[labels == y], v[labels == y]) for y in (0, 1)])), 4) for v in p
    ]
    return out


def _refuse(own: dict[str, Any], harm: Elsewhere) -> None:
    """Say no where the examples taught nothing that holds, or where it costs others.

    Raises:
        DatasetError: With the reason.
    """
    gain = own["auc"][1] - own["auc"][0]
    figures = f"AUC {own['auc'][0]:.2f} before, {own['auc'][1]:.2f} after, on examples not learned from"
    if gain <= 0 or own["log_loss"][1] >= own["log_loss"][0]:
        raise DatasetError(
            f"nothing was learned that holds: {figures}", hint="give more examples, and look at the labels"
        )
    before, after = own["caught"]
    if after < before:
        raise DatasetError(
            f"fewer of such fakes would be called fake, {after:.0%} instead of {before:.0%}: {figures}",
            hint="give more examples; where genuine faces elsewhere score alike, the line must lie high",
        )
    before, after = harm.alarms
    if after - before > MORE_ALARMS:
        raise DatasetError(
            f"genuine faces elsewhere would pay for it: {after:.1%} of them called fake instead of {before:.1%}",
            hint="give more genuine examples, and of more persons",
        )
    before, after = harm.worst_alarms
    if after - before > WORST_ALARMS:
        raise DatasetError(
            f"genuine faces of one kind would pay for it: of {harm.worst}, {after:.1%} called fake instead of "
            f"{before:.1%}",
            hint="give more genuine examples, and of more kinds",
        )


def _write(
    card: ModelCard,
    summary: Summary,
    correction: Correction,
    seen: Sequence[Example],
    figures: dict[str, Any],
    parent_digest: str,
    out: Path,
) -> ModelCard:
    """Write model file and card; return the card."""
    own, constant = summary.lifted(correction.weights)
    size = ENCODERS[composition_of(card).encoder].size(patches=composition_of(card).patches)
    weights = np.zeros(1 + size, np.float32)  # the base's logit comes first
    weights[1 : 1 + len(own)] = own
    content = grafted(verify(card), weights, correction.shift + constant)
    path = out.with_suffix(".onnx")
    made = replace(
        card,
        name=out.stem,
        version=f"{datetime.now(UTC):%Y%m%d}",
        title=f"{card.reference}, corrected by {len(seen)} examples",
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        adapter=Adapter(dtype="uint8", output=OUTPUT),
        norms=NO_NORMS,
        details={
            "adapted": {
                "parent": card.reference,
                "parent_digest": parent_digest,
                "examples": [{"sha256": e.facts.sha256, "label": e.label} for e in seen],
                **figures,
            },
            "limits": _limits(card, figures),
        },
    )
    write_atomically(path, content)
    write_atomically(out, (json.dumps(made.to_dict(), indent=2, ensure_ascii=False) + "\n").encode())
    return made


def _limits(card: ModelCard, figures: dict[str, Any]) -> list[str]:
    own, other = figures["own"], figures["elsewhere"]
    return [
        f"For pictures like the {own['real']} real and {own['fake']} fake ones it learned from, and no others: of "
        f"fakes elsewhere {other['caught'][1]:.0%} are called fake, by {card.reference} {other['caught'][0]:.0%}.",
        f"Its figures rest on {own['real'] + own['fake']} pictures: take them as hints.",
        "Rarity, groups, small faces and clips have no norms of their own: each face is judged by the thresholds.",
        f"All limits of {card.reference} hold.",
        *(
            f"Their classes differ in {told}: perhaps handling alone was learned."
            for told in figures["doubts"]
        ),
    ]
