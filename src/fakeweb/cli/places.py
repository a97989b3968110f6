"""Options and arguments that take a local path or an address of object storage, for commands that need a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from fakeweb.cli.console import ERRORS, printable
from fakeweb.media.address import address_of
from fakeweb.media.staging import Outbox, fetch_place


def brought(value: Any) -> Any:
    """Fetch what an option names, once and then what changed; a callback of inputs."""
    if isinstance(value, list):
        return [brought(one) for one in value]
    if address_of(value) is None:
        return value
    local = fetch_place(value)
    return local if isinstance(value, Path) else str(local)


def sent(context: typer.Context, value: Any) -> Any:
    """Give a local folder instead of an address, and send there what the command wrote; a callback of outputs.

    It is sent also where the command fails or is interrupted, so that it can go on from there.
    """
    address = address_of(value)
    if address is None or context.resilient_parsing:
        return value
    outbox = Outbox(address)

    def close() -> None:
        outbox.close()
        ERRORS.print(printable(f"sent to {address}: {outbox.sent} files"), markup=False)

    context.call_on_close(close)
    return outbox.local if isinstance(value, Path) else str(outbox.local)
