"""The report of an evaluation: what it says, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fakeweb.evaluate import conditions, plots, shallow
from fakeweb.evaluate.degrade import CURVES, PLAIN
from fakeweb.evaluate.figures import VERDICTS, judged
from fakeweb.evaluate.pages import NONE, Block, Heading, Side, Table, Text, write_page
from fakeweb.evaluate.scores import Row

_RANKED = (
    "auc",
    "average_precision",
    "equal_error_rate",
    "log_loss",
    "log_loss_all",
    "brier",
    "calibration_error",
)
_SHARES = ("accuracy", "precision", "recall", "false_alarm_rate", "uncertain")
_FACES = {"none": "no face", "1": "1 face"}
_TITLES = {
    "auc": "AUC",
    "average_precision": "AP",
    "equal_error_rate": "EER",
    "log_loss": "log loss",
    "log_loss_all": "log loss, no face = 0.5",
    "brier": "Brier",
    "calibration_error": "ECE",
    "accuracy": "accuracy at 0.5",
    "precision": "precision",
    "recall": "fakes called fake",
    "false_alarm_rate": "reals called fake",
    "uncertain": "uncertain",
}


def write_reports(out: Path, metrics: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write ``report.html`` and ``report.md``.

    Args:
        out: Folder.
        metrics: As in ``metrics.json``.
        rows: All rows, for the curves.
    """
    first = next(iter(metrics["models"]))
    blocks: list[Block] = [Heading(f"Evaluation of {first}", 1), *_summary(metrics)]
    blocks += _overview(metrics, rows)
    for name, model in metrics["models"].items():
        own = [r for r in rows if r.model == name and r.view == PLAIN]
        blocks += _of_model(name, model, own, metrics["thresholds"][name])
    blocks += _robustness(metrics)
    write_page(out, "report", blocks)


def cell(figure: Mapping[str, Any] | None, percent: bool = False) -> str:
    """Return a figure with its interval as text; a dash where there is none."""
    if figure is None or figure["value"] is None:
        return NONE

    def number(v: float) -> str:
        return f"{100 * v:.1f}" if percent else f"{v:.3f}"

    unit = " %" if percent else ""
    inside = "" if figure["low"] is None else f" [{number(figure['low'])}, {number(figure['high'])}]"
    return f"{number(figure['value'])}{unit}{inside}"


def _summary(metrics: Mapping[str, Any]) -> list[Block]:
    run = metrics["run"]
    drawn = f", at most {run['limit']}" if run["limit"] else ""
    lines = [
        f"Split {run['part']}{drawn}: {run['samples']} files of {run['data']} (layout {run['layout']}), judged at "
        f"the level {run['level']!r} with the finder {run['finder']!r}, FakeWeb {run['fakeweb']}.",
        "Square brackets are 95 % intervals: bootstrap over whole groups (persons, source videos), "
        "for shares Wilson's "
        "with one trial per group. AUC, AP, EER, log loss (P(fake) clipped to [0.01, 0.99]), Brier and ECE are over "
        "pictures and frames in which a face was judged; the second log loss counts the others as 0.5. 'Called' "
        "is the model's own verdict at its "
        "shipped thresholds; accuracy is at even odds.",
    ]
    if run["part"] in ("val", "val-A"):
        lines.append(
            "Groups A of the validation split select epochs and set calibration and thresholds of "
            "models trained here: "
            "figures on them flatter such a model. Look at val-B, once, or at another data set."
        )
    if run["part"] in ("train", "all"):
        lines.append(
            "This split holds pictures that a model may have been trained on: its figures are no estimate."
        )
    blocks: list[Block] = [Text(line) for line in lines]
    if metrics["problems"]:
        blocks.append(Text("Left out by the layout: " + "; ".join(metrics["problems"])))
    return blocks


def _overview(metrics: Mapping[str, Any], rows: Sequence[Row]) -> list[Block]:
    """Return all models side by side, over two-class sources, and the shallow baseline as the last."""
    both = {**metrics["models"], shallow.REFERENCE: metrics["shallow"]}
    first = next(iter(metrics["models"].values()))
    header = [
        "model",
        *(
            _TITLES[k]
            for k in (
                "auc",
                "average_precision",
                "equal_error_rate",
                "log_loss",
                "calibration_error",
                "recall",
                "false_alarm_rate",
                "uncertain",
            )
        ),
    ]
    lines = []
    for name, model in both.items():
        pooled = model["pooled_two_class"]
        ranked = [
            cell(pooled[k])
            for k in ("auc", "average_precision", "equal_error_rate", "log_loss", "calibration_error")
        ]
        lines.append(
            [name, *ranked, *(cell(pooled[k], True) for k in ("recall", "false_alarm_rate", "uncertain"))]
        )
    blocks: list[Block] = [
        Heading("At a glance"),
        Text("Pooled over sources that hold both classes: " + ", ".join(first["two_class_sources"]) + "."),
    ]
    blocks.append(Table(header, lines))
    for name, model in metrics["models"].items():
        if "against_shallow" in model:
            found = model["against_shallow"]["pooled"]
            word = "clearly beats" if found["clearly"] else "does NOT clearly beat"
            gap = cell(found["auc_above_shallow"])
            blocks.append(
                Text(
                    f"{name} {word} the shallow baseline on the same {found['rows']} pictures: AUC {gap} above it."
                )
            )
    blocks.append(
        Text(
            f"The shallow baseline ({shallow.REFERENCE}) sees sharpness, noise, blockiness and colour "
            "statistics only; it is "
            "cross-validated by group on these very pictures, so it knows their sources, which a "
            "model from elsewhere does not."
        )
    )
    curves = {}
    for name, model in metrics["models"].items():
        inside = set(model["two_class_sources"])
        curves[name] = [r for r in judged(rows) if r.model == name and r.view == PLAIN and r.source in inside]
    blocks.append(plots.roc_plot(curves, "roc-models", "all models, pooled two-class sources"))
    return blocks


def _of_model(
    name: str, model: Mapping[str, Any], plain: Sequence[Row], thresholds: Mapping[str, Any]
) -> list[Block]:
    scored = judged(plain)
    inside = set(model["two_class_sources"])
    by_source = {s: [r for r in scored if r.source == s] for s in model["two_class_sources"]}
    blocks: list[Block] = [
        Heading(name),
        Text(f"Called real up to P(fake) {thresholds['real']:.3f}, fake from {thresholds['fake']:.3f}."),
        Side(
            [
                plots.roc_plot(by_source, f"roc-{name}", "ROC by source"),
                plots.reliability_plot(
                    [r for r in scored if r.source in inside],
                    f"reliability-{name}",
                    "reliability, two-class sources",
                ),
                plots.score_plot(scored, f"scores-{name}", "scores, all sources"),
            ]
        ),
        Heading("Pooled", 3),
        Table(["figure", *_pooled(model)], _pooled_rows(model)),
        Heading("By source", 3),
        Text(
            "A source that holds one class only has no AUC of its own; fakes without reals are paired below."
        ),
        _wide_table(model["sources"], "source"),
    ]
    if model["kinds"]:
        blocks += [
            Heading("By kind of manipulation, within two-class sources", 3),
            _wide_table(model["kinds"], "kind"),
        ]
    if model["matched"]:
        blocks += [
            Heading("Fakes without reals of their own, paired with real faces handled alike", 3),
            _wide_table(model["matched"], "source"),
        ]
    if "against_shallow" in model:
        entries = model["against_shallow"]["sources"]
        blocks += [
            Heading("Above the shallow baseline", 3),
            Table(
                ["source", "pictures", "AUC above it", "clearly"],
                [
                    [s, str(e["rows"]), cell(e["auc_above_shallow"]), "yes" if e["clearly"] else "no"]
                    for s, e in entries.items()
                ],
            ),
        ]
    return [*blocks, *_confusions(model), *_conditions(name, model), *_worst(model)]


def _pooled(model: Mapping[str, Any]) -> dict[str, Any]:
    tables = {"two-class sources": model["pooled_two_class"], "all sources": model["pooled_all"]}
    if "video" in model:
        tables |= {
            "clips, two-class": model["video"]["pooled_two_class"],
            "clips, all": model["video"]["pooled_all"],
        }
    return tables


def _pooled_rows(model: Mapping[str, Any]) -> list[list[str]]:
    tables = _pooled(model)
    rows = [
        [word, *(str(t[key]) for t in tables.values())]
        for word, key in (
            ("reals", "real"),
            ("fakes", "fake"),
            ("groups", "groups"),
            ("without a face", "no_face"),
            ("unreadable", "unreadable"),
        )
    ]
    rows += [[_TITLES[k], *(cell(t[k]) for t in tables.values())] for k in _RANKED]
    return rows + [[_TITLES[k], *(cell(t[k], True) for t in tables.values())] for k in _SHARES]


def _wide_table(tables: Mapping[str, Mapping[str, Any]], first: str) -> Table:
    header = [
        first,
        "reals",
        "fakes",
        "no face",
        *(_TITLES[k] for k in ("auc", "average_precision", "log_loss", "calibration_error")),
        *(_TITLES[k] for k in ("recall", "false_alarm_rate", "uncertain")),
    ]
    rows = [
        [
            name,
            str(t["real"]),
            str(t["fake"]),
            str(t["no_face"]),
            *(cell(t[k]) for k in ("auc", "average_precision", "log_loss", "calibration_error")),
            *(cell(t[k], True) for k in ("recall", "false_alarm_rate", "uncertain")),
        ]
        for name, t in tables.items()
    ]
    return Table(header, rows)


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
    return [
        Heading("Verdicts by truth, and by the number of faces in the picture", 3),
        Table(["pictures", *VERDICTS], rows),
    ]


def _conditions(name: str, model: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Heading("False alarms by what the face looks like", 3),
        Text(
            "Skin tone is the individual typology angle of the cheeks, so light counts as skin: it "
            "is how skin appears. "
            "Sources differ in all of these at once; read a row as a place to look, not as a cause."
        ),
    ]
    rows = [
        [
            f"{conditions.TITLES[condition]}: {entry['class']}",
            str(entry["real"]),
            cell(entry["false_alarm_rate"], True),
            str(entry["fake"]),
            cell(entry["recall"], True),
        ]
        for condition, entries in model["conditions"].items()
        for entry in entries
    ]
    blocks.append(Table(["condition", "reals", "reals called fake", "fakes", "fakes called fake"], rows))
    blocks.append(
        Side(
            [
                plots.share_plot(
                    entries,
                    "false_alarm_rate",
                    f"alarms-{condition}-{name}",
                    f"reals called fake by {conditions.TITLES[condition]}",
                )
                for condition, entries in model["conditions"].items()
            ]
        )
    )
    return blocks


def _worst(model: Mapping[str, Any]) -> list[Block]:
    rows = [
        [
            f"{g['source']}: {g['group']}",
            str(g["rows"]),
            f"{g['mean_gap']:.3f}",
            str(g["false_alarms"]),
            str(g["fakes_called_real"]),
        ]
        for g in model["worst_groups"]
    ]
    return [
        Heading("The ten groups with the largest gap between P(fake) and truth (all of them: groups.csv)", 3),
        Table(["group", "pictures", "mean gap", "false alarms", "fakes called real"], rows),
    ]


def _robustness(metrics: Mapping[str, Any]) -> list[Block]:
    found = {n: m["robustness"] for n, m in metrics["models"].items() if m["robustness"]}
    if not found:
        return []
    count = next(iter(found.values()))[PLAIN]
    blocks: list[Block] = [
        Heading("Robustness"),
        Text(
            f"{count['real']} reals and {count['fake']} fakes of two-class sources, drawn evenly, "
            "each damaged in every way; "
            "'plain' is the same pictures undamaged."
        ),
    ]
    blocks += [
        Side([plots.robustness_plot(found, kind, levels, key) for kind, levels in CURVES.items()])
        for key in ("auc", "false_alarm_rate")
    ]
    for name, views in found.items():
        rows = [
            [
                view,
                cell(t["auc"]),
                cell(t["recall"], True),
                cell(t["false_alarm_rate"], True),
                cell(t["uncertain"], True),
            ]
            for view, t in views.items()
        ]
        blocks += [
            Heading(name, 3),
            Table(["view", "AUC", *(_TITLES[k] for k in ("recall", "false_alarm_rate", "uncertain"))], rows),
        ]
    return blocks
