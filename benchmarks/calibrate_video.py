"""Fit the verdicts on people in videos to composed clips of groups A, and write them into a model's card.

    python benchmarks/calibrate_video.py --data DATA --model fast --clips runs/clips --write

composes the clips and scans them, each once, fits Platt's calibration and the thresholds to the mean of P(fake) over
each person's frames, puts the section ``video`` into the card with --write, and says what groups B make of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from video import rows_of  # beside this file

from fakeweb.classifiers import OnnxClassifier
from fakeweb.evaluate.judge_clips import PersonRow, auc
from fakeweb.media import write_atomically
from fakeweb.runtime import TrackVerdicts, find_card
from fakeweb.train.calibrate import fit_decision, fit_platt
from fakeweb.train.recipe import CalibrationRecipe

ROOT = Path(__file__).resolve().parents[1]


def log_odds(rows: Sequence[PersonRow]) -> np.ndarray:
    """Return the log odds of each person's mean P(fake)."""
    p = np.clip([float(np.mean(r.p_frames)) for r in rows], 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def fit(rows: Sequence[PersonRow], false_alarms: float, missed: float, min_face_px: float) -> TrackVerdicts:
    """Fit calibration and decision to judged people."""
    z, labels = log_odds(rows), np.array([r.label for r in rows])
    weights = np.where(labels == 1, 0.5 / (labels == 1).sum(), 0.5 / (labels == 0).sum())
    calibration = fit_platt(z, labels, weights)
    recipe = CalibrationRecipe(false_alarms=false_alarms, missed=missed, min_face_px=min_face_px)
    return TrackVerdicts(calibration, fit_decision(z, labels, calibration, recipe))


def describe(rows: Sequence[PersonRow], verdicts: TrackVerdicts) -> dict[str, float]:
    """Say what a fit makes of judged people, each alone."""
    p = np.array([verdicts.calibration.probability(float(v)) for v in log_odds(rows)])
    labels = np.array([r.label for r in rows])
    fake = verdicts.calibration.probability(verdicts.decision.fake_logit(1))
    real = verdicts.decision.real
    return {
        "people": len(rows), "auc": auc(p[labels == 1], p[labels == 0]),
        "real_called_fake": float((p[labels == 0] >= fake).mean()),
        "fake_called_fake": float((p[labels == 1] >= fake).mean()),
        "fake_called_real": float((p[labels == 1] <= real).mean()),
        "real_called_real": float((p[labels == 0] <= real).mean()),
        "threshold_fake": fake, "threshold_real": real,
    }  # fmt: skip


def main() -> None:
    """Compose, scan, fit, tell, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--clips", type=Path, default=ROOT / "runs" / "clips")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--finder", default="fakeweb")
    parser.add_argument("--false-alarms", type=float, default=0.02)
    parser.add_argument("--missed", type=float, default=0.1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    card = find_card(options.model)
    people = [r for r in rows_of(options, "A")[0] if r.p_frames]
    verdicts = fit(people, options.false_alarms, options.missed, OnnxClassifier(card).min_face_px)
    sys.stdout.write(f"groups A: {json.dumps(describe(people, verdicts))}\n")
    section = verdicts.to_dict()
    sys.stdout.write(json.dumps({"video": section}, indent=2) + "\n")
    if options.write:
        path = card.path.with_suffix(".json")
        data = json.loads(path.read_text(encoding="utf-8"))
        data["video"] = section
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(path, (text + "\n").encode())
        sys.stdout.write(f"written: {path}\n")
    others = [r for r in rows_of(options, "B")[0] if r.p_frames]
    sys.stdout.write(f"groups B: {json.dumps(describe(others, verdicts))}\n")


if __name__ == "__main__":
    main()
