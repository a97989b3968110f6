"""Examples in docstrings run, links in documents lead somewhere, every room introduces itself."""

import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import fakeweb

ROOT = Path(__file__).parents[2]
NEEDS_TORCH = ("fakeweb.train.", "fakeweb.__main__")
NEEDS_FASTAPI = () if importlib.util.find_spec("fastapi") else ("fakeweb.server.",)
NEEDS_GRADIO = () if importlib.util.find_spec("gradio") else ("fakeweb.demo.",)
MODULES = [
    m.name
    for m in pkgutil.walk_packages(fakeweb.__path__, "fakeweb.")
    if not m.name.startswith(NEEDS_TORCH + NEEDS_FASTAPI + NEEDS_GRADIO) and "fakeweb.models" not in m.name
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


@pytest.mark.parametrize(
    "room", sorted(p.parent.name for p in (ROOT / "src" / "fakeweb").glob("*/__init__.py"))
)
def test_every_room_says_what_it_may_import(room):
    module = importlib.import_module(f"fakeweb.{room}")
    assert "May import" in (module.__doc__ or "") or "may import" in (module.__doc__ or "").lower()
