"""The check that the built page is current can fail."""

import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """The check over a copy of everything it looks at."""
    spec = importlib.util.spec_from_file_location("current", ROOT / "web" / "current.py")
    current = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(current)
    skipped = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=skipped)
    for name in ("docs/reference/openapi.json", "src/fakeweb/render/style.json", "src/fakeweb/topology.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "src/fakeweb/server/page", tmp_path / "page")
    monkeypatch.setattr(current, "ROOT", tmp_path)
    monkeypatch.setattr(current, "PAGE", tmp_path / "page")
    monkeypatch.setattr(current, "RECORD", tmp_path / "page" / "built-from.json")
    monkeypatch.setattr("sys.argv", ["current.py"])
    return current


def test_the_page_in_the_package_is_current(checked):
    assert checked.main() == 0


@pytest.mark.parametrize(
    "changed",
    [
        "web/src/texts/en.ts",
        "web/package-lock.json",
        "docs/reference/openapi.json",
        "src/fakeweb/render/style.json",
        "src/fakeweb/topology.json",
        "page/index.html",
    ],
)
def test_any_change_is_noticed(checked, tmp_path, capsys, changed):
    path = tmp_path / changed
    path.write_bytes(path.read_bytes() + b" ")
    assert checked.main() == 1
    assert "just web" in capsys.readouterr().err


def test_a_file_too_many_is_noticed(checked, tmp_path):
    (tmp_path / "page" / "assets" / "more.js").write_text("")
    assert checked.main() == 1
