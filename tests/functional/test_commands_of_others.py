"""Commands of other packages come in by entry point; a broken one breaks nothing else; none takes a name of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fakeweb

SOURCE = Path(fakeweb.__file__).parents[1]
THEIRS = '''
import typer

command = typer.Typer(add_completion=False)

@command.command()
def greet(name: str, loud: bool = False) -> None:
    """Say good day."""
    print(f"good day, {name}{'!' if loud else ''}")

several = typer.Typer(help="Several in one.", rich_help_panel="Theirs")

@several.command()
def one() -> None:
    """The first."""
    print("one")

@several.command()
def two() -> None:
    """The second."""
'''


def install(folder, package, module, entries):
    """Install a package the way pip would."""
    (folder / f"{package.replace('-', '_')}.py").write_text(module)
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fakeweb.command]\n" + "\n".join(entries) + "\n")


@pytest.fixture
def run(tmp_path):
    def call(*arguments, before=""):
        path = os.pathsep.join((str(tmp_path), str(SOURCE), os.environ.get("PYTHONPATH", "")))
        return subprocess.run(
            [sys.executable, "-c", f"{before}\nfrom fakeweb.cli import main; main()", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "120"},
            check=False,
            timeout=120,
        )

    return call


@pytest.fixture
def theirs(tmp_path):
    install(
        tmp_path,
        "their-commands",
        THEIRS,
        [
            "greet = their_commands:command",
            "several = their_commands:several",
            "scan = their_commands:command",
            "train = their_commands:command",
            "nothing = their_commands:typer",
        ],
    )


@pytest.fixture
def broken(tmp_path):
    install(tmp_path, "gone-wrong", "import a_module_that_is_not_there\n", ["lost = gone_wrong:command"])
    install(tmp_path, "gives-up", "import sys\nsys.exit('no licence')\n", ["quits = gives_up:command"])


def test_a_command_of_another_package_runs_and_is_listed(theirs, run):
    assert run("greet", "Eileen", "--loud").stdout == "good day, Eileen!\n"
    assert run("several", "one").stdout == "one\n"
    listed = run("--help").stdout
    assert "Say good day." in listed
    assert listed.index("─ Theirs ─") < listed.index("Several in one.")
    assert "--loud" in run("greet", "-h").stdout


def test_it_cannot_take_a_name_of_ours(theirs, run):
    assert "Say good day." not in run("scan", "--help").stdout
    assert "recipe" in run("train", "--help").stdout


def test_a_broken_one_is_one_line_and_breaks_nothing_else(broken, theirs, run):
    listed = run("--help")
    assert listed.returncode == 0
    assert "greet" in listed.stdout
    assert "lost" not in listed.stdout
    lines = listed.stderr.splitlines()
    assert [line.partition(" cannot be loaded")[0] for line in lines] == [
        "error: the command 'lost' of the package gone-wrong",
        "error: the command 'nothing' of the package their-commands",
        "error: the command 'quits' of the package gives-up",
    ]
    reason = "ModuleNotFoundError: No module named 'a_module_that_is_not_there'"
    assert lines[0].endswith(f"{reason} (update or uninstall gone-wrong)")
    assert run("version").returncode == 0
    called = run("lost", "--help")
    assert (called.returncode, called.stdout) == (2, "")
    assert called.stderr.count("\n") == 1
    assert "gone-wrong cannot be loaded" in called.stderr


def test_none_is_imported_before_it_is_called(broken, run):
    seen = "print(*(name in sys.modules for name in ('gone_wrong', 'fakeweb.train')))"
    said = f"import atexit, sys\natexit.register(lambda: {seen})"
    for arguments in (("version",), ("scan", "--help"), ("models",)):
        assert run(*arguments, before=said).stdout.endswith("False False\n")


def test_a_name_that_is_near_is_suggested(theirs, run):
    result = run("gret", "Eileen")
    assert result.returncode == 2
    assert "No such command 'gret'. Did you mean 'greet'?" in result.stderr


def test_where_our_own_are_not_registered_it_says_what_to_do(run):
    """As after an update of the sources under an editable installation."""
    hidden = (
        "import importlib.metadata as m; found = m.entry_points\n"
        "m.entry_points = lambda **k: [] if k.get('group') == 'fakeweb.command' else found(**k)\n"
    )
    result = run("train", before=hidden)
    assert result.returncode == 2
    assert "install FakeWeb again" in result.stderr
    assert run("version", before=hidden).returncode == 0
