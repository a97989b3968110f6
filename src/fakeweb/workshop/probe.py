"""``fakeweb data probe``: heads over a frozen encoder, from cached features, judged on sources left out."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from fakeweb.cli.console import progress_bar, write
from fakeweb.datasets import read_samples
from fakeweb.errors import UsageError
from fakeweb.evaluate import need_guests
from fakeweb.evaluate.pages import write_json
from fakeweb.evaluate.probe.cache import Features, cache_features, read_features
from fakeweb.evaluate.probe.fit import Marks, Pool, Probe, ProbeRecipe
from fakeweb.evaluate.probe.folds import SourceFold, cross_validate, judge_folds, read_folds
from fakeweb.evaluate.probe.head import head_of
from fakeweb.evaluate.report import cell
from fakeweb.media import write_atomically
from fakeweb.metrics import Floats, Ints, balanced_weights, calibration_error
from fakeweb.runtime import Calibration, Composition, Decision, ModelCard, Norms, find_card
from fakeweb.train.calibrate import fit_bent, fit_decision, source_aucs
from fakeweb.train.rarity import fit_rarity
from fakeweb.train.recipe import CalibrationRecipe
from fakeweb.workshop import PANEL
from fakeweb.workshop.summary import SUMMARY_EPILOG, summary

command = typer.Typer(
    help="Fit heads over a frozen encoder: cache features, judge by left-out sources, export.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    rich_help_panel=PANEL,
    add_completion=False,
)

CACHE_EPILOG = """
**A killed run goes on**: the same command writes only what is missing. About a seventh of a second a crop on one core.

**Example**

* fakeweb data probe cache recipes/probe/accurate.toml DATA --people ciplab --people lfw --out features/data
"""
FOLDS_EPILOG = """
**Choose by these figures alone.** Validation groups B are neither learned from nor measured.

**Examples**

* fakeweb data probe folds recipes/probe/accurate.toml features/*

* fakeweb data probe folds recipes/probe/accurate.toml features/* --shipped
"""
FIT_EPILOG = """
**Example**

* fakeweb data probe fit recipes/probe/accurate.toml features/* --out runs/accurate
"""

RecipeFile = Annotated[Path, typer.Argument(help="Recipe: encoder, probe, folds.", show_default=False)]
Folders = Annotated[list[Path], typer.Argument(help="Folders of cached features.", show_default=False)]


@dataclass(frozen=True)
class HeadRecipe:
    """What ``recipes/probe/accurate.toml`` says.

    Attributes:
        card: Name, version, title, licence, limits and data of the card.
        composed: The shipped model and the encoder over which the head is laid; what is cached of it.
        known: Sources on whose training split the shipped model was trained.
        probe: How the head is fitted.
        calibration: What the thresholds allow.
        folds: What is left out together.
    """

    card: Mapping[str, Any]
    composed: Composition
    known: tuple[str, ...]
    probe: ProbeRecipe
    calibration: CalibrationRecipe
    folds: list[SourceFold]


def read_recipe(path: Path) -> HeadRecipe:
    """Read a head's recipe.

    Raises:
        UsageError: It cannot be read, or something is missing or unknown.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        base = find_card(told["base"]["name"])
        encoder = told["encoder"]
        return HeadRecipe(
            told["card"],
            Composition(told["base"]["name"], base.sha256, encoder["name"], encoder["sha256"], patches=True),
            tuple(told["base"]["trained_on"]),
            ProbeRecipe(**told["probe"]),
            CalibrationRecipe(**told.get("calibration", {})),
            read_folds(told["folds"]),
        )
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="give a recipe's path") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is no recipe of a head: {error}", hint="see recipes/probe/accurate.toml"
        ) from error


command.command("summary", epilog=SUMMARY_EPILOG)(summary)


@command.command("cache", epilog=CACHE_EPILOG)
def cache(
    recipe: RecipeFile,
    root: Annotated[Path, typer.Argument(metavar="DATA", help="Root of a data set.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the features.", show_default=False)],
    layout: Annotated[str, typer.Option(help="How the data set lies.")] = "auto",
    people: Annotated[
        list[str] | None,
        typer.Option(help="List of persons to regroup by; may be repeated.", show_default=False),
    ] = None,
) -> None:
    """Cut the main face of every picture, and keep what the encoder and the shipped model say of it."""
    told = read_recipe(recipe)
    samples, _, _ = read_samples(root, layout, {}, tuple(people or ()))
    labelled = [s for s in samples if s.label is not None]
    with progress_bar() as bar:
        task = bar.add_task("features", total=len(labelled), note="")
        left = cache_features(
            labelled, root, told.composed, out,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    write(f"{out}: {len(labelled)} pictures, {left} of those read now without a face")


@command.command("fit", epilog=FIT_EPILOG)
def fit_head(
    recipe: RecipeFile,
    folders: Folders,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the model and its card.", show_default=False)
    ],
) -> None:
    """Fit a head on all training faces, calibrate it on sources left out, and export it with its card."""
    need_guests("fakeweb data probe fit")
    card = export_head(read_recipe(recipe), read_features(folders), out)
    write(f"{card}")


def export_head(told: HeadRecipe, features: Features, out: Path) -> Path:
    """Fit a head and the probes of its folds, and write ONNX file and card; return the card's path.

    Raises:
        DatasetError: As :func:`write_head`, or too few faces of a class.
    """
    pool = Pool(features, told.probe)
    scores = {fold.name: pool.fit(fold.out)(features) for fold in told.folds}
    probe = pool.fit()
    return write_head(told, features, scores, probe, probe(features), out)


def write_head(
    told: HeadRecipe, features: Features, scores: Mapping[str, Floats], probe: Probe, final: Floats, out: Path
) -> Path:
    """Write a head's ONNX file and card; return the card's path.

    Probability, thresholds and rarity are learned from faces of sources that the probe of a fold did not see, which the
    shipped model was not trained on either; rarity from genuine ones as they are, the others from degraded ones too.

    Args:
        told: The recipe.
        features: Cached; their values are not looked at.
        scores: Of each fold's probe, (N,).
        probe: The head.
        final: What it says of all, (N,).
        out: Folder.

    Raises:
        DatasetError: Too few faces to calibrate on, or the head does not rank fakes above reals.
        UsageError: The recipe's base is no classifier.
    """
    logits, rows = _left_out(features, told, scores)
    label, source = features.column("label")[rows], features.column("source")[rows]
    view = (features.column("view")[rows] != "plain").astype(np.int64)
    calibration = fit_bent(logits, label, balanced_weights(label, source))
    decision = fit_decision(logits, label, calibration, told.calibration, view)
    genuine = (label == 0) & (view == 0)
    rarity = fit_rarity(logits[genuine], source[genuine].tolist())
    content = head_of(probe)
    base = find_card(told.composed.base)
    if not isinstance(base, ModelCard):
        raise UsageError(f"{base.reference} is no classifier", hint="name one below [base]")
    path = out / f"{told.card['name']}.onnx"
    write_atomically(path, content)
    card = replace(
        base,
        name=told.card["name"],
        version=told.card["version"],
        title=told.card["title"],
        licence=told.card["licence"],
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        calibration=calibration,
        decision=decision,
        second_look=None,
        norms=Norms(rarity=rarity),
        composed=replace(told.composed, patches=told.probe.patches),
        details={
            "limits": list(told.card["limits"]),
            "training_data": _training_data(features, told),
            "norms": {"rarity": dict(sorted(Counter(source[genuine].tolist()).items()))},
            "scores": {
                "left_out": judge_folds(features, told.folds, scores, told.known),
                "left_out_verdicts": _verdicts(logits, label, view, calibration, decision),
                "validation_A": _in_domain(features, final, calibration, decision),
            },
            "recipe": {"probe": asdict(told.probe), "folds": [asdict(fold) for fold in told.folds]},
        },
    )
    write_json(out / f"{card.name}.json", card.to_dict())
    return out / f"{card.name}.json"


def _verdicts(
    logits: Floats, label: Ints, view: Ints, calibration: Calibration, decision: Decision
) -> dict[str, float]:
    """Return what the thresholds do to faces of sources left out, as they are; they were set on these very faces."""
    plain = view == 0
    logits, label = logits[plain], label[plain]
    p = np.array([calibration.probability(z) for z in logits])
    called, passed = logits > decision.fake_logit(), p <= decision.real
    return {
        "real_called_fake": round(float(called[label == 0].mean()), 4),
        "fake_called_fake": round(float(called[label == 1].mean()), 4),
        "fake_called_real": round(float(passed[label == 1].mean()), 4),
        "real_uncertain": round(float((~called & ~passed)[label == 0].mean()), 4),
        "ece": round(calibration_error(p, label, balanced_weights(label, label.astype(str))), 4),
    }


def _left_out(features: Features, told: HeadRecipe, scores: Mapping[str, Floats]) -> tuple[Floats, Marks]:
    """Return the logits of left-out faces, each by the first fold that left it out, and which rows they are of."""
    source = features.column("source")
    learned = np.isin(source, told.known) & (features.column("split") == "train")
    usable = ~learned & (features.column("half") != "B") & (features.column("view") != "small")
    rows, logits = np.zeros(len(source), bool), np.zeros(len(source))
    for fold in told.folds:
        new = usable & ~rows & np.isin(source, fold.out)
        logits[new] = scores[fold.name][new]
        rows |= new
    return logits[rows], rows


def _in_domain(
    features: Features, final: Floats, calibration: Calibration, decision: Decision
) -> dict[str, Any]:
    """Return the figures of validation groups A of the sources trained on, plain crops."""
    chosen = (features.column("half") == "A") & (features.column("view") == "plain")
    logits, label = final[chosen], features.column("label")[chosen]
    called = logits > decision.fake_logit()
    p = np.array([calibration.probability(z) for z in logits])
    return {
        "faces": {"real": int((label == 0).sum()), "fake": int((label == 1).sum())},
        **{k: round(v, 4) for k, v in source_aucs(logits, label, features.column("source")[chosen]).items()},
        "real_called_fake": round(float(called[label == 0].mean()), 4),
        "fake_called_fake": round(float(called[label == 1].mean()), 4),
        "ece": round(calibration_error(p, label, balanced_weights(label, label.astype(str))), 4),
    }


def _training_data(features: Features, told: HeadRecipe) -> list[dict[str, Any]]:
    """Return how many pictures of each source were learned from, and under which licence."""
    chosen = (features.column("split") == "train") & (features.column("view") == "plain")
    count = Counter(
        zip(
            features.column("source")[chosen].tolist(), features.column("label")[chosen].tolist(), strict=True
        )
    )
    licences = told.card["licences"]
    return [
        {
            "source": source,
            "real": count[source, 0],
            "fake": count[source, 1],
            "licence": licences.get(source, licences["others"]),
        }
        for source in sorted({source for source, _ in count})
    ]


@command.command("folds", epilog=FOLDS_EPILOG)
def folds(
    recipe: RecipeFile,
    folders: Folders,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Measure the shipped model alone on the same faces.")
    ] = False,
    alone: Annotated[
        bool, typer.Option("--alone", help="Measure the probe without the shipped model's logit.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write all figures as JSON.", show_default=False)
    ] = None,
) -> None:
    """Fit a head per fold without the fold's sources, and say what it does on them."""
    need_guests("fakeweb data probe folds")
    told = read_recipe(recipe)
    if shipped and alone:
        raise UsageError("--shipped and --alone exclude each other", hint="run it twice")
    probe = None if shipped else replace(told.probe, base=0.0) if alone else told.probe
    found = cross_validate(read_features(folders), told.folds, probe, told.known)
    if out is not None:
        write_json(out, found)
    for line in lines_of(found):
        write(line)


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Return the figures of a cross-validation in lines."""
    lines = []
    for fold, compared in found["folds"].items():
        for name, c in compared.items():
            more = "".join(
                f"  {key[4:]} {cell(c[key])}"
                for key in ("auc_degraded", "auc_small", "auc_resampled")
                if key in c
            )
            lines.append(
                f"{fold}  {name}  {c['fakes']} fakes, {c['reals']} reals  AUC {cell(c['auc'])}{more}"
                f"  caught {cell(c['caught'], True)}"
            )
    for source, own in found["genuine"].items():
        lines.append(f"genuine  {source}  {own['reals']}  called fake {cell(own['alarms'], True)}")
    lines.append(f"level  {found['level']}")
    return [*lines, *([f"REFUSED  {found['refused']}"] if found["refused"] else [])]
