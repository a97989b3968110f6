"""``fakeweb serve``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fakeweb import server

EPILOG = """
Every setting is also an environment variable, FAKEWEB_PORT for --port; docs/guide/service.md lists all of them. On
this machine alone no API key is asked for; with --host 0.0.0.0 one is, unless --auth off says otherwise.

SIGTERM and Ctrl-C stop it: what was accepted is finished, videos are taken up again at the next start. Needs the
extra 'server'.

**Examples**

* fakeweb serve

* fakeweb serve --host 0.0.0.0 --port 80 --workers 4 --data-dir /var/lib/fakeweb

* FAKEWEB_DATABASE_URL=postgresql://fakeweb@db/fakeweb fakeweb serve
"""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8000")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", help="Processes that judge.", show_default="one per core")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for database and jobs.", show_default="~/.local/share/fakeweb/service"),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="Database, such as postgresql://...", show_default="SQLite in the folder"),
    ] = None,
    auth: Annotated[
        str | None, typer.Option(help="API keys: auto, required or off.", show_default="auto")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model or card.", show_default="fast")] = None,
    finder: Annotated[str | None, typer.Option(help="Face detector.", show_default="fakeweb")] = None,
    finder_model: Annotated[Path | None, typer.Option(help="Model file of the finder.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Call faces fake from this P(fake) on, where a request says nothing.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) whose content credentials are trusted.")
    ] = None,
    allow_url: Annotated[
        bool | None, typer.Option("--allow-url", help="Let callers name public addresses to fetch.")
    ] = None,
) -> None:
    """Serve the API: pictures, videos as jobs, a review queue."""
    server.require_extra("fakeweb serve")
    from fakeweb.server.settings import settings_from

    server.run(
        settings_from(
            os.environ,
            host=host,
            port=port,
            workers=workers,
            data_dir=data_dir,
            database_url=database_url,
            auth=auth,
            model=model,
            finder=finder,
            finder_model=finder_model,
            threshold=threshold,
            trust=trust,
            allow_url=allow_url or None,
        )
    )
