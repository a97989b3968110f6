"""The version is told in one place, ``fakeweb.__version__``; whatever else tells it says the same."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fakeweb

ROOT = Path(__file__).parents[2]


def _text(path):
    return (ROOT / path).read_text("utf-8")


def test_the_package_takes_it_from_there():
    project = tomllib.loads(_text("pyproject.toml"))
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/fakeweb/__init__.py"


def test_the_command_line_tells_it():
    done = subprocess.run(
        [sys.executable, "-m", "fakeweb", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"fakeweb {fakeweb.__version__}\n"


def test_the_service_tells_it():
    assert json.loads(_text("docs/reference/openapi.json"))["info"]["version"] == fakeweb.__version__
    if importlib.util.find_spec("fastapi"):
        from fakeweb.server.app import openapi

        assert openapi()["info"]["version"] == fakeweb.__version__


def test_the_extension_has_the_same():
    assert json.loads(_text("extension/manifest.json"))["version"] == fakeweb.__version__


@pytest.mark.parametrize("path", ["extension/package.json", "web/package.json"])
def test_what_is_never_published_has_none(path):
    assert "version" not in json.loads(_text(path))


def test_the_guide_shows_it():
    assert re.findall(r'"version":"([^"]+)"', _text("docs/guide/service.md")) == [fakeweb.__version__]
    assert re.findall(r"extension-([\d.]+)-chrome\.zip", _text("docs/guide/extension.md")) == [
        fakeweb.__version__
    ]


def test_the_changelog_begins_with_it_or_with_what_is_to_come():
    headings = re.findall(r"^## (.*)$", _text("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] in ("Unreleased", fakeweb.__version__)
    assert all(re.fullmatch(r"Unreleased|\d+\.\d+\.\d+", heading) for heading in headings)
