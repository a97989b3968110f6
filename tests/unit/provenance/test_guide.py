"""The guide's examples are what the code says of files that are made here."""

import importlib.util
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


def test_examples_in_the_guide_are_current():
    pytest.importorskip("c2pa", reason="needs the extra 'provenance'")
    spec = importlib.util.spec_from_file_location("fakeweb_provenance_pages", DOCS / "provenance_pages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made = module.pages()
    assert len(made) == 6
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: python docs/drift.py --write"
