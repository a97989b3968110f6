"""The web page: built files that lie in ``page/``, each at an address of its own.

They are not mounted as a folder at ``/``: a mount answers for every address below it, and a wrong method on an
address of the API would no longer be told apart from an address that does not exist. They are read once: strangers
may ask for them, and reading a file for each costs an event loop twenty times as much.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

PAGE = Path(__file__).parent / "page"
EXAMPLES = Path(__file__).parents[1] / "examples"
"""Pictures to try; written by ``web/examples.py``."""
VIEWS = ("/", "/history", "/r/{result_id}")
"""Addresses of the page; what a result is, it asks ``/v1/results`` for, with the key that it has."""
RECORD = "built-from.json"
"""What the bundle was built from; for the check that it is current, not for browsers."""

_HASHED = "assets"
"""Files here carry a hash of their content in their names, and so never change."""

_WELCOME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>FakeWeb</title></head>
<body><h1>FakeWeb</h1><p>The service is running. <a href="/docs">Try the API</a>, or read its
<a href="/v1/openapi.json">OpenAPI document</a>.</p></body></html>
"""


def add_page(api: FastAPI, folder: Path) -> None:
    """Serve a built page at :data:`VIEWS` with the pictures to try, or a word of welcome where there is none.

    Args:
        api: Gets one route per file.
        folder: With ``index.html``.
    """
    if not (folder / "index.html").is_file():
        api.add_route("/", _welcome, methods=["GET", "HEAD"], include_in_schema=False)
        return
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != RECORD:
            at = VIEWS if name == "index.html" else (f"/{name}",)
            for address in at:
                api.add_route(address, _file(path), methods=["GET", "HEAD"], include_in_schema=False)
    for path in sorted(EXAMPLES.glob("*.jpg")):
        api.add_route(f"/examples/{path.name}", _file(path), methods=["GET", "HEAD"], include_in_schema=False)


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    cache = "public, max-age=31536000, immutable" if path.parent.name == _HASHED else "no-cache"
    data, kind = path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream"

    async def send(_: Request) -> Response:
        return Response(data, media_type=kind, headers={"Cache-Control": cache})

    return send


async def _welcome(_: Request) -> Response:
    return HTMLResponse(_WELCOME)
