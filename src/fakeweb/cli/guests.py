"""Plug-in commands of other packages, by the entry point group ``fakeweb.command``; the workshop's come in so, too.

An entry point's name is the command's, its object a :class:`typer.Typer` of one command or of several. It is imported
when it is called, or when all commands are listed. Nobody can take a name of FakeWeb's own.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from fakeweb.cli.console import print_error
from fakeweb.cli.install import explain
from fakeweb.errors import BrokenPlugin

GROUP = "fakeweb.command"
_OWN = "fakeweb"
_AGAIN = (
    "If it is one of FakeWeb's own, install FakeWeb again (`just setup`, or pip): not all are registered."
)


def entries() -> dict[str, EntryPoint]:
    """Return the entry points by the names of their commands; nothing is imported."""
    own_last = sorted(entry_points(group=GROUP), key=lambda entry: _owner(entry) == _OWN)
    return {entry.name: entry for entry in own_last}


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "?"


def load(entry: EntryPoint) -> Any:
    """Import a command.

    Raises:
        BrokenPlugin: It fails to import, or is no command.
    """
    try:
        guest = entry.load()
        if not isinstance(guest, typer.Typer):
            raise TypeError(f"{entry.value} is a {type(guest).__name__}, not a typer.Typer")
        command: Any = typer.main.get_command(guest)
    except (Exception, SystemExit) as error:
        if (
            explain(error) is not None
        ):  # a package of the base install is broken: said once, by who runs the program
            raise
        reason = str(error).partition("\n")[0] or "no reason given"
        raise BrokenPlugin(
            f"the command '{entry.name}' of the package {_owner(entry)} cannot be loaded:"
            f" {type(error).__name__}: {reason}",
            hint=f"update or uninstall {_owner(entry)}",
        ) from error
    command.name = entry.name
    if isinstance(panel := guest.rich_help_panel, str):
        command.rich_help_panel = panel  # typer heeds it of nested groups alone
    return command


class Commands(TyperGroup):
    """The program's commands: its own in the order in which they were added, then those of other packages by name."""

    _entries: dict[str, EntryPoint] | None = None

    @property
    def entries(self) -> dict[str, EntryPoint]:
        """Entry points whose names are not taken by commands of the program."""
        if self._entries is None:
            self._entries = {name: entry for name, entry in entries().items() if name not in self.commands}
        return self._entries

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of all commands that can be loaded; of each other one, print a line that says why not."""
        for name, entry in sorted(self.entries.items()):
            try:
                self._loaded(name, entry)
            except BrokenPlugin as error:
                print_error(error)
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return a command, or None.

        Raises:
            BrokenPlugin: It is another package's and cannot be loaded.
        """
        if cmd_name not in self.commands and cmd_name in self.entries:
            return self._loaded(cmd_name, self.entries[cmd_name])
        return self.commands.get(cmd_name)

    def prepared(self, command: Any) -> Any:
        """Return a command that came from another package as this program shows it."""
        return command

    def _loaded(self, name: str, entry: EntryPoint) -> Any:
        if name not in self.commands:
            self.commands[name] = self.prepared(load(entry))
        return self.commands[name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first argument names; where there is none, say which is near."""
        known = {*self.commands, *self.entries}
        if args[0] not in known and not args[0].startswith("-"):
            near = get_close_matches(args[0], sorted(known), n=1)
            guess = f" Did you mean '{near[0]}'?" if near else ""
            own = any(_owner(entry) == _OWN for entry in self.entries.values())
            ctx.fail(f"No such command '{args[0]}'.{guess}" + ("" if own else f" {_AGAIN}"))
        return super().resolve_command(ctx, args)
