"""What docs and hints say of commands, options, recipes, Python and rooms, held against the code."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fakeweb.cli.app import command as whole_command
from fakeweb.errors import MissingExtra

ROOT = Path(__file__).parents[1]
GUESTS = {
    "ONNX Runtime": "onnxruntime", "Pillow": "PIL", "PyAV": "av", "scikit-learn": "sklearn", "FastAPI": "fastapi",
    "SQLAlchemy": "sqlalchemy", "Ray": "ray", "Gradio": "gradio", "the SDK of the Model Context Protocol": "mcp",
}  # fmt: skip
"""Names of heavy libraries in prose, where they are not the module's."""
_OURS = ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "deploy/*.md", "examples/*.md", "research/**/*.md")
_PYTHON = re.compile(r"^```python[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)


def problems() -> Iterator[str]:
    """Yield every claim that is not true, with its place."""
    for place, code, strict in _told():
        for line in re.sub(r"\\\n\s*", " ", code).splitlines():
            yield from (f"{place}: {wrong}" for wrong in wrong_commands(line, strict=strict))
    for pattern in _OURS:
        for page in sorted(ROOT.glob(pattern)):
            for code in _PYTHON.findall(page.read_text("utf-8")):
                yield from (f"{page.relative_to(ROOT).as_posix()}: {wrong}" for wrong in wrong_imports(code))
    rules = (ROOT / "docs/decisions/0001-two-rules.md").read_text("utf-8")
    yield from wrong_rooms(rules, tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8")))


def _told() -> Iterator[tuple[str, str, bool]]:
    """Yield place, code, and whether all that begins with ``fakeweb`` there must be a command."""
    for pattern in _OURS:
        for page in sorted(ROOT.glob(pattern)):
            for fence, inline in _CODE.findall(page.read_text("utf-8")):
                yield page.relative_to(ROOT).as_posix(), fence or inline, True
    for path in sorted((ROOT / "src/fakeweb").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "fakeweb " in node.value:
                yield path.relative_to(ROOT).as_posix(), node.value, False


def wrong_imports(code: str) -> Iterator[str]:
    """Yield what a piece of Python asks of the package that is not there; what needs a missing extra is passed over."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        yield f"no Python: {error}"
        return
    for node in ast.walk(tree):
        asked = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fakeweb":
            asked = [(node.module or "", each.name) for each in node.names]
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "fakeweb"
        ):
            asked = [("fakeweb", node.attr)]
        for module, name in asked:
            try:
                there = hasattr(importlib.import_module(module), name) or find_spec(f"{module}.{name}")
            except MissingExtra:
                continue
            except ModuleNotFoundError as error:
                there = not (error.name or "").startswith("fakeweb")
            if not there:
                yield f"{module} has no {name}"


@cache
def _command() -> Any:
    return whole_command()


@cache
def _recipes() -> set[str]:
    text = (ROOT / "justfile").read_text("utf-8")
    return set(re.findall(r"^([a-z][a-z-]*)(?: [^\n:]*)?:", text, re.MULTILINE))


def wrong_commands(line: str, *, strict: bool = True) -> Iterator[str]:
    """Yield what a line names that is no command, option or recipe of ours; prose (not ``strict``) may go on."""
    for told in re.findall(r"(?<!from )(?<![\w.@])fakeweb (?!fakeweb)([^|;&`#]+)", line):
        words, command, name = told.split(), _command(), "fakeweb"
        while words and hasattr(command, "get_command") and (inner := command.get_command(None, words[0])):
            command, name = inner, f"{name} {words.pop(0)}"
        if hasattr(command, "get_command"):
            run = command.get_command(None, "run")  # fakeweb batch SOURCE
            if not run and words and re.fullmatch(r"[a-z][a-z-]+", words[0]):
                if strict:
                    yield f"there is no command '{name} {words[0]}'"
                continue
            command = run or command
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {
            "--help"
        }
        for word in words if name != "fakeweb" else ():
            option = re.match(r"--[a-z][a-z-]*", word)
            if option and option[0] not in known:
                yield f"'{name}' has no option {option[0]}"
    for recipe in re.findall(r"(?:^|bin/|&& |`)just ([a-z-]+)", line) if strict else ():
        if recipe not in _recipes():
            yield f"there is no recipe 'just {recipe}'"


def wrong_rooms(rules: str, project: dict[str, Any]) -> Iterator[str]:
    """Yield where the page of the two rules says something else of rooms and guests than the import contracts."""
    contracts = {each["id"]: each for each in project["tool"]["importlinter"]["contracts"]}
    stairs = [set(re.findall(r"\w+", step)) for step in contracts["stairs"]["layers"]]
    drawn = [set(re.findall(r"\w+", line)) for line in rules.split("```")[1].strip().splitlines()]
    if drawn != stairs:
        yield f"0001-two-rules.md draws the stairs {drawn}, pyproject.toml has {stairs}"
    lives: dict[str, set[str]] = {}
    for name, contract in contracts.items():
        if name.startswith("guest-"):
            for module in contract["forbidden_modules"]:
                ways = [way.split(" -> ") for way in contract["ignore_imports"]]
                lives[module] = {way[0].split(".")[1] for way in ways if way[1] == module}
    sentence = " ".join(
        rules.partition("only when that room is used:")[2].partition("numpy and OpenCV")[0].split()
    )
    for names, rooms in re.findall(r"([^`]+?) in ((?:`\w+`(?: and )?)+)", sentence):
        for name in re.split(r", | and ", names.strip(", .")):
            module = GUESTS.get(name, name)
            said = set(re.findall(r"`(\w+)`", rooms))
            if lives.get(module) != said:
                yield f"0001-two-rules.md says {name} lives in {said}, pyproject.toml {lives.get(module, set())}"
