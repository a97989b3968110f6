"""``fakeweb models``: list, show, add, fetch."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fakeweb import registry
from fakeweb.classifiers.adopt import describe, install, joined
from fakeweb.classifiers.remote import fetch_model
from fakeweb.cli.console import ERRORS, progress_bar, write
from fakeweb.cli.fetch import FETCH_EPILOG, fetch
from fakeweb.cli.options import FinderModel
from fakeweb.cli.places import brought
from fakeweb.errors import UsageError
from fakeweb.media.address import address_of
from fakeweb.runtime import Adapter, Card, ModelCard, find_card, list_cards, read_card, user_folder, verify
from fakeweb.runtime.weights import weights_entry
from fakeweb.scanner import DEFAULT_FINDER

ADD_EPILOG = """
**With --data** the model is calibrated on groups A of the validation split of labelled pictures, and its thresholds
follow from them; without, it says what the network says, and its thresholds are guesses.

**Examples**

* fakeweb models add meso.onnx --side 256 --mean 0 --std 1 --meaning probability --shows real

* fakeweb models add net.onnx --layout NCHW --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --meaning softmax --index 1

* fakeweb scan --model net photo.jpg
"""


class _NameOrCommand(TyperGroup):
    """Reads ``fakeweb models fast`` as ``fakeweb models show fast``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first argument names; for any other word, ``show``."""
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


models = typer.Typer(
    cls=_NameOrCommand,
    help="List the models that are installed; `models NAME` shows one, `add` brings in yours, `fetch` public weights.",
    rich_markup_mode="markdown",
)


@models.callback(invoke_without_command=True)
def listing(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print cards as JSON.")] = False,
) -> None:
    """List the models that are installed: what they do, their licence, their hash, and whether it is right.

    `fakeweb models NAME` shows one model's whole card; `fakeweb models add FILE.onnx` brings in your own.
    """
    if context.invoked_subcommand is not None:
        return
    cards = [*list_cards(), *list_cards(user_folder())]
    for card in cards:
        verify(card)
    if as_json:
        write(json.dumps([c.to_dict() for c in cards], indent=2))
        return
    for card in cards:
        _print(card)


models.command("fetch", epilog=FETCH_EPILOG)(fetch)


@models.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A model's name, or path of a card.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Show one model's whole card."""
    card = find_card(name)
    verify(card)
    if as_json:
        write(json.dumps(card.to_dict(), indent=2))
        return
    _print(card)
    write("\n" + json.dumps(card.details, indent=2, ensure_ascii=False))


def _print(card: Card) -> None:
    write(f"{card.reference}  {card.title}")
    write(f"  licence  {card.licence}")
    size = card.path.stat().st_size / 1e6
    write(f"  file     {card.path.name}, {size:.1f} MB, SHA-256 {card.sha256} (verified)")
    if isinstance(card, ModelCard) and card.composed is not None:
        name = card.composed.encoder
        here = "here" if weights_entry(name).path.is_file() else f"not here: fakeweb models fetch {name}"
        write(f"  needs    {name} ({here})")
    if card.details.get("calibrated") is False:
        write("  NOT CALIBRATED: thresholds are guesses; add it again with --data")


@models.command("add", epilog=ADD_EPILOG)
def add(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="The ONNX file, or the card of a model made by FakeWeb; s3:// or https:// too.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str, typer.Option(help="What to call it. [default: the file's]", show_default=False)
    ] = "",
    title: Annotated[str, typer.Option(help="One sentence on it.", show_default=False)] = "",
    licence: Annotated[str, typer.Option(help="What its weights may be used for.")] = "unknown",
    side: Annotated[int, typer.Option(min=0, help="Side of its input in pixels; 0: as the file says.")] = 0,
    margin: Annotated[
        float, typer.Option(help="Side of the crop over the face's length, as it was trained.")
    ] = 1.3,
    layout: Annotated[str, typer.Option(help="NHWC (Keras) or NCHW (PyTorch).")] = "NHWC",
    colour: Annotated[str, typer.Option(help="RGB or BGR.")] = "RGB",
    dtype: Annotated[
        str, typer.Option(help="float32, or uint8 for networks that normalise themselves.")
    ] = "float32",
    scale: Annotated[
        float, typer.Option(help="Input = (pixel * scale - mean) / std.", show_default="1/255")
    ] = 1 / 255,
    mean: Annotated[str, typer.Option(help="One number, or three with commas.")] = "0",
    std: Annotated[str, typer.Option(help="One number, or three with commas.")] = "1",
    output: Annotated[
        str, typer.Option(help="Name of the output; the first if empty.", show_default=False)
    ] = "",
    meaning: Annotated[
        str,
        typer.Option(
            help="logit, probability (after a sigmoid or softmax), or softmax (one logit per class)."
        ),
    ] = "logit",
    index: Annotated[
        int, typer.Option(min=0, help="Place in the output of the class that --shows names.")
    ] = 0,
    shows: Annotated[str, typer.Option(help="fake or real: what a high value there means.")] = "fake",
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled pictures to calibrate on (groups A of the split val).", callback=brought),
    ] = None,
    data_layout: Annotated[str, typer.Option(help="How these pictures lie.")] = "auto",
    finder: Annotated[str, typer.Option(help="Face detector, for --data.")] = DEFAULT_FINDER,
    finder_model: FinderModel = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace your model of that name.")] = False,
) -> None:
    """Bring in any ONNX classifier of faces: with a card it goes by its name, as in `fakeweb scan --model NAME`.

    It is tried on made-up crops before it is kept, in a process of its own, so that a card that does not fit fails
    now. Weights in files that lie beside the ONNX file are put into one.
    """
    if file.suffix == ".json":
        _kept(install(_card_at(file), overwrite=overwrite))
        return
    file = brought(file)
    folder = tempfile.TemporaryDirectory(prefix="fakeweb-model-")
    context.call_on_close(folder.cleanup)
    file = joined(file, Path(folder.name))
    try:
        adapter = Adapter(layout, colour, dtype, scale, _triple(mean, "--mean"), _triple(std, "--std"), output,
                          meaning, index, shows)  # type: ignore[arg-type]  # fmt: skip
        card = describe(
            file, name or file.stem, adapter, title=title, licence=licence, side_px=side, margin=margin
        )
    except ValueError as error:
        raise UsageError(f"{error}", hint="see `fakeweb models add --help`") from error
    if data is not None:
        with progress_bar() as bar:
            task = bar.add_task("calibrating", total=None, note="")
            card = registry.load("calibration", "groups")(
                card, data, data_layout, finder, finder_model,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
    _kept(install(card, overwrite=overwrite))


def _card_at(place: Path) -> ModelCard:
    """Return a classifier's card, verified, from a path or fetched from an address."""
    address = address_of(place)
    card = read_card(place if address is None else fetch_model(address, again=True))
    verify(card)
    if not isinstance(card, ModelCard):
        raise UsageError(
            f"{place} is the card of a {card.task}, not of a classifier", hint="see docs/guide/models.md"
        )
    return card


def _kept(card: ModelCard) -> None:
    """Say what was brought in."""
    _print(card)
    write(f"card: {card.path.with_suffix('.json')}")
    ERRORS.print(f"try it: fakeweb scan --model {card.name} photo.jpg", markup=False)


def _triple(text: str, option: str) -> tuple[float, float, float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 3):
        raise UsageError(
            f"{option} {text} is not one number or three", hint=f"write {option} 0.485,0.456,0.406"
        )
    return (values[0], values[-2] if len(values) == 3 else values[0], values[-1])
