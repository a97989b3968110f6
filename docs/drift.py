"""Write, or check, the pages that follow the code: ``python docs/drift.py [--write]``."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claims import problems as untrue_claims
from click.testing import CliRunner
from figures import pages as repeated_figures
from guide_figures import pages as guide_figures
from provenance_pages import pages as provenance_pages
from report_page import report_page

from fakeweb.cli.app import command as whole_command
from fakeweb.errors import FakeWebError
from fakeweb.render.schema import schema_text
from fakeweb.runtime import Card, ContentCard, ModelCard, list_cards
from fakeweb.server.settings import PREFIX, Settings

REFERENCE = Path(__file__).parent / "reference"
MANIFESTS = Path(__file__).parents[1] / "manifests"


def help_pages() -> str:
    """Return the help of every command as Markdown."""
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    command = whole_command()
    names: list[list[str]] = [[]]
    for name in sorted(command.list_commands(None)):
        inner = getattr(command.get_command(None, name), "commands", {})
        names += [[name], *([name, each] for each in sorted(inner))]
    parts = ["# Commands\n\nWritten by `python docs/drift.py --write` from the code.\n"]
    for name in names:
        text = CliRunner().invoke(command, [*name, "--help"], prog_name="fakeweb").output
        lines = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
        parts.append(f"## fakeweb {' '.join(name)}".rstrip() + f"\n\n```\n{lines}\n```\n")
    return "\n".join(parts)


def model_pages() -> str:
    """Return the cards of the shipped models as Markdown."""
    parts = ["# The shipped models\n\nWritten by `python docs/drift.py --write` from the models' cards.\n"]
    for card in list_cards():
        if isinstance(card, ContentCard):
            parts += _content_page(card)
            continue
        if not isinstance(card, ModelCard):
            parts += _other_page(card)
            continue
        if card.composed is not None:
            parts += _head_page(card)
            continue
        details = card.details
        rows = [
            f"| {d['source']} | {d['real']} | {d['fake']} | {d['licence']} |"
            for d in details["training_data"]
        ]
        limits = [f"- {text}" for text in details.get("limits", [])]
        scores = details["scores"]
        names = list(scores)
        table = [f"| | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
        table += [
            f"| {k} | {' | '.join(_cell(scores[n].get(k)) for n in names)} |" for k in scores[names[-1]]
        ]
        size = card.path.stat().st_size / 1e6
        fake = card.calibration.probability(card.decision.fake_logit())
        parts += [
            f"## {card.reference}\n",
            f"{card.title}. {size:.1f} MB, SHA-256 `{card.sha256}`. Licence: {card.licence}.\n",
            f"Input: RGB crops of {card.side_px} px, margin {card.margin}; normalisation is inside the model. "
            f"Called real up to P(fake) {card.decision.real:.3f}, fake from {fake:.3f}. "
            f"{_selected(details)}\n",
            "### Where it fails\n",
            *limits,
            "\n### Training data\n",
            "| source | real | fake | licence |\n|---|---|---|---|",
            *rows,
            f"\nLeft out: {', '.join(f'{n} x {why}' for why, n in details['left_out'].items()) or 'nothing'}.\n",
            *_norms(card),
            "### Scores\n",
            "On crops around the training finder's boxes, before any face finder can miss; groups A selected the "
            "epoch and set calibration and thresholds, groups B were looked at once. `auc_SOURCE` is against the "
            "source's own reals or, where it has none, all reals.\n",
            *table,
            "",
        ]
    return "\n".join(parts)


def _head_page(card: ModelCard) -> list[str]:
    """Return what there is to say of a head over an encoder; its folds stand in docs/reference/judge.md."""
    fake = card.calibration.probability(card.decision.fake_logit())
    scores = card.details["scores"]
    rows = [
        f"| {d['source']} | {d['real']} | {d['fake']} | {d['licence']} |"
        for d in card.details["training_data"]
    ]
    known = [f"| {name} | {_cell(value)} |" for name, value in scores["validation_A"].items()]
    left_out = [f"| {name} | {_cell(value)} |" for name, value in scores["left_out_verdicts"].items()]
    composed = card.composed
    over = "" if composed is None else f"`{composed.base}` and `{composed.encoder}`"
    return [
        f"## {card.reference}\n",
        f"{card.title}. {card.path.stat().st_size / 1e3:.0f} kB, SHA-256 `{card.sha256}`, laid over {over}. "
        f"Licence: {card.licence}. Called real up to P(fake) {card.decision.real:.3f}, fake from {fake:.3f}. "
        "Measured on sources left out in [judge.md](judge.md#accurate).\n",
        "### Where it fails\n",
        *(f"- {text}" for text in card.details["limits"]),
        "\n### Training data\n",
        "At most so many of each as the recipe says were learned from.\n",
        "| source | real | fake | licence |\n|---|---|---|---|",
        *rows,
        "\n### Scores\n",
        "Validation groups A of the sources trained on; then the verdicts on faces of left-out sources, on which the "
        "thresholds were set.\n",
        "| | |\n|---|---|",
        *known,
        "\n| left out | |\n|---|---|",
        *left_out,
        "",
    ]


_NEW = ("that no training saw", "of sources left out, each by the head of a fold that had not met its source")


def _norms(card: ModelCard) -> list[str]:
    """Return what genuine faces were measured to be like, and where."""
    norms, told = card.norms, card.details.get("norms")
    if norms.rarity is None or not told:
        return []
    rarity = norms.rarity.rarity(card.decision.fake_logit())
    sources = ", ".join(f"{name} {count}" for name, count in told["rarity"].items())
    text = (
        f"Measured on genuine faces {_NEW[card.composed is not None]}. At the line about 1 in {rarity.one_in:.0f} of"
        f" {rarity.measured_on} scored as high, 1 in {rarity.interval[0]:.0f} to 1 in {rarity.interval[1]:.0f} by"
        f" source: {sources}."
    )
    if norms.group is not None and norms.clip is not None and norms.small is not None:
        lines = "; ".join(
            f"{n} faces {card.calibration.probability(fake):.2f}" for n, fake, _ in norms.group.lines
        )
        text += (
            f" Beside neighbours who are as usual a face is called fake from P(fake): {lines} (fitted to"
            f" {told['group']['pictures']} composed pictures of groups {told['group']['half']}). Clips:"
            f" {norms.clip.offset:.2f} is taken off a moving person's mean logit"
            f" ({told['clip']['genuine_clips']} genuine clips). Faces of"
            f" {norms.small.min_face_px:.0f} to {card.decision.min_face_px:.0f} px: {norms.small.offset:.2f} is taken"
            f" off ({told['small']['faces']} faces of groups {told['small']['half']})."
        )
    return ["### Norms\n", text + "\n"]


def _selected(details: Mapping[str, Any]) -> str:
    """Say which epochs the weights are of."""
    averaged = details.get("averaged_epochs")
    if averaged:
        return (
            f"The mean of the weights after epochs {', '.join(map(str, averaged))} was selected on groups A."
        )
    return f"Epoch {details['selected_epoch']} of {details['recipe']['optim']['epochs']} was selected on groups A."


def _other_page(card: Card) -> list[str]:
    """Return what there is to say of a finder or a mesh; their scores stand in docs/reference/faces.md."""
    size = card.path.stat().st_size / 1e6
    details = card.details
    rows = [f"| {name} | {d['pictures']} | {d['licence']} |" for name, d in details["trained_on"].items()]
    figures = [f"| {name} | {value:.3f} |" for name, value in details["validation_a"].items()]
    return [
        f"## {card.reference}\n",
        f"{card.title} {size:.1f} MB, SHA-256 `{card.sha256}`. Licence: {card.licence}. "
        f"Taught by {', '.join(details['teachers'])}. Measured in [faces.md](faces.md).\n",
        "### Where it fails\n",
        *(f"- {text}" for text in details.get("limits", [])),
        "\n### Training data\n",
        "| source | pictures | licence |\n|---|---|---|",
        *rows,
        "\n### On validation groups A\n",
        "| | |\n|---|---|",
        *figures,
        "",
    ]


def _content_page(card: ContentCard) -> list[str]:
    """Return what there is to say of a content classifier; its figures stand in docs/reference/content.md."""
    details = card.details
    rows = [
        f"| {d['source']} | {d['folder']} | {d['pictures']} | {d['licence']} |"
        for d in details["training_data"]
    ]
    return [
        f"## {card.reference}\n",
        f"{card.title}. {card.path.stat().st_size / 1e6:.1f} MB, SHA-256 `{card.sha256}`. Licence: {card.licence}. "
        f"Says `uncertain` where no class has a probability of {card.least_p:g}. "
        "Measured in [content.md](content.md).\n",
        "### Where it fails\n",
        *(f"- {text}" for text in details["limits"]),
        "\n### Training data\n",
        "| source | folder | pictures | licence |\n|---|---|---|---|",
        *rows,
        "",
    ]


def data_page() -> str:
    """Return the manifests as Markdown: what each source shows, its licence, what is doubtful, where it comes from."""
    parts = [
        "# Data cards\n\nWritten by `python docs/drift.py --write` from `manifests/`. `fakeweb data build` makes these"
        " sets from public repositories ([how](../guide/datasets.md#build-one-from-public-repositories)) and writes a"
        " card of its own beside the pictures: sizes, twins, what was left out. What the shipped models saw stands in"
        " [their cards](models.md).\n",
        "| source | pictures | licence |\n|---|---|---|",
    ]
    manifests = [tomllib.loads(p.read_text("utf-8")) for p in sorted(MANIFESTS.glob("*.toml"))]
    counts = {
        m["source"]: ", ".join(f"{n:,} {label}" for label, n in m["expected"].items()) for m in manifests
    }
    parts += [
        f"| [{m['source']}](#{m['source']}) | {counts[m['source']]} | {m['licence']} |" for m in manifests
    ]
    for manifest in manifests:
        facts = [
            f"{counts[manifest['source']]}; kind of picture: {manifest['picture']}",
            f"licence: {manifest['licence']}",
            *(["shrunk or enlarged by its makers"] if manifest.get("resampled") else []),
            *(f"doubtful: {text}" for text in [manifest.get("caveat")] if text),
            *(f"from {_origin(origin)}" for origin in manifest["origin"]),
        ]
        parts += [f"\n## {manifest['source']}\n", f"{manifest['about']}\n", *(f"- {fact}" for fact in facts)]
    return "\n".join(parts) + "\n"


def _origin(origin: Mapping[str, Any]) -> str:
    if "repository" in origin:
        return f"`{origin['repository']}` at `{origin['commit'][:12]}`"
    return f"the wheel `{origin['package']}` {origin['version']}"


def openapi_document() -> str:
    """Return the description of the service's API, in the form that does not depend on where it runs."""
    from fakeweb.server.app import openapi

    return json.dumps(openapi(), indent=2, ensure_ascii=False) + "\n"


def settings_page() -> str:
    """Return the settings of the service as Markdown, from the docstring of their class."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    defaults = Settings(data_dir=Path("~/.local/share/fakeweb/service"))
    attributes = inspect.cleandoc(Settings.__doc__ or "").partition("Attributes:\n")[2]
    for entry in re.split(r"\n(?=    \w)", attributes.rstrip()):
        name, _, meaning = " ".join(entry.split()).partition(": ")
        default = getattr(defaults, name)
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        text = "" if default in (None, "", ()) else f"`{shown}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {text} | {meaning.replace('``', '`')} |")
    head = "# Settings of the service\n\nWritten by `python docs/drift.py --write` from the code.\n\n"
    return head + "\n".join(rows) + "\n"


def errors_page() -> str:
    """Return all errors as Markdown: code, what it means, exit status, HTTP status."""
    rows = ["| code | means | exit status | HTTP |", "|---|---|---|---|"]
    kinds, found = [FakeWebError], []
    while kinds:
        kind = kinds.pop()
        found.append(kind)
        kinds += kind.__subclasses__()
    for kind in sorted((k for k in found if k.__module__ == FakeWebError.__module__), key=lambda k: k.code):
        meaning = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
        if "code" in vars(kind) and kind is not FakeWebError:
            rows.append(f"| `{kind.code}` | {meaning} | {kind.exit_code} | {kind.http_status} |")
    head = """# Errors

Written by `python docs/drift.py --write` from the code. Codes are never renamed; a message and a hint stand beside
each: on the command line, in JSON answers, in dead letters of batches. A short code such as `media` is the family:
what has no code of its own.

## Exit statuses

0 all went well, whatever the verdicts; 1 a verdict that `--fail-on` names; 130 Ctrl-C or SIGTERM; else that of the
error. For example, each row being run by a test:

| command | exit status | |
|---|---|---|
| `fakeweb scan photo.jpg forged.jpg` | 0 | one is fake: an answer, no error |
| `fakeweb scan photo.jpg --fail-on fake` | 0 | none is |
| `fakeweb scan forged.jpg --fail-on fake` | 1 | one is |
| `fakeweb scan photo.jpg broken.jpg` | 2 | one could not be read; the other was judged |
| `fakeweb scan forged.jpg broken.jpg --fail-on fake` | 2 | an error outweighs a verdict |
| `fakeweb scan nothing.jpg` | 2 | no such file |
| `fakeweb scan photo.jpg --threshold high` | 2 | wrong use |
| `fakeweb scan photo.jpg --model nobody` | 2 | no model of that name |
| `fakeweb scan photo.jpg --model broken.json` | 3 | a model's card that is none |
| `fakeweb batch folder --out results` | 0 | its broken file is a dead letter |
| `fakeweb batch nowhere --out results` | 2 | no such folder |
| `fakeweb adapt folder --out my.json` | 2 | no examples in it |
| `fakeweb evaluate folder` | 2 | no data set |
| `fakeweb models add broken.jpg` | 3 | no ONNX file |
| `fakeweb keys revoke nobody` | 2 | no such key |

## Codes

"""
    return head + "\n".join(rows) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{v} {k}" for k, v in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> int:
    """Compare each page with what the code says; return 1 where one is out of date."""
    pages = {
        REFERENCE / "cli.md": help_pages(),
        REFERENCE / "models.md": model_pages(),
        REFERENCE / "data.md": data_page(),
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "errors.md": errors_page(),
        REFERENCE / "report.md": report_page(),
        REFERENCE / "report.schema.json": schema_text(),
        **provenance_pages(),
        **guide_figures(),
    }
    if importlib.util.find_spec("fastapi"):
        pages[REFERENCE / "openapi.json"] = openapi_document()
    pages, problems = repeated_figures(pages)
    stale = [p for p, text in pages.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--write" in sys.argv:
            path.write_text(pages[path], encoding="utf-8")
        sys.stderr.write(
            f"{path.relative_to(REFERENCE.parents[1])} {'written' if '--write' in sys.argv else 'is out of date'}\n"
        )
    if stale and "--write" not in sys.argv:
        sys.stderr.write("run: python docs/drift.py --write\n")
    problems += untrue_claims()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return int(bool(problems or (stale and "--write" not in sys.argv)))


if __name__ == "__main__":
    sys.exit(main())
