"""Runs a tutorial as it stands: ``python docs/tutorials.py docs/tutorial/check.md [--write]``.

A fence with a title (```` ```python title="make.py" ````) is a file; of a fence ``console``, lines after ``$`` are run
by one bash, in the order of the page, in an empty folder beside which the checkout's ``examples``, ``recipes`` and
``src`` lie. What stands below a command is what it says, ``...`` being anything; ``--write`` puts in what it said, but
where ``...`` stands.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINKED = ("examples", "recipes", "src", "benchmarks")
_FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_PROGRESS = re.compile(r"^(?:[^\n:]+: \d+ of \d+(?:, [^\n]*)?|running: [^\n]+)\n", re.MULTILINE)
"""Lines that slow commands print about how far they are."""
_LOOSE = "<!-- numbers differ between processors -->"
_MARK = "\x1e"


@dataclass(frozen=True)
class Step:
    """A command of a page, what the page shows below it, and what it said."""

    command: str
    shown: str
    said: str
    loose: bool = False
    """Whether other numbers are right, too."""

    @property
    def agrees(self) -> bool:
        """Whether the page shows what was said; it may show nothing."""
        pattern = re.escape(self.shown.rstrip()).replace(re.escape("..."), ".*?")
        if self.loose:
            pattern = re.sub(r"(\\ )+", r"\\s+", re.sub(r"\d+(?:\\?[.,]\d+)*", r"[\\d.,]+", pattern))
        return not self.shown or re.fullmatch(pattern, self.said.rstrip(), re.DOTALL) is not None


def run(page: Path, folder: Path, *, time_limit_s: float = 600) -> list[Step]:
    """Run a page in an empty folder.

    Returns:
        The commands in order; the last one is the first that failed, or the last of the page.

    Raises:
        RuntimeError: A command failed; its output is the message.
    """
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    shim = folder / ".bin" / "fakeweb"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m fakeweb "$@"\n')
    shim.chmod(0o755)
    commands, script = [], []
    text = page.read_text("utf-8")
    for fence in _FENCE.finditer(text):
        language, title, body = fence.groups()
        if title:
            script.append(f"mkdir -p $(dirname {title}); cat > {title} <<'END OF FILE'\n{body}END OF FILE\n")
        elif language == "console":
            for command, shown in _COMMAND.findall(body):
                script.append(f"printf '{_MARK}'\n{command}\n(exit $?) || exit $?\n")
                commands.append((command, shown))
    said, ended = _bash(_on_free_ports("".join(script)), folder, time_limit_s)
    steps = [Step(*told, each, _LOOSE in text) for told, each in zip(commands, said, strict=False)]
    if ended != 0:
        raise RuntimeError(f"$ {steps[-1].command}\n{steps[-1].said}\nexit status {ended}")
    return steps


def _on_free_ports(script: str) -> str:
    """Put free ports in the places of those that the page names."""
    for port in sorted(set(re.findall(r"(?:127\.0\.0\.1:|--port )(\d+)", script))):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            script = re.sub(rf"\b{port}\b", str(probe.getsockname()[1]), script)
    return script


def _bash(script: str, folder: Path, time_limit_s: float) -> tuple[list[str], int]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FAKEWEB_", "AWS_"))}
    home = Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fakeweb" / "weights"
    own = folder / ".data" / "fakeweb"
    own.mkdir(parents=True)
    if home.is_dir():  # weights that were fetched serve here too; nothing else of the reader's is touched
        (own / "weights").symlink_to(home)
    paths = [str(ROOT / "src"), *filter(None, [env.get("PYTHONPATH")])]
    env |= {
        "PATH": f"{folder / '.bin'}:{Path(sys.executable).parent}:{env['PATH']}",
        "PYTHONPATH": os.pathsep.join(paths),
        "XDG_DATA_HOME": str(folder / ".data"),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    env |= {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "120"}
    told = folder / ".said"
    with told.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own pages
            ["bash", "-c", script],  # noqa: S607
            cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
        try:
            ended = process.wait(time_limit_s)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what runs in the background
            process.wait()
    return [_PROGRESS.sub("", each) for each in told.read_text("utf-8", "replace").split(_MARK)[1:]], ended


def write(page: Path, steps: list[Step]) -> None:
    """Put what was said below the commands, but where the page shows nothing or an ellipsis."""
    text = page.read_text("utf-8")
    for step in steps:
        if step.shown and "..." not in step.shown:
            text = text.replace(
                f"$ {step.command}\n{step.shown}", f"$ {step.command}\n{step.said.rstrip()}\n"
            )
    page.write_text(text, "utf-8")


def main() -> int:
    """Run the named pages and show where they differ."""
    differ = 0
    for page in (Path(arg) for arg in sys.argv[1:] if arg != "--write"):
        with tempfile.TemporaryDirectory() as folder:
            steps = run(page, Path(folder))
        for step in steps:
            if not step.agrees or not step.shown:
                sys.stdout.write(f"$ {step.command}\n{step.said}\n")
            differ += not step.agrees
        if "--write" in sys.argv:
            write(page, steps)
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
