"""Calibration of a model that somebody brought in, as training does it for its own: ``fakeweb models add --data``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fakeweb.classifiers import OnnxClassifier
from fakeweb.classifiers.adopt import calibrated
from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError
from fakeweb.evaluate.protocol import Protocol, choose
from fakeweb.faces import align, main_face
from fakeweb.media import read_image
from fakeweb.runtime import ModelCard
from fakeweb.scanner import Scanner
from fakeweb.train.calibrate import balanced_weights, fit_bent, fit_decision
from fakeweb.train.recipe import CalibrationRecipe
from fakeweb.types import FaceFinder


def calibrate(
    card: ModelCard,
    data: Path,
    layout: str,
    finder: str,
    finder_model: Path | None,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ModelCard:
    """Learn calibration and thresholds on groups A of the validation split.

    Args:
        card: The model's, not calibrated yet.
        data: Root of labelled pictures.
        layout: How they lie, or ``auto``.
        finder: Name of the finder of faces.
        finder_model: Its model file, for finders that need one.
        on_progress: Called with (pictures done, in all).

    Returns:
        The card, calibrated.

    Raises:
        DatasetError: Groups A do not show both classes.
    """
    chosen = choose(Protocol(data, (card.name,), layout=layout, part="val-A"))
    classifier = OnnxClassifier(card)
    look = Scanner(finder=finder, finder_model=finder_model, model=classifier).finder
    seen: list[tuple[float, int, str]] = []
    for done, sample in enumerate(chosen.samples, 1):
        logit = _logit_of(sample, classifier, look)
        if logit is not None:
            seen.append((logit, int(sample.label or 0), sample.source))
        on_progress(done, len(chosen.samples))
    return _calibrated(card, data, seen)


def _logit_of(sample: Sample, classifier: OnnxClassifier, finder: FaceFinder) -> float | None:
    """Return the logit of a picture's main face; None where there is none."""
    image = read_image(sample.path).image
    face, _ = main_face(finder.find(image), image)
    if face is None:
        return None
    return classifier.score([align(image, face, classifier.side_px, margin=classifier.margin)])[0].logit


def _calibrated(card: ModelCard, data: Path, seen: Sequence[tuple[float, int, str]]) -> ModelCard:
    logits, labels, sources = (list(column) for column in zip(*seen, strict=True)) if seen else ([], [], [])
    if len(set(labels)) < 2:
        raise DatasetError(f"groups A of {data} show no face of either class", hint="is it the right folder?")
    x, y = np.array(logits), np.array(labels)
    calibration = fit_bent(x, y, balanced_weights(y, np.array(sources)))
    decision = fit_decision(x, y, calibration, CalibrationRecipe(min_face_px=card.decision.min_face_px))
    about = {
        "real": int((y == 0).sum()),
        "fake": int((y == 1).sum()),
        "sources": sorted(set(sources)),
        "groups": "A of val",
    }
    return calibrated(card, calibration, decision, about)
