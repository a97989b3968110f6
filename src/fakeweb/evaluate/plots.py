"""Plots as SVG; matplotlib is the guest, used without its global state."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fakeweb import metrics
from fakeweb.evaluate.pages import Plot
from fakeweb.evaluate.scores import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0b62a4", "#c8553d", "#2f7d4f", "#7a4fa3", "#b8860b", "#5b6770", "#d17ba8", "#3aa6a6")
_REAL, _FAKE = "#0b62a4", "#c8553d"


def _figure(width: float = 5.2, height: float = 4.0) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    return figure, axes


def _plot(name: str, figure: Figure, alt: str) -> Plot:
    """Write a figure; the same figure gives the same bytes."""
    import matplotlib as mpl

    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "fakeweb", "svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return Plot(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), stream.getvalue(), alt)


def _diagonal(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color="#999", linewidth=0.8, linestyle=":")


def roc_plot(curves: Mapping[str, Sequence[Row]], name: str, title: str) -> Plot:
    """Draw one ROC curve per entry."""
    figure, axes = _figure()
    for colour, (label, rows) in zip(_COLOURS * 3, curves.items(), strict=False):
        fake, real = ([r.p_fake for r in rows if r.label == truth] for truth in (1, 0))
        if fake and real:
            fpr, tpr = metrics.roc([r.label for r in rows], [r.p_fake for r in rows])
            area = metrics.auc(fake, real)
            axes.plot(fpr, tpr, color=colour, linewidth=1.6, label=f"{label}  {area:.3f}")
    _diagonal(axes)
    axes.set(xlabel="share of reals called fake", ylabel="share of fakes called fake")
    axes.set(title=title, aspect="equal")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7.5, loc="lower right", frameon=False, title="AUC", title_fontsize=7.5)
    return _plot(name, figure, f"ROC curves: {title}")


def reliability_plot(rows: Sequence[Row], name: str, title: str, bins: int = 10) -> Plot:
    """Draw how often faces were fake against the P(fake) they got, and how many got it."""
    figure, axes = _figure()
    labels, p = [r.label for r in rows], [r.p_fake for r in rows]
    said, found, total = metrics.reliability(labels, p, bins)
    there, middles = total > 0, (np.arange(bins) + 0.5) / bins
    axes.bar(middles, total / max(1.0, total.sum()), 1 / bins, color="#d9dee3", label="share of rows")
    _diagonal(axes)
    axes.plot(said[there], found[there], color=_FAKE, marker="o", markersize=4, label="share of fakes")
    axes.set(xlabel="P(fake) said", ylabel="share of fakes found", title=title, xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    return _plot(name, figure, f"reliability: {title}")


def score_plot(rows: Sequence[Row], name: str, title: str) -> Plot:
    """Draw the scores of reals and fakes."""
    figure, axes = _figure()
    edges = np.linspace(0, 1, 41)
    for label, colour, word in ((0, _REAL, "real"), (1, _FAKE, "fake")):
        own = [r.p_fake for r in rows if r.label == label]
        axes.hist(own, edges.tolist(), color=colour, alpha=0.55, label=word)
    axes.set(xlabel="P(fake)", ylabel="rows", title=title)
    axes.legend(fontsize=8, frameon=False)
    return _plot(name, figure, f"scores: {title}")


def robustness_plot(
    by_model: Mapping[str, Mapping[str, Any]], kind: str, levels: Sequence[float], key: str
) -> Plot:
    """Draw a figure against the strength of one kind of damage, the undamaged picture first."""
    figure, axes = _figure(4.2, 3.1)
    places = list(range(len(levels) + 1))
    for colour, (model, found) in zip(_COLOURS * 3, by_model.items(), strict=False):
        cells = [found[v][key] for v in ("plain", *(f"{kind}-{level:g}" for level in levels))]
        values, lows, highs = (
            np.array([np.nan if c[k] is None else c[k] for c in cells], float)
            for k in ("value", "low", "high")
        )
        axes.plot(places, values, color=colour, marker="o", markersize=3, linewidth=1.4, label=model)
        axes.fill_between(places, lows, highs, color=colour, alpha=0.13, linewidth=0)
    axes.set_xticks(places, ["plain", *(f"{level:g}" for level in levels)], fontsize=8)
    axes.set(title=f"{kind}: {key.replace('_', ' ')}")
    axes.legend(fontsize=6.5, frameon=False)
    return _plot(f"robustness-{kind}-{key}", figure, f"{key} under {kind}")


def share_plot(entries: Sequence[Mapping[str, Any]], key: str, name: str, title: str) -> Plot:
    """Draw shares with their intervals, one per class."""
    figure, axes = _figure(4.6, 3.1)
    known = [e for e in entries if e[key]["value"] is not None]
    for place, entry in enumerate(known):
        cell = entry[key]
        axes.plot([place, place], [cell["low"], cell["high"]], color=_REAL, linewidth=2)
        axes.plot([place], [cell["value"]], color=_REAL, marker="o", markersize=5)
    count = "real" if key == "false_alarm_rate" else "fake"
    axes.set_xticks(range(len(known)), [f"{e['class']}\n({e[count]})" for e in known], fontsize=7)
    axes.set(title=title, ylim=(0, None))
    return _plot(name, figure, title)


def bars_plot(groups: Mapping[str, Mapping[str, float]], name: str, title: str, ylabel: str) -> Plot:
    """Draw bars side by side: outer names along the axis, inner names by colour."""
    figure, axes = _figure(max(5.2, 0.62 * len(groups) + 1.5), 3.4)
    inner = list(dict.fromkeys(k for g in groups.values() for k in g))
    wide = 0.8 / max(1, len(inner))
    for number, (colour, key) in enumerate(zip(_COLOURS * 3, inner, strict=False)):
        places = [i + (number - (len(inner) - 1) / 2) * wide for i in range(len(groups))]
        axes.bar(places, [g.get(key, 0.0) for g in groups.values()], wide, color=colour, label=key)
    _name_groups(axes, groups, 0, title, ylabel)
    axes.legend(fontsize=8, frameon=False)
    return _plot(name, figure, title)


def box_plot(groups: Mapping[str, Sequence[float]], name: str, title: str, ylabel: str) -> Plot:
    """Draw a box with whiskers (5 % and 95 %) per group."""
    figure, axes = _figure(max(5.2, 0.62 * len(groups) + 1.5), 3.4)
    look: dict[str, Any] = {
        "whis": (5, 95),
        "showfliers": False,
        "widths": 0.6,
        "medianprops": {"color": _FAKE},
    }
    axes.boxplot(list(groups.values()), **look)
    _name_groups(axes, groups, 1, title, ylabel)
    return _plot(name, figure, title)


def _name_groups(axes: Axes, groups: Mapping[str, Any], first: int, title: str, ylabel: str) -> None:
    """Write the names of groups along the axis, from place ``first`` on."""
    axes.set_xticks(range(first, len(groups) + first), list(groups), rotation=35, ha="right", fontsize=8)
    axes.set(title=title, ylabel=ylabel)
