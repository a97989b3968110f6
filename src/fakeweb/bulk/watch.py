"""Watched folder: what arrives is judged once it is whole; a restart goes on where it stood."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fakeweb.bulk.items import Item, Source
from fakeweb.bulk.run import Plan, Summary, run_batch
from fakeweb.errors import MediaError, Unreadable, UsageError
from fakeweb.media.address import address_of


@dataclass
class Settled(Source):
    """A source of which only files count that were the same at two looks in a row: half-written ones wait."""

    _before: dict[str, tuple[int, int]] = field(default_factory=dict)

    def items(self) -> list[Item]:
        """Return the files that have settled; none is no error."""
        try:
            found = super().items()
        except MediaError:
            found = []
        now = {item.path: (item.size_bytes, item.modified_ns) for item in found}
        settled = [i for i in found if i.problem is None and self._before.get(i.path) == now[i.path]]
        self._before = now
        return settled


def watch(
    plan: Plan,
    *,
    every_s: float = 5.0,
    on_round: Callable[[Summary], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Judge what arrives in a folder or below an address, round by round, until it is stopped.

    Args:
        plan: As for a batch.
        every_s: Seconds between two looks.
        on_round: Told of each round that judged something.
        should_stop: Asked between rounds.

    Raises:
        UsageError: The place is no folder, or as :func:`run_batch`.
    """
    from pathlib import Path

    place = plan.source.place
    if address_of(place) is None and not Path(place).is_dir():
        raise UsageError(f"{place} is no folder", hint="name a folder, or an address such as s3://bucket/in")
    source = Settled(place, identity=plan.source.identity)
    plan = replace(plan, source=source)
    while not should_stop():
        try:
            summary = run_batch(plan)
        except Unreadable:  # the network, or a folder that is away for a moment
            summary = None
        plan = replace(plan, new=False, retry=False)
        if summary is not None and summary.judged:  # files that have left the place may make the sum smaller
            on_round(summary)
        time.sleep(every_s)
