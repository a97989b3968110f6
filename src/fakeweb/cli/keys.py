"""``fakeweb keys``."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fakeweb import server
from fakeweb.cli.console import printable, write
from fakeweb.errors import UnknownName

if TYPE_CHECKING:
    from fakeweb.server.store import Store

keys = typer.Typer(help="Make, list and revoke the API keys of `fakeweb serve`.", no_args_is_help=True)

_DataDir = Annotated[
    Path | None, typer.Option(help="Folder of the service.", show_default="~/.local/share/fakeweb/service")
]
_Url = Annotated[str | None, typer.Option("--database-url", help="Its database, if not in the folder.")]


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    scopes: Annotated[
        str,
        typer.Option(
            help="predict, videos, results, enqueue, queue, metrics, tenant-admin, admin; separated by commas."
        ),
    ] = "predict,videos,enqueue",
    per_minute: Annotated[int, typer.Option(min=0, help="Pictures a minute; 0: no limit.")] = 600,
    tenant: Annotated[
        str, typer.Option(help="Whose it is: tenants do not see what others send.")
    ] = "default",
    data_dir: _DataDir = None,
    database_url: _Url = None,
) -> None:
    """Make a key and print it, once: only its hash is stored."""
    store = _store(data_dir, database_url)
    from fakeweb.server.keys import check_scopes, check_tenant, hash_key, new_key

    key, chosen = new_key(), check_scopes(s.strip() for s in scopes.split(",") if s.strip())
    store.add_key(name, hash_key(key), chosen, per_minute, check_tenant(tenant))
    write(key)


@keys.command("list")
def list_(data_dir: _DataDir = None, database_url: _Url = None) -> None:
    """List the keys: id, name, tenant, scopes, limit."""
    for row in _store(data_dir, database_url).list_keys():
        made = datetime.fromtimestamp(row["created_s"], UTC).date().isoformat()
        limit = f"{row['per_minute']} a minute" if row["per_minute"] else "no limit"
        gone = "  revoked" if row["revoked_s"] else ""
        write(
            f"{row['id']}  {printable(row['name'])}  {row['tenant']}  {row['scopes']}  {limit}  since {made}{gone}"
        )


@keys.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="Id or name.")],
    data_dir: _DataDir = None,
    database_url: _Url = None,
) -> None:
    """Revoke a key; a running service notices within seconds."""
    if not _store(data_dir, database_url).revoke_key(key):
        raise UnknownName(f"no key that is in use is called '{key}'", hint="see `fakeweb keys list`")
    write(f"revoked {printable(key)}")


def _store(data_dir: Path | None, database_url: str | None) -> Store:
    server.require_extra("fakeweb keys")
    from fakeweb.server.settings import settings_from
    from fakeweb.server.store import Store

    return Store(settings_from(os.environ, data_dir=data_dir, database_url=database_url).url)
