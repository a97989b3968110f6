"""The example notebook runs, and what its cells give shows itself."""

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(source: str, names: dict):
    """Run a cell; return the value of its last expression, as a notebook would show it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_the_example_notebook(monkeypatch):
    monkeypatch.chdir(ROOT)
    notebook = json.loads((ROOT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))
    names: dict = {}
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    report, drawn, face, table = (run(cell, names) for cell in cells)
    assert "beautified.jpg" in report._repr_html_()
    assert "origin" in report._repr_html_()
    assert drawn._repr_html_().startswith('<img alt="512 x 512 px" src="data:image/jpeg;base64,')
    assert face._repr_html_().startswith("<div")
    assert len(repr(report)) < 200
    pandas = pytest.importorskip("pandas")
    assert list(pandas.DataFrame(table)["face"]) == [1]
