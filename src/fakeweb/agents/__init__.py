"""Tools for agents: a picture, a clip or a report in, plain words and figures out, over the Model Context Protocol.

What it does: ``fakeweb mcp`` speaks MCP over standard input and output to the one program that started it. Pictures
and clips are judged by a Scanner in this process, or by a FakeWeb service elsewhere. It reads files of the folders
that its user named and of no others, and fetches from the web only what its user allowed, under the rules of
:func:`fakeweb.media.fetch_url`. It writes nothing.

May import: :mod:`fakeweb.client`, :mod:`fakeweb.scanner` and everything below them; the official SDK (``mcp``) and
pydantic, which comes with it, are its guests (extra ``mcp``) and are imported only by ``tools.py``.

Where to add a file: a tool is a function in ``tools.py``; who judges stands in ``checkers.py``, which files may be
read in ``files.py``, what a tool answers in ``answers.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fakeweb.errors import UsageError, missing_extra

__all__ = ["run"]


def run(
    folders: Sequence[Path],
    *,
    allow_url: bool = False,
    service: str | None = None,
    key: str | None = None,
    model: str | None = None,
    trust: Path | None = None,
) -> None:
    """Serve one agent over standard input and output until it hangs up.

    Args:
        folders: Files below these may be read.
        allow_url: Whether public web addresses may be fetched.
        service: Address of a FakeWeb service that judges; None: a Scanner here.
        key: API key of the service.
        model: Name of a model or path of a card, for the Scanner; None: the shipped one.
        trust: Certificates (PEM) whose content credentials the Scanner trusts.

    Raises:
        MissingExtra: The extra ``mcp`` is not installed.
        UsageError: A folder, an address or the trust list cannot be used, or a service is given and a model too.
        ModelError: The model is missing or broken.
    """
    if find_spec("mcp") is None:
        raise missing_extra("mcp", "fakeweb mcp")
    if service is not None and (model is not None or trust is not None):
        raise UsageError("a service has its own model and trust list", hint="leave out --model and --trust")
    from fakeweb.agents import tools
    from fakeweb.agents.checkers import Local, Remote
    from fakeweb.agents.files import Files

    files = Files.of(folders)
    checker = Local(model, trust) if service is None else Remote(service, key)
    try:
        tools.make_server(checker, files, allow_url=allow_url).run("stdio")
    except* BrokenPipeError:
        pass  # the agent has hung up in the middle of an answer
