"""What cards tell of models to those who use them: the form that ``GET /v1/models`` answers with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakeweb.runtime.cards import Card, ModelCard


def model_info(card: Card, in_use: bool) -> dict[str, Any]:
    """Return what is told of a model.

    Args:
        card: Of the model.
        in_use: Whether it judges here.
    """
    return {
        "reference": card.reference,
        "title": card.title,
        "task": card.task,
        "licence": card.licence,
        "sha256": card.sha256,
        "kinds": list(card.kinds) if isinstance(card, ModelCard) else [],
        "limits": list(card.details.get("limits", [])),
        "in_use": in_use,
        "lines": _lines(card) if isinstance(card, ModelCard) else None,
        "measured": measured(card.details) if isinstance(card, ModelCard) else [],
    }


def _lines(card: ModelCard) -> dict[str, float]:
    return {
        "real": card.decision.real,
        "fake": card.calibration.probability(card.decision.fake_logit()),
        "false_alarms": card.decision.false_alarms,
        "min_face_px": card.least_face_px,
    }


def measured(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rates of a card's ``scores``; a set that lacks one of them is left out.

    Cards say how many of all faces stay uncertain; how many of the real ones are called real follows from that.
    """
    found = []
    for name, scores in dict(details.get("scores", {})).items():
        try:
            real, fake = int(scores["faces"]["real"]), int(scores["faces"]["fake"])
            alarms, hits, missed = (
                float(scores[k]) for k in ("real_called_fake", "fake_called_fake", "fake_called_real")
            )
            unsure = float(scores["uncertain"]) * (real + fake) - (1 - hits - missed) * fake
            called_real = 1 - alarms - unsure / real
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            continue
        prefix = "fake_called_fake_"
        found.append(
            {
                "on": str(name),
                "real_faces": real,
                "fake_faces": fake,
                "real_called_fake": alarms,
                "real_called_real": min(1.0, max(0.0, called_real)),
                "fake_called_fake": hits,
                "fake_called_real": missed,
                "found_by_source": {
                    k.removeprefix(prefix): float(v)
                    for k, v in scores.items()
                    if k.startswith(prefix) and isinstance(v, int | float)
                },
            }
        )
    return found
