"""Leave-sources-out cross-validation of probes: what a candidate does on sources, cameras and decoders it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fakeweb import metrics
from fakeweb.errors import UsageError
from fakeweb.evaluate.figures import Figure, figure
from fakeweb.evaluate.probe.cache import Features
from fakeweb.evaluate.probe.fit import Marks, Pool, ProbeRecipe
from fakeweb.metrics import Floats

ALARMS: Final = 0.02
"""Share of pooled left-out genuine faces above the line."""
_LEVELLED: Final = 100
"""So many left-out genuine faces a source needs to count for the level."""
_SAME: Final = 0.02
_EQUAL: Final = 0.65


@dataclass(frozen=True)
class Comparison:
    """Fakes to be told from reals.

    Attributes:
        name: What it is called; an ``equal`` one compares reals with their own copies.
        fakes, reals: Sources.
        resampled: Whether the fakes were shrunk and enlarged by who made them, so that the reals are taken degraded.
    """

    name: str
    fakes: tuple[str, ...]
    reals: tuple[str, ...]
    resampled: bool = False


@dataclass(frozen=True)
class SourceFold:
    """One fold.

    Attributes:
        name: What it is called.
        out: Sources that are not trained on: fakes, and their reals.
        compared: What is measured on them; none where the fold is about reals alone.
    """

    name: str
    out: tuple[str, ...]
    compared: tuple[Comparison, ...] = ()


def read_folds(told: Mapping[str, Any]) -> list[SourceFold]:
    """Read the folds of a recipe's tables.

    Raises:
        UsageError: Something is missing or unknown.
    """
    try:
        return [
            SourceFold(
                name,
                tuple(fold["out"]),
                tuple(
                    Comparison(**{**c, "fakes": tuple(c["fakes"]), "reals": tuple(c["reals"])})
                    for c in fold.get("compare", ())
                ),
            )
            for name, fold in told.items()
        ]
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"a fold is not described well: {error}", hint="see recipes/probe/accurate.toml"
        ) from error


def cross_validate(
    features: Features, folds: Sequence[SourceFold], recipe: ProbeRecipe | None, known: Sequence[str] = ()
) -> dict[str, Any]:
    """Fit one probe per fold without its sources, and measure it on their faces; see :func:`judge_folds`."""
    own = () if recipe is not None and recipe.base == 0 else known
    return judge_folds(features, folds, out_of_fold(features, folds, recipe), own)


def judge_folds(
    features: Features, folds: Sequence[SourceFold], scores: Mapping[str, Floats], known: Sequence[str] = ()
) -> dict[str, Any]:
    """Measure what each fold's probe says of the sources that it never saw.

    Rows of validation groups B are not measured. Of sources that stay in training a comparison takes validation groups
    A alone; so it does of sources that the shipped model was trained on, where its logit counts.

    Args:
        features: Cached.
        folds: What is left out together.
        scores: From :func:`out_of_fold`.
        known: Sources on whose training split the shipped model was trained.

    Returns:
        ``folds``: per fold and comparison AUC, and share caught at the line; ``genuine``: per left-out source its
        false alarms; ``line``: the logit above which 2 % of all left-out genuine faces lie; ``level``; ``refused``.
    """
    table = _Table(features, known)
    genuine = {f.name: table.genuine(f.out) for f in folds}
    pooled = np.concatenate([scores[name][marks] for name, marks in genuine.items()])
    line = float(np.quantile(pooled, 1 - ALARMS)) if len(pooled) else np.nan
    out: dict[str, Any] = {"line": line, "folds": {}, "genuine": {}}
    for fold in folds:
        own = scores[fold.name]
        out["folds"][fold.name] = {c.name: table.compared(own, c, fold.out, line) for c in fold.compared}
        out["genuine"] |= table.alarms(own, genuine[fold.name], line)
    out["level"] = _level(scores, genuine, table.source)
    out["refused"] = _refused(out["folds"])
    return out


def out_of_fold(
    features: Features, folds: Sequence[SourceFold], recipe: ProbeRecipe | None
) -> dict[str, Floats]:
    """Return per fold the logits (N,) of a probe that saw none of its sources; without a recipe the shipped model's."""
    if recipe is None:
        return {fold.name: features.logits for fold in folds}
    pool = Pool(features, recipe)
    return {fold.name: pool.fit(fold.out)(features) for fold in folds}


class _Table:
    """The rows' columns as arrays."""

    def __init__(self, features: Features, known: Sequence[str]) -> None:
        self.label, self.source = features.column("label"), features.column("source")
        self.split, self.view = features.column("split"), features.column("view")
        self.half, group, path = (features.column(name) for name in ("half", "group", "path"))
        self.path = np.char.add(np.char.add(self.source, "/"), path)
        self.usable = (self.half != "B") & ~(np.isin(self.source, known) & (self.split == "train"))
        self.group = np.char.add(np.char.add(self.source, "/"), group)

    def genuine(self, out: Sequence[str]) -> Marks:
        """Return the left-out genuine faces as they are."""
        return np.isin(self.source, out) & (self.label == 0) & (self.view == "plain") & self.usable

    def compared(self, scores: Floats, wanted: Comparison, out: Sequence[str], line: float) -> dict[str, Any]:
        """Return the figures of a comparison: as it is, degraded, and at 64 px with what that costs the same faces."""
        unseen = set(wanted.fakes) | set(wanted.reals) <= set(out)
        usable = self.usable & (unseen | (self.half == "A"))
        fake = usable & np.isin(self.source, wanted.fakes) & (self.label == 1)
        real = usable & np.isin(self.source, wanted.reals) & (self.label == 0)
        plain = self.view == "plain"
        found: dict[str, Any] = {"fakes": int((fake & plain).sum()), "reals": int((real & plain).sum())}
        found["auc"] = self._auc(scores, fake & plain, real & plain)
        for view in ("degraded", "small"):
            if (fake & (self.view == view)).any():
                found[f"auc_{view}"] = self._auc(
                    scores, fake & (self.view == view), real & (self.view == view)
                )
        small = np.isin(self.path, self.path[self.view == "small"])
        if "auc_small" in found:
            same = self._auc(scores, fake & plain & small, real & plain & small)["value"]
            at_64 = found["auc_small"]["value"]
            if same is not None and at_64 is not None:
                found["lost_small"] = round(same - at_64, 6)
        if wanted.resampled:
            found["auc_resampled"] = self._auc(scores, fake & plain, real & (self.view == "degraded"))
        found["caught"] = figure(
            float((scores[fake & plain] > line).mean()) if (fake & plain).any() else np.nan
        )
        return found

    def _auc(self, scores: Floats, fake: Marks, real: Marks) -> Figure:
        both = fake | real
        value = metrics.auc(scores[fake], scores[real])
        if not np.isfinite(value):
            return figure(value)
        ranks = np.argsort(np.argsort(scores[both])) / max(
            int(both.sum()), 1
        )  # P(fake) for the bootstrap, ties aside

        def aucs(weights: Floats) -> Floats:
            return metrics.ranked(self.label[both], ranks, weights)[:, :1]

        return figure(value, metrics.bootstrap(aucs, self.group[both], repeats=200)[0])

    def alarms(self, scores: Floats, genuine: Marks, line: float) -> dict[str, dict[str, Any]]:
        """Return false alarms of each source."""
        found = {}
        for source in sorted(set(self.source[genuine])):
            own = genuine & (self.source == source)
            hit = scores[own] > line
            share = figure(float(hit.mean()), metrics.share_interval(hit, self.group[own]))
            found[str(source)] = {
                "reals": int(own.sum()),
                "alarms": share,
                "mean": round(float(scores[own].mean()), 4),
            }
        return found


def _level(
    scores: Mapping[str, Floats],
    genuine: Mapping[str, Marks],
    source: npt.NDArray[np.str_],
) -> float | None:
    """Return the spread of sources' mean genuine logits over the spread within sources, of left-out sources."""
    means, within = [], []
    for name, marks in genuine.items():
        for one in sorted(set(source[marks])):
            own = scores[name][marks & (source == one)]
            if len(own) >= _LEVELLED:
                means.append(float(own.mean()))
                within.append(float(own.var()))
    return round(float(np.std(means) / np.sqrt(np.mean(within))), 4) if len(means) > 2 else None


def _refused(folds: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why a candidate is refused, or "": it judges looks alone, at 64 px as well and not at equal content."""
    every = [(name, c) for fold in folds.values() for name, c in fold.items()]
    lost = [c["lost_small"] for _, c in every if "lost_small" in c]
    equal = [
        c["auc"]["value"] for name, c in every if name.startswith("equal") and c["auc"]["value"] is not None
    ]
    if lost and equal and np.mean(lost) < _SAME and np.mean(equal) < _EQUAL:
        return (
            f"told by look: {np.mean(lost):.3f} of AUC is lost at 64 px, and equal content is told with"
            f" {np.mean(equal):.3f}"
        )
    return ""
