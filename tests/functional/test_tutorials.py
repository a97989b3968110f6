"""The tutorials of docs/tutorial are run as they stand, and say what their pages show."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from fakeweb.runtime.weights import weights_table

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "tutorial").glob("*.md"))
NEEDS = {
    "adapt": (),
    "bucket": ("moto.server", "s3fs", "pyarrow"),
    "check": (),
    "own-parts": (),
    "rebuild": ("torch", "onnxscript", "sklearn", "matplotlib"),
    "service": ("fastapi", "uvicorn"),
    "train": ("torch", "onnxscript"),
    "videos": ("torch", "onnxscript", "sklearn", "matplotlib"),
}
SLOW = set(NEEDS) - {"check"}


@pytest.fixture(scope="module")
def tutorials():
    """The runner, which lies beside the pages."""
    spec = importlib.util.spec_from_file_location("fakeweb_tutorials", DOCS / "tutorials.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] if p.stem in SLOW else []) for p in PAGES],
)
def test_a_tutorial_does_what_it_says(page, tutorials, tmp_path):
    for module in NEEDS[page.stem]:
        pytest.importorskip(module, reason=f"this tutorial needs {module}")
    for program in ("bash", "curl", "git"):
        if shutil.which(program) is None:
            pytest.skip(f"the tutorials need {program}")
    if page.stem == "adapt" and not weights_table()["clip-vit-b16"].path.is_file():
        pytest.skip("needs the encoder: fakeweb models fetch clip-vit-b16")
    steps = tutorials.run(page, tmp_path)
    assert steps
    for step in steps:
        assert step.agrees, f"$ {step.command}\n{step.said}\nbut the page shows\n{step.shown}"
        assert step.shown != "?\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_page_that_shows_something_else_is_noticed(tutorials, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        '```sh title="say.sh"\necho "$1 of 3"\n```\n\n```console\n$ sh say.sh 1\n2 of 3\n$ sh say.sh 1\n1 of ...\n'
        "$ printf 'faces: 1 of 2\\n%s\\n' end\nend\n$ sh say.sh 1\n```\n"
    )
    steps = tutorials.run(page, _empty(tmp_path / "first"))
    assert [step.agrees for step in steps] == [False, True, True, True]
    page.write_text(page.read_text() + tutorials._LOOSE)
    assert [step.agrees for step in tutorials.run(page, _empty(tmp_path / "second"))] == [True] * 4
    page.write_text("```console\n$ true\n$ echo why; false\n$ true\n```\n")
    with pytest.raises(RuntimeError, match=r"\$ echo why; false\nwhy\n\nexit status 1"):
        tutorials.run(page, _empty(tmp_path / "third"))


def _empty(folder):
    folder.mkdir()
    return folder
