"""Examples in docstrings run, links in documents lead somewhere, every room introduces itself."""

import ast
import doctest
import importlib
import importlib.util
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import fakeweb

ROOT = Path(__file__).parents[2]
NEEDS_TORCH = ("fakeweb.train.", "fakeweb.__main__")
NEEDS_FASTAPI = () if importlib.util.find_spec("fastapi") else ("fakeweb.server.",)
NEEDS_GRADIO = () if importlib.util.find_spec("gradio") else ("fakeweb.demo.",)
NEEDS_MCP = () if importlib.util.find_spec("mcp") else ("fakeweb.agents.tools",)
NEEDS = NEEDS_TORCH + NEEDS_FASTAPI + NEEDS_GRADIO + NEEDS_MCP
MODULES = [
    m.name
    for m in pkgutil.walk_packages(fakeweb.__path__, "fakeweb.")
    if not m.name.startswith(NEEDS) and "fakeweb.models" not in m.name
]
PAGES = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])


def test_examples_in_docstrings_run():
    ran = 0
    for name in MODULES:
        result = doctest.testmod(importlib.import_module(name))
        assert result.failed == 0, name
        ran += result.attempted
    assert ran >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_codes_that_documents_name_are_codes():
    known = set(
        re.findall(
            r"^\| `([\w.]+)`", (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8"), re.MULTILINE
        )
    )
    known |= {"batch.died", "batch.memory", "batch.raised", "batch.time"}  # of files, in dead letters
    for page in PAGES:
        told = re.findall(
            r"`((?:media|usage|dataset|worker|service|model|batch)\.[a-z_]+)`", page.read_text("utf-8")
        )
        assert {code for code in told if not code.endswith((".py", ".json", ".onnx"))} <= known, page


def test_the_site_leads_to_every_page():
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    led = set(re.findall(r": ([\w/-]+\.md)$", nav, re.MULTILINE))
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    own = {p for p in pages if p.startswith("decisions/0") or p.startswith("guide/provenance/")}
    assert led - {"contributing.md", "security.md", "changelog.md"} == pages - own
    listed = set(
        re.findall(r"\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8"))
    )
    assert {f"decisions/{name}" for name in listed} == {p for p in own if p.startswith("decisions/")}


@pytest.fixture
def beside_docs(monkeypatch):
    """Import a module that lies beside the pages."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return importlib.import_module


def test_a_figure_that_its_source_no_longer_holds_is_noticed_wherever_it_is_repeated(beside_docs):
    figures = beside_docs("figures")
    true, lost = figures.pages({})
    assert lost == []
    assert all(path.read_text("utf-8") == text for path, text in true.items())
    for page, told in (("README.md", "| genuine | 1.8 %"), ("docs/guide/accused.md", "one in fifty")):
        path = ROOT / page
        stale = path.read_text("utf-8").replace(told, told.replace("1.8", "0.3").replace("fifty", "nine"))
        assert stale != true[path]
        assert figures.pages({path: stale})[0][path] == true[path]
    path = ROOT / "docs" / "index.md"
    lost = figures.pages({path: true[path].replace("| genuine |", "| never faked |")})[1]
    assert len(lost) == 1
    assert "docs/index.md says no more '| genuine | {} % |'" in lost[0]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("fakeweb scan photo.jpg --json", []),
        ("fakeweb scna photo.jpg", ["there is no command 'fakeweb scna'"]),
        ("fakeweb scan photo.jpg --jsn", ["'fakeweb scan' has no option --jsn"]),
        ("fakeweb data probe folds --bogus", ["'fakeweb data probe folds' has no option --bogus"]),
        ("fakeweb batch photos/ --out results", []),
        ("fakeweb batch photos/ --owt results", ["'fakeweb batch' has no option --owt"]),
        ("fakeweb models list", ["there is no command 'fakeweb models list'"]),
        ("just tset", ["there is no recipe 'just tset'"]),
    ],
)
def test_a_command_or_option_that_is_none_is_noticed(line, wrong, beside_docs):
    assert list(beside_docs("claims").wrong_commands(line)) == wrong


def test_python_that_asks_for_what_is_not_there_is_noticed(beside_docs):
    wrong_imports = beside_docs("claims").wrong_imports
    assert list(wrong_imports("import fakeweb\nfrom fakeweb.media import Pace\nfakeweb.scan('x')")) == []
    assert list(wrong_imports("from fakeweb.media import Pase")) == ["fakeweb.media has no Pase"]
    assert list(wrong_imports("import fakeweb\nfakeweb.skan('x')")) == ["fakeweb has no skan"]
    assert next(wrong_imports("scan(")).startswith("no Python")


def test_docs_and_hints_name_commands_that_are_there_and_rooms_as_the_contracts_do(beside_docs):
    assert list(beside_docs("claims").problems()) == []


def test_a_room_drawn_on_another_step_or_a_guest_in_another_room_is_noticed(beside_docs):
    rules = (ROOT / "docs" / "decisions" / "0001-two-rules.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wrong_rooms = beside_docs("claims").wrong_rooms
    assert list(wrong_rooms(rules, project)) == []
    moved = rules.replace("scanner\n", "").replace("\ntypes\n", "\ntypes scanner\n")
    assert "draws the stairs" in next(wrong_rooms(moved, project))
    lodged = rules.replace("Gradio in `demo`", "Gradio in `server`")
    assert "says Gradio lives in {'server'}" in next(wrong_rooms(lodged, project))


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/reference/glossary.md"])
def test_files_that_the_maps_name_are_there(page):
    rows = [r for r in (ROOT / page).read_text("utf-8").splitlines() if r.startswith("| ")]
    paths = {p for row in rows for p in re.findall(r"`([\w/-]+(?:/|\.py))`", row)}
    assert len(paths) > 10
    lost = {p for p in paths if not any((base / p).exists() for base in (ROOT, ROOT / "src" / "fakeweb"))}
    assert not {path for path in lost if "NAME" not in path}


def test_the_landing_page_leads_to_every_room():
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    named = re.findall(r"`((?:src|web|extension|recipes)/?[\w/.]*)`", text)
    assert not {path for path in named if not (ROOT / path).exists()}
    assert {room.name for room in ROOMS} - {"models"} <= {Path(path).name for path in named} | {"types"}


ROOMS = sorted(p.parent for p in (ROOT / "src" / "fakeweb").glob("*/__init__.py"))


@pytest.mark.parametrize("room", ROOMS, ids=lambda p: p.name)
def test_every_room_says_what_it_may_import_and_imports_nothing_else(room):
    words = " ".join(
        (ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or "").split("\n")
    )
    said = re.search(r"[Mm]ay import:? (.*?)(?:\.  |\.$|::|\. [A-Z])", words)
    assert said
    if "everything" not in said[1]:
        assert _rooms_imported_by(room) <= set(re.findall(r"fakeweb\.(\w+)", said[1]))


def _rooms_imported_by(room: Path) -> set[str]:
    found = set()
    for path in room.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fakeweb":
                names = (
                    [node.module] if node.module != "fakeweb" else [f"fakeweb.{a.name}" for a in node.names]
                )
                found |= {name.split(".")[1] for name in names}
    return {name for name in found if name != room.name and (room.parent / name).exists()} | {
        name for name in found if (room.parent / f"{name}.py").is_file()
    }
