"""Compare classifiers on the same crops of validation groups B, and list what held-out sources cost.

    python benchmarks/classifiers.py --models runs/vgg16/vgg16.json runs/resnet50/resnet50.json \
        --baselines DATA/peers --robustness 300 --small --folds runs/folds

Writes the parts of docs/reference/judge.md between its markers (extra ``evaluate``). Every model judges the main face
of every picture, cut as its card says; times are CPU time on one thread: the mean over faces, of each the least of a
few calls.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from baselines import read_baselines
from bench import PEOPLE, arguments, head, line, put
from fakeweb.evaluate import evaluate
from fakeweb.evaluate.protocol import Protocol, choose
from fakeweb.evaluate.report import cell
from fakeweb.evaluate.score_video import SampleScorer
from fakeweb.faces import align, main_face
from fakeweb.media import read_image
from fakeweb.scanner import DEFAULT_MODEL
from fakeweb.train.calibrate import source_aucs
from fakeweb.types import Classifier, Crop, Face, Image

SOURCES = ("dfdc", "ciplab", "stylegan1_ffhq")
SINGLE = ("sdxl", "stylegan2_sfhq")
SIDES = (256, 128, 80, 48)
TIMED_FACES = 100
CALLS = 5


def main() -> None:
    """Measure what was asked for and write it into the page."""
    flags = ("--baselines folder with weights of published classifiers", "--folds folder of trained folds")
    parser = arguments(__doc__, *flags, out="bench-judge")
    parser.add_argument("--models", nargs="*", default=[], help="cards beside the shipped model's")
    parser.add_argument("--robustness", type=int, default=0, help="pictures to damage in every way; 0: none")
    parser.add_argument(
        "--small", action="store_true", help="judge crops that were made small and large again"
    )
    parser.add_argument("--workers", "-j", type=int, default=1)
    options = parser.parse_args()
    if options.models or options.baselines or options.robustness:
        protocol = Protocol(
            data=options.data,
            models=(DEFAULT_MODEL, *options.models),
            part="val-B",
            people=PEOPLE,
            baselines=tuple(read_baselines(options.baselines)) if options.baselines else (),
            robustness=options.robustness,
        )
        metrics = evaluate(protocol, options.out, workers=options.workers).metrics
        if options.models or options.baselines:
            put("judge.md", "baselines", beside_others(protocol, metrics))
        if options.robustness:
            put("judge.md", "robustness", robustness(metrics, options.robustness))
    if options.small:
        put("judge.md", "small", small(options.data))
    if options.folds:
        put("judge.md", "folds", folds(options.folds))


def beside_others(protocol: Protocol, metrics: dict[str, Any]) -> list[str]:
    """Return the table of all models on the same pictures."""
    table = head(
        "model", "AUC, two-class sources", *SOURCES, *(f"{s} *" for s in SINGLE), "reals called fake",
        "fakes called fake", "CPU ms a face", "MB",
    )  # fmt: skip
    scorer = SampleScorer(protocol)
    faces = timed_faces(protocol, scorer)
    for classifier in scorer.classifiers:
        model = metrics["models"][classifier.reference]
        pooled = model["pooled_two_class"]
        cells = [
            classifier.reference,
            cell(pooled["auc"]),
            *(cell(model["sources"].get(s, {}).get("auc")) for s in SOURCES),
            *(cell(model["matched"].get(s, {}).get("auc")) for s in SINGLE),
            cell(pooled["false_alarm_rate"], True),
            cell(pooled["recall"], True),
            f"{cost_ms(classifier, faces):.1f}",
            size_mb(classifier),
        ]
        table.append(line(*cells))
    count = next(iter(metrics["models"].values()))["pooled_all"]
    return [
        *table,
        "",
        f"{count['real']} real and {count['fake']} fake pictures; `*`: no reals of its own, paired with real faces of"
        " other sources, handled alike. Square brackets: 95 % intervals over whole groups.",
    ]


def robustness(metrics: dict[str, Any], pictures: int) -> list[str]:
    """Return the table of what damage costs the shipped model, on the same pictures in each row."""
    name, model = next(iter(metrics["models"].items()))
    table = [
        f"{name} on {pictures} pictures of two-class sources, each damaged in every way before its face is cut.",
        "",
        *head("damage", "AUC", "reals called fake", "fakes called fake"),
    ]
    for view, figures in model["robustness"].items():
        shares = [cell(figures[key], True) for key in ("false_alarm_rate", "recall")]
        table.append(line(view, cell(figures["auc"]), *shares))
    return table


def small(data: Path) -> list[str]:
    """Return the table of what the shipped model still tells apart in crops that were made small and large again."""
    protocol = Protocol(data=data, models=(DEFAULT_MODEL,), part="val-B", people=PEOPLE)
    scorer = SampleScorer(protocol)
    classifier = scorer.classifiers[0]
    labels, sources, logits = [], [], []
    for sample in choose(protocol).samples:
        image = read_image(sample.path).image
        face, _ = main_face(scorer.finder.find(image), image)
        if face is None:
            continue
        crop = align(image, face, classifier.side_px, margin=classifier.margin)
        labels.append(int(sample.label or 0))
        sources.append(sample.source)
        logits.append([score.logit for score in classifier.score([shrunk(crop, px) for px in SIDES])])
    label, source, logit = np.array(labels), np.array(sources), np.array(logits)
    table = head("side the crop was shrunk to", *SOURCES, *(f"{s} *" for s in SINGLE))
    for column, px in enumerate(SIDES):
        areas = source_aucs(logit[:, column], label, source)
        said = f"{px} px" + (" (none was)" if px == classifier.side_px else "")
        table.append(line(said, *(f"{areas['auc_' + s]:.3f}" for s in (*SOURCES, *SINGLE))))
    return [*table, "", f"{classifier.reference}, {len(label)} faces; `*`: against all reals."]


def shrunk(crop: Crop, px: int) -> Crop:
    """Return a crop whose detail was lost: made ``px`` pixels wide by averaging, and large again by cubic splines."""
    side = crop.side_px
    less = cv2.resize(crop.pixels, (px, px), interpolation=cv2.INTER_AREA)
    return replace(
        crop, pixels=cv2.resize(less, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    )


def size_mb(classifier: Classifier) -> str:
    """Return a model's size on disk in MB; nothing of published weights, which have no card."""
    card = getattr(classifier, "card", None)
    return "" if card is None else f"{card.path.stat().st_size / 1e6:.1f}"


def timed_faces(protocol: Protocol, scorer: SampleScorer) -> list[tuple[Image, Face]]:
    """Return the main faces of some of the pictures, drawn evenly from sources and classes."""
    samples = choose(replace(protocol, limit=TIMED_FACES, robustness=0)).samples
    images = [read_image(sample.path).image for sample in samples]
    found = [(image, main_face(scorer.finder.find(image), image)[0]) for image in images]
    return [(image, face) for image, face in found if face is not None]


def cost_ms(classifier: Classifier, faces: Sequence[tuple[Image, Face]]) -> float:
    """Return the CPU milliseconds of one crop: the mean over faces, of each the least of :data:`CALLS`."""
    least = []
    for image, face in faces:
        crop = align(image, face, classifier.side_px, margin=classifier.margin)
        times = []
        for _ in range(CALLS):
            started = time.process_time()
            classifier.score([crop])
            times.append(time.process_time() - started)
        least.append(min(times))
    return 1000 * sum(least) / len(least)


def folds(folder: Path) -> list[str]:
    """Return the table of held-out sources, from the folds' cards."""
    table = head("held out", "source", "AUC", "called fake")
    for path in sorted(folder.glob("*/*.json")):
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["details"]
        scores = card["scores"]["held_out"]
        for name in card["held_out"]:
            source, _, _ = name.partition("/")
            for label in ("fake", "real"):
                share = scores.get(f"{label}_called_fake_{source}")
                if share is None or (name.endswith("/fake") and label == "real"):
                    continue
                area = scores.get(f"auc_{source}") if label == "fake" else None
                told = "" if area is None else f"{area:.3f}"
                held = ", ".join(card["held_out"])
                table.append(line(held, f"{source}, {label}", told, f"{100 * share:.1f} %"))
    return table


if __name__ == "__main__":
    main()
