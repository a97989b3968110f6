"""``fakeweb mcp``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fakeweb.cli.console import ERRORS

EPILOG = """
Tools: check_picture, check_clip, explain_report. An agent starts this command itself; its settings name it, such as

    {"command": "fakeweb", "args": ["mcp", "--folder", "/home/me/pictures"]}

Nothing is written, and nothing leaves this computer unless --service or --allow-url says so. Needs the extra 'mcp'.

**Examples**

* fakeweb mcp --folder ~/pictures

* FAKEWEB_API_KEY=fw_... fakeweb mcp --service https://fakeweb.example
"""


def mcp(
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files below it may be read; may be repeated.", show_default="the folder it is started in"
        ),
    ] = None,
    allow_url: Annotated[
        bool,
        typer.Option(
            "--allow-url", help="Let agents name public web addresses to fetch, never private ones."
        ),
    ] = False,
    service: Annotated[
        str | None,
        typer.Option(
            help="Address of a FakeWeb service that judges, instead of this computer.", show_default=False
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="FAKEWEB_API_KEY",
            help="API key of the service; better in the environment.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of a model or path of a card.", show_default="fast")
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(help="Certificates (PEM) whose content credentials are trusted.", show_default=False),
    ] = None,
) -> None:
    """Give agents tools to check pictures and clips, over the Model Context Protocol (standard input and output)."""
    from fakeweb import agents

    if sys.stdin is not None and sys.stdin.isatty():
        ERRORS.print("waiting for an agent on standard input; Ctrl-C ends it")
    agents.run(
        folder or [Path.cwd()], allow_url=allow_url, service=service, key=key, model=model, trust=trust
    )
