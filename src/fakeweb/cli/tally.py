"""Summary line of a scan of several inputs: how many there were, what they are, what was passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from fakeweb.media import kind_of
from fakeweb.types import Report

_LABELS = {
    "fake": "fake",
    "real": "real",
    "uncertain": "uncertain",
    "no_face": "without a face",
    "failed": "failed",
}
_MEDIA = {"picture": ("picture", "pictures"), "clip": ("clip", "clips"), "unknown": ("input", "inputs")}


@dataclass
class Tally:
    """Counts what becomes of each input.

    Attributes:
        labels: Verdicts, and ``failed`` for inputs without one.
        media: Pictures, clips, and inputs of which nobody knows.
    """

    labels: Counter[str] = field(default_factory=Counter)
    media: Counter[str] = field(default_factory=Counter)

    def add(self, source: str | None, report: Report | None) -> None:
        """Count one input.

        Args:
            source: Its path, None where it has none.
            report: What was found; None where it failed.
        """
        self.labels["failed" if report is None else report.verdict.label] += 1
        if report is None:
            self.media["unknown" if source is None else kind_of(source)] += 1
        else:
            self.media["picture" if report.video is None else "clip"] += 1

    def line(self, total: int, took_s: float, skipped: Mapping[str, int]) -> str:
        """Return the line.

        Args:
            total: How many inputs there are in all, done or not.
            took_s: How long it took.
            skipped: How many files of folders were passed over, by reason.
        """
        done = sum(self.labels.values())
        media = [f"{n} {_MEDIA[kind][n != 1]}" for kind in _MEDIA if (n := self.media[kind])]
        found = [f"{n} {word}" for label, word in _LABELS.items() if (n := self.labels[label])]
        left = f", {total - done} not done" if done < total else ""
        passed = [f"{n} {why}" for why, n in skipped.items() if n]
        return (
            f"{_listed(media) or '0 pictures'} in {took_s:.1f} s: {', '.join(found) or 'nothing to do'}{left}"
            + (f"; passed over: {', '.join(passed)}" if passed else "")
        )


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
