"""From a recipe to trainings: what each starts from, and the stages of one recipe in a row. Needs no torch itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fakeweb.errors import BadRecipe, UsageError
from fakeweb.media import write_atomically
from fakeweb.train.origin import Start, begun_from, locate, note, record_of, sign, weights_at
from fakeweb.train.progress import Progress, Tell, first_process
from fakeweb.train.recipe import Recipe, task_of, to_dict, with_fold
from fakeweb.train.rules import read_recipe
from fakeweb.train.tables import Table, read_table

WEIGHTS = "weights.npz"
"""What a training hands on: its chosen weights, in its folder."""

One = Callable[[str, Path, dict[str, Any], Tell, Callable[[], None]], Path]
"""(recipe, folder, the task's options, progress, what to do when all is checked) -> card: one training."""


@dataclass(frozen=True)
class Plan:
    """What is common to the trainings of a recipe.

    Attributes:
        one: Trains once.
        data: Root of the data set.
        out: Folder of the whole.
        resume: Go on with what ``out`` holds.
        options: The task's options, as the caller gave them.
        tell: Called with progress.
    """

    one: One
    data: str
    out: Path
    resume: bool
    options: Mapping[str, Any]
    tell: Tell


def train(recipe: str, plan: Plan) -> Path:
    """Train a recipe, with all its stages if it has some; given weights, the last stage alone.

    Returns:
        Path of the card, in ``plan.out``.

    Raises:
        BadRecipe: See :func:`fakeweb.train.tables.read_table`; also a stage that is wrong, before any begins.
        ModelMissing, ModelCorrupt: See :func:`fakeweb.train.origin.locate`.
        UsageError: The folder holds trainings of another recipe, or from other weights.
    """
    table = read_table(recipe)
    given = plan.options.get("weights") or ()
    paths = [weights_at(p) for p in ([given] if isinstance(given, str | Path) else given)]
    if table.stages and not paths:
        return _in_a_row(recipe, table, plan)
    starts = [Start(path.name, path) for path in paths]
    if not starts and (lost := [w for w in table.weights if w not in table.inputs]):
        raise UsageError(
            f"{recipe} starts from the stage '{lost[0]}'",
            hint=f"train {recipe.partition('#')[0]}, or give what to start from by --weights",
        )
    starts = starts or [locate(table, name, plan.data) for name in table.weights]
    return _once(table, starts, _finder_model(table, plan), plan)


def _once(table: Table, starts: list[Start], finder_model: Start | None, plan: Plan) -> Path:
    """Train once, and write into the card what it was made of."""
    now = record_of(table, starts, finder_model, plan.data)
    record = begun_from(plan.out, now) if plan.resume else now
    options = {**plan.options, "weights": [s.path for s in starts] or None}
    if finder_model is not None:
        options["finder_model"] = finder_model.path
    card = plan.one(table.where, plan.out, options, plan.tell, lambda: note(plan.out, record))
    if first_process():
        sign(card, record)
    return card


def _in_a_row(recipe: str, table: Table, plan: Plan) -> Path:
    """Train the stages one after the other, each in a folder of its own; what is finished is left as it is."""
    tables = {name: read_table(f"{recipe}#{name}") for name in table.stages}
    for stage in tables.values():  # a wrong one must not wait until the others are trained
        _read(stage, plan)
    models = {name: _finder_model(stage, plan) for name, stage in tables.items()}
    starts = {name: [_start(stage, w, plan) for w in stage.weights] for name, stage in tables.items()}
    options = {**plan.options, "cache": plan.options.get("cache") or plan.out}
    cards = []
    for number, (name, stage) in enumerate(tables.items(), 1):
        part = f"{name} {number}/{len(tables)}"
        own = replace(plan, out=plan.out / name, options=options, tell=_told(plan.tell, part))
        wanted = _read(stage, plan)
        card = own.out / f"{wanted.name}.json"
        inputs = record_of(stage, starts[name], models[name], plan.data)["inputs"]
        if plan.resume and _finished(card, inputs, wanted):
            own.tell(Progress("export", 1, 1, note="finished before"))
        else:
            card = _once(stage, starts[name], models[name], own)
        cards.append(card)
    return _bring_out(cards, list(tables), plan)


def _told(tell: Tell, part: str) -> Tell:
    """Return what tells a stage's progress as a part of the whole's."""
    return lambda progress: tell(replace(progress, part=part))


def _read(stage: Table, plan: Plan) -> Recipe:
    """Return a stage's recipe.

    Raises:
        BadRecipe: It is wrong, or no classifier's.
    """
    if (task := task_of(stage.where)) != "classifier":
        raise BadRecipe(
            f"{stage.where}: a {task} has no stages", hint="only classifiers are trained in stages"
        )
    recipe, fold = read_recipe(stage.where), plan.options.get("fold")
    return with_fold(recipe, str(fold)) if fold else recipe


def _start(stage: Table, name: str, plan: Plan) -> Start:
    """Return an input of the recipe, or what an earlier stage hands on."""
    if name in stage.inputs:
        return locate(stage, name, plan.data)
    return Start(f"{name}/{WEIGHTS}", plan.out / name / WEIGHTS)


def _finder_model(table: Table, plan: Plan) -> Start | None:
    if not table.finder_model:
        return None
    given = plan.options.get("finder_model")
    return Start(Path(given).name, Path(given)) if given else locate(table, table.finder_model, plan.data)


def _finished(card: Path, inputs: dict[str, Any], recipe: Recipe) -> bool:
    """Tell whether a stage was trained and exported before, by this very recipe and from these very files.

    If not, training it shows what differs, or exports it again.
    """
    if not card.is_file() or not (card.parent / WEIGHTS).is_file():
        return False
    try:
        values = json.loads(card.read_text(encoding="utf-8"))
        details = values["details"]
        limits = details["limits"][1 if "not_for_use" in details else 0 :]
        told = {
            **details["recipe"],
            "title": values["title"],
            "licence": details["licence"],
            "limits": limits,
        }
        same = told == json.loads(json.dumps(to_dict(recipe)))
        return same and bool(details["inputs"] == inputs)
    except (OSError, ValueError, KeyError, TypeError):  # no card of ours, or one that was not signed yet
        return False


def _bring_out(cards: list[Path], names: list[str], plan: Plan) -> Path:
    """Copy the last stage's model and card to the whole's folder; the card lists all stages."""
    last = cards[-1]
    out = plan.out / last.name
    if not first_process():
        return out
    listed = []
    for name, card in zip(names, cards, strict=True):
        values = json.loads(card.read_text(encoding="utf-8"))
        details = values["details"]
        listed.append(
            {
                "stage": name,
                "version": values["version"],
                "sha256": values["sha256"],
                "weights": details["inputs"]["weights"],
                "made_with": details["made_with"],
            }
        )
    model = last.with_suffix(".onnx")
    write_atomically(out.with_suffix(".onnx"), model.read_bytes())
    write_atomically(out, last.read_bytes())
    sign(out, {"stages": listed})
    return out
