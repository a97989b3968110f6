"""A model driven by its card: the base of classifiers, finders and meshes that are all data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar, Generic, TypeVar, cast

from fakeweb.errors import ModelIncompatible
from fakeweb.runtime.cards import Card
from fakeweb.runtime.find import find_card
from fakeweb.runtime.session import open_session

AnyCard = TypeVar("AnyCard", bound=Card)


class Driven(Generic[AnyCard]):
    """A card and its open session; pickles as what made it.

    Args:
        model: Name of a model, path of a card, or a card.
        threads: Threads inside one call.

    Raises:
        UnknownName, ModelMissing, ModelCorrupt: The model cannot be used.
        ModelIncompatible: It is one of another task.
    """

    takes: ClassVar[type[Card]]
    """Class of the cards it can be driven by."""
    called: ClassVar[str]
    """What such a model is called in messages."""

    def __init__(self, model: str | Path | Card, *, threads: int = 1) -> None:
        card = model if isinstance(model, Card) else find_card(model)
        if not isinstance(card, self.takes):
            raise ModelIncompatible(
                f"{card.reference} is a {card.task}, not {self.called}", hint="see `fakeweb models`"
            )
        self.card = cast(AnyCard, card)
        self._made_from = model, threads
        self._session = open_session(card, threads=threads)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return partial(type(self), threads=self._made_from[1]), self._made_from[:1]

    @property
    def reference(self) -> str:
        """``name@version`` of the model."""
        return self.card.reference
