"""The exit statuses that docs/reference/errors.md names are those of the commands."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| `fakeweb ([^`]+)` \| (\d) \|", (ROOT / "docs/reference/errors.md").read_text("utf-8"), re.MULTILINE
)
NEEDS = {"batch": "pyarrow", "evaluate": "sklearn", "keys": "sqlalchemy"}


@pytest.mark.parametrize(("command", "status"), ROWS, ids=[row[0] for row in ROWS])
def test_the_command_ends_as_the_page_says(command, status, cli, example, tmp_path, monkeypatch):
    guest = NEEDS.get(command.split()[0])
    if guest and importlib.util.find_spec(guest) is None:
        pytest.skip(f"needs {guest}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    forged = ROOT / "src" / "fakeweb" / "examples" / "beautified.jpg"
    (tmp_path / "forged.jpg").write_bytes(forged.read_bytes())
    (tmp_path / "folder").mkdir()
    for name in ("broken.jpg", "broken.json", "folder/broken.jpg"):
        (tmp_path / name).write_bytes(example.read_bytes()[:5000])
    result = cli(*shlex.split(command))
    assert result.code == int(status), result.err


def test_there_are_such_rows():
    assert len(ROWS) >= 15
