"""The service: pictures and videos over HTTP, for platforms.

What it does: ``fakeweb serve`` runs one process with an event loop that never judges, decodes or draws; worker
processes with a Scanner and one thread each do that (``pool.py``, ``worker.py``), a process per video that can be
killed does the rest (``jobs.py``, ``film.py``). ``gate.py`` and ``admission.py`` refuse what cannot be served before
its body is read; ``pictures.py`` is the use case; ``store.py`` remembers in SQLite or PostgreSQL; ``web.py`` serves the
page, which is built from ``web/`` at the root into ``page/``.

May import: :mod:`fakeweb.scanner` and everything below it; FastAPI, Starlette, pydantic, uvicorn,
SQLAlchemy and prometheus-client are its guests (extra ``server``) and are imported only by its submodules.

Where to add a file: an address is a router in ``routes/``, its JSON a class in ``schemas.py``; a setting is a field
in ``settings.py`` and thereby ``FAKEWEB_<NAME>``.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fakeweb.errors import missing_extra

if TYPE_CHECKING:
    from fakeweb.server.settings import Settings

__all__ = ["create_app", "require_extra", "run"]

_GUESTS = ("fastapi", "uvicorn", "httptools", "sqlalchemy", "prometheus_client")


def require_extra(what: str) -> None:
    """Raise MissingExtra where the extra ``server`` is not installed.

    Args:
        what: What the caller wanted, for the message.
    """
    if any(find_spec(guest) is None for guest in _GUESTS):
        raise missing_extra("server", what)


def create_app(settings: Settings | None = None) -> Any:
    """Make the ASGI application.

    Args:
        settings: How it runs; None: what the environment says.

    Raises:
        MissingExtra: The extra ``server`` is not installed.
        UsageError, StoreFailed: A setting is wrong, or the database cannot be used.
    """
    require_extra("the service")
    import os

    from fakeweb.server import app
    from fakeweb.server.settings import settings_from

    return app.create_app(settings or settings_from(os.environ))


def run(settings: Settings) -> None:
    """Serve until the process is told to stop; what was accepted is finished first.

    Args:
        settings: How it runs.

    Raises:
        MissingExtra: The extra ``server`` is not installed.
        UsageError, StoreFailed: A setting is wrong, or the database cannot be used.
    """
    require_extra("fakeweb serve")
    from fakeweb.server import process

    process.run(settings)
