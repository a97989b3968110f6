"""``fakeweb models``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from fakeweb.cli.console import write
from fakeweb.runtime import Card, list_cards, verify


def models(
    name: Annotated[str | None, typer.Argument(help="Show this model's whole card.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print cards as JSON.")] = False,
) -> None:
    """List the models that are installed: what they do, their licence, their hash, and whether it is right."""
    cards = list_cards() if name is None else [_find(name)]
    for card in cards:
        verify(card)
    if as_json:
        write(json.dumps([c.to_dict() for c in cards] if name is None else cards[0].to_dict(), indent=2))
        return
    for card in cards:
        write(f"{card.reference}  {card.title}")
        write(f"  licence  {card.licence}")
        write(
            f"  file     {card.path.name}, {card.path.stat().st_size / 1e6:.1f} MB, SHA-256 {card.sha256} (verified)"
        )
        if name is not None:
            write("\n" + json.dumps(card.details, indent=2, ensure_ascii=False))


def _find(name: str) -> Card:
    from fakeweb.runtime import find_card

    return find_card(name)
