"""The report of an evaluation: what it says, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fakeweb.evaluate import conditions, plots, shallow
from fakeweb.evaluate.degrade import CURVES, PLAIN
from fakeweb.evaluate.figures import VERDICTS, judged
from fakeweb.evaluate.pages import NONE, Block, Heading, Side, Table, Text, write_page
from fakeweb.evaluate.scores import Row

_COUNTS: Final = {
    "real": "reals", "fake": "fakes", "groups": "groups", "no_face": "no face", "unreadable": "unreadable",
}  # fmt: skip
_RANKED: Final = {
    "auc": "AUC", "average_precision": "AP", "equal_error_rate": "EER", "hits_at_1": "found at 1 % alarms",
    "hits_at_2": "found at 2 %", "hits_at_5": "found at 5 %", "log_loss": "log loss",
    "log_loss_all": "log loss, no face = 0.5", "brier": "Brier", "calibration_error": "ECE",
}  # fmt: skip
_SHARES: Final = {
    "accuracy": "accuracy at 0.5", "precision": "precision", "recall": "fakes called fake",
    "false_alarm_rate": "reals called fake", "uncertain": "uncertain",
}  # fmt: skip
_TITLES: Final = {**_COUNTS, **_RANKED, **_SHARES}
_CALLED: Final = ("recall", "false_alarm_rate", "uncertain")
_WIDE: Final = (
    "real",
    "fake",
    "no_face",
    "auc",
    "average_precision",
    "log_loss",
    "calibration_error",
    *_CALLED,
)
_FACES: Final = {"none": "no face", "1": "1 face"}


def write_reports(out: Path, metrics: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write ``report.html`` and ``report.md``.

    Args:
        out: Folder.
        metrics: As in ``metrics.json``.
        rows: All rows, for the curves.
    """
    models = metrics["models"]
    blocks: list[Block] = [Heading(f"Evaluation of {next(iter(models))}", 1), *_summary(metrics)]
    blocks += _overview(metrics, rows)
    for name, model in models.items():
        own = judged(r for r in rows if r.model == name and r.view == PLAIN)
        blocks += _of_model(name, model, own, metrics["thresholds"][name])
    write_page(out, "report", [*blocks, *_robustness(models)])


def cell(figure: Mapping[str, Any] | None, percent: bool = False) -> str:
    """Return a figure with its interval as text; a dash where there is none."""
    if figure is None or figure["value"] is None:
        return NONE

    def number(v: float) -> str:
        return f"{100 * v:.1f}" if percent else f"{v:.3f}"

    unit = " %" if percent else ""
    inside = "" if figure["low"] is None else f" [{number(figure['low'])}, {number(figure['high'])}]"
    return f"{number(figure['value'])}{unit}{inside}"


def values(figures: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Return some figures of a table as text: counts, figures with intervals, shares in percent."""
    return [str(figures[k]) if k in _COUNTS else cell(figures[k], k in _SHARES) for k in keys]


def figures_table(first: str, tables: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> Table:
    """Return one line per table of figures, under the titles of the keys."""
    return Table([first, *(_TITLES[k] for k in keys)], [[n, *values(t, keys)] for n, t in tables.items()])


def _summary(metrics: Mapping[str, Any]) -> list[Block]:
    run = metrics["run"]
    drawn = f", at most {run['limit']}" if run["limit"] else ""
    lines = [
        f"Split {run['part']}{drawn}: {run['samples']} files of {run['data']} (layout {run['layout']}), judged at "
        f"the level {run['level']!r} with the finder {run['finder']!r}, FakeWeb {run['fakeweb']}.",
        "Square brackets are 95 % intervals: bootstrap over whole groups (persons, source videos), for shares "
        "Wilson's with one trial per group, for AUC near 1 Clopper and Pearson's with one trial per pair of groups. "
        "ECE is without the bias that chance adds. "
        "AUC, AP, EER, log loss (P(fake) clipped to [0.01, 0.99]), Brier and ECE "
        "are over pictures and frames in which a face was judged; the second log loss counts the others as 0.5. "
        "'Called' is the model's own verdict at its shipped thresholds; accuracy is at even odds.",
    ]
    if run["part"] in ("val", "val-A"):
        lines.append(
            "Groups A of the validation split select epochs and set calibration and thresholds of models trained "
            "here: figures on them flatter such a model. Look at val-B, once, or at another data set."
        )
    if run["part"] in ("train", "all"):
        lines.append(
            "This split holds pictures that a model may have been trained on: its figures are no estimate."
        )
    if metrics["problems"]:
        lines.append("Left out by the layout: " + "; ".join(metrics["problems"]))
    return [Text(line) for line in lines]


def _overview(metrics: Mapping[str, Any], rows: Sequence[Row]) -> list[Block]:
    """Return all models side by side, over two-class sources, and the shallow baseline as the last."""
    models = metrics["models"]
    pooled = {n: m["pooled_two_class"] for n, m in {**models, shallow.REFERENCE: metrics["shallow"]}.items()}
    keys = ("auc", "average_precision", "equal_error_rate", "log_loss", "calibration_error", *_CALLED)
    inside = next(iter(models.values()))["two_class_sources"]
    blocks: list[Block] = [
        Heading("At a glance"),
        Text(f"Pooled over sources that hold both classes: {', '.join(inside)}."),
        figures_table("model", pooled, keys),
    ]
    curves = {}
    for name, model in models.items():
        if "against_shallow" in model:
            found = model["against_shallow"]["pooled"]
            word = "clearly beats" if found["clearly"] else "does NOT clearly beat"
            gap = f"{found['rows']} pictures: AUC {cell(found['auc_above_shallow'])} above it."
            blocks.append(Text(f"{name} {word} the shallow baseline on the same {gap}"))
        own = set(model["two_class_sources"])
        curves[name] = [r for r in judged(rows) if r.model == name and r.view == PLAIN and r.source in own]
    blocks.append(
        Text(
            f"The shallow baseline ({shallow.REFERENCE}) sees sharpness, noise, blockiness and colour statistics "
            "only; it is cross-validated by group on these very pictures, so it knows their sources, which a model "
            "from elsewhere does not."
        )
    )
    return [*blocks, plots.roc_plot(curves, "roc-models", "all models, pooled two-class sources")]


def _of_model(
    name: str, model: Mapping[str, Any], scored: Sequence[Row], thresholds: Mapping[str, Any]
) -> list[Block]:
    by_source = {s: [r for r in scored if r.source == s] for s in model["two_class_sources"]}
    two = [r for r in scored if r.source in by_source]
    blocks: list[Block] = [
        Heading(name),
        Text(f"Called real up to P(fake) {thresholds['real']:.3f}, fake from {thresholds['fake']:.3f}."),
        Side(
            [
                plots.roc_plot(by_source, f"roc-{name}", "ROC by source"),
                plots.reliability_plot(two, f"reliability-{name}", "reliability, two-class sources"),
                plots.score_plot(scored, f"scores-{name}", "scores, all sources"),
            ]
        ),
        Heading("Pooled", 3),
        _pooled(model),
        Heading("By source", 3),
        Text(
            "A source that holds one class only has no AUC of its own; fakes without reals are paired below."
        ),
        figures_table("source", model["sources"], _WIDE),
    ]
    for key, first, title in (
        ("kinds", "kind", "By kind of manipulation, within two-class sources"),
        ("manipulations", "manipulation", "Each manipulation's fakes against all genuine files"),
        ("matched", "source", "Fakes without reals of their own, paired with real faces handled alike"),
    ):
        if model[key]:
            blocks += [Heading(title, 3), figures_table(first, model[key], _WIDE)]
    if "alike" in model:
        alike = {"two-class sources": model["alike"]["pooled_two_class"], **model["alike"]["sources"]}
        title = "All pictures handled alike: one frame, size and encoder (smaller faces left out)"
        blocks += [Heading(title, 3), figures_table("source", alike, _WIDE)]
    if "against_shallow" in model:
        rows = [
            [s, str(e["rows"]), cell(e["auc_above_shallow"]), "yes" if e["clearly"] else "no"]
            for s, e in model["against_shallow"]["sources"].items()
        ]
        head = ["source", "pictures", "AUC above it", "clearly"]
        blocks += [Heading("Above the shallow baseline", 3), Table(head, rows)]
    return [*blocks, *_confusions(model), *_conditions(name, model), *_worst(model)]


def _pooled(model: Mapping[str, Any]) -> Table:
    """Return all figures, one a line, over two-class sources and over all, and of clips."""
    tables = {"two-class sources": model["pooled_two_class"], "all sources": model["pooled_all"]}
    if "video" in model:
        video = model["video"]
        tables |= {"clips, two-class": video["pooled_two_class"], "clips, all": video["pooled_all"]}
    columns = [values(t, list(_TITLES)) for t in tables.values()]
    return Table(["figure", *tables], [list(row) for row in zip(_TITLES.values(), *columns, strict=True)])


def _confusions(model: Mapping[str, Any]) -> list[Block]:
    tables = {
        "all": model["confusion"],
        **{_FACES.get(k, f"{k} faces"): v for k, v in model["confusion_by_faces"].items()},
        **({"clips": model["video"]["confusion"]} if "video" in model else {}),
    }
    rows = [
        [f"{name}, {truth}", *(str(counts[v]) for v in VERDICTS)]
        for name, confusion in tables.items()
        for truth, counts in confusion.items()
    ]
    title = "Verdicts by truth, and by the number of faces in the picture"
    blocks: list[Block] = [Heading(title, 3), Table(["pictures", *VERDICTS], rows)]
    if kinds := model["kind_confusion"]:
        columns = list(next(iter(kinds.values())))
        lines = [[truth, *(str(counts[c]) for c in columns)] for truth, counts in kinds.items()]
        title = "Kinds: what is true (lines), and what was said (of faces called fake, the likeliest kind)"
        blocks += [Heading(title, 3), Table(["truth", *columns], lines)]
    return blocks


def _conditions(name: str, model: Mapping[str, Any]) -> list[Block]:
    found = {conditions.TITLES[k]: (k, entries) for k, entries in model["conditions"].items()}
    rows = [
        [f"{title}: {e['class']}", *values(e, ("real", "false_alarm_rate", "fake", "recall"))]
        for title, (_, entries) in found.items()
        for e in entries
    ]
    drawn = [
        plots.share_plot(entries, "false_alarm_rate", f"alarms-{k}-{name}", f"reals called fake by {title}")
        for title, (k, entries) in found.items()
    ]
    return [
        Heading("False alarms by what the face looks like", 3),
        Text(
            "Skin tone is the individual typology angle of the cheeks, so light counts as skin: it is how skin "
            "appears. Sources differ in all of these at once; read a row as a place to look, not as a cause."
        ),
        Table(["condition", "reals", "reals called fake", "fakes", "fakes called fake"], rows),
        Side(drawn),
    ]


def _worst(model: Mapping[str, Any]) -> list[Block]:
    keys = ("rows", "mean_gap", "false_alarms", "fakes_called_real")
    rows = [
        [f"{g['source']}: {g['group']}", *(f"{g[k]:.3f}" if k == "mean_gap" else str(g[k]) for k in keys)]
        for g in model["worst_groups"]
    ]
    title = "The ten groups with the largest gap between P(fake) and truth (all of them: groups.csv)"
    head = ["group", "pictures", "mean gap", "false alarms", "fakes called real"]
    return [Heading(title, 3), Table(head, rows)]


def _robustness(models: Mapping[str, Any]) -> list[Block]:
    found = {n: m["robustness"] for n, m in models.items() if m["robustness"]}
    if not found:
        return []
    count = next(iter(found.values()))[PLAIN]
    blocks: list[Block] = [
        Heading("Robustness"),
        Text(
            f"{count['real']} reals and {count['fake']} fakes of two-class sources, drawn evenly, each damaged in "
            "every way; 'plain' is the same pictures undamaged."
        ),
    ]
    blocks += [
        Side([plots.robustness_plot(found, kind, levels, key) for kind, levels in CURVES.items()])
        for key in ("auc", "false_alarm_rate")
    ]
    for name, views in found.items():
        blocks += [Heading(name, 3), figures_table("view", views, ("auc", *_CALLED))]
    return blocks
