"""What the stores get: the same bytes each time, nothing that is missing, no permission that was not meant."""

import hashlib
import importlib.util
import json
import re
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "extension"
MANIFEST = json.loads((EXTENSION / "manifest.json").read_text("utf-8"))


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """Pack into a folder: ``packed("a")`` -> the zip for Chrome."""
    spec = importlib.util.spec_from_file_location("fakeweb_tests_pack", EXTENSION / "pack.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def pack(name: str, browser: str = "chrome") -> Path:
        monkeypatch.setattr(module, "DIST", tmp_path / name)
        return module.pack()[browser]

    return pack


def test_the_same_sources_give_the_same_bytes(packed):
    assert packed("a").read_bytes() == packed("b").read_bytes()


def test_the_zip_holds_the_extension_and_nothing_else(packed):
    with zipfile.ZipFile(packed("a")) as archive:
        names = archive.namelist()
    assert "manifest.json" in names
    assert "LICENSE" in names
    assert {Path(n).parts[0] for n in names if "/" in n} == {
        "background",
        "content",
        "icons",
        "local",
        "options",
        "popup",
    }
    assert not [n for n in names if n.endswith((".py", ".ts", ".mjs", ".lock"))]
    assert "local/parts.json" in names


def test_the_worker_is_built_from_the_sources_that_stand_here():
    """After a change of web/src/local, web/src/mesh or extension/local: `npm run local` in extension/."""
    sources = json.loads((EXTENSION / "local" / "built-from.json").read_text("utf-8"))
    assert len(sources) > 10
    for name, digest in sources.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest, name


def test_each_browser_gets_a_manifest_of_its_own(packed):
    manifests = {}
    for browser in ("chrome", "firefox"):
        with zipfile.ZipFile(packed("a", browser)) as archive:
            manifests[browser] = json.loads(archive.read("manifest.json"))
    assert list(manifests["chrome"]["background"]) == ["service_worker", "type"]
    assert list(manifests["firefox"]["background"]) == ["scripts", "type"]
    assert manifests["firefox"]["browser_specific_settings"]["gecko"]["id"]
    assert "browser_specific_settings" not in manifests["chrome"]
    assert "minimum_chrome_version" in manifests["chrome"]
    assert "minimum_chrome_version" not in manifests["firefox"]


def test_every_file_that_is_named_is_there(packed):
    with zipfile.ZipFile(packed("a")) as archive:
        names = set(archive.namelist())
        readable = [n for n in names if n.endswith((".html", ".js", ".json")) and n != "local/worker.js"]
        texts = {n: archive.read(n).decode() for n in readable}
    named = set(
        re.findall(r'"((?:background|content|icons|options|popup)/[\w./-]+)"', "".join(texts.values()))
    )
    assert len(named) >= 10
    assert named <= names
    for name, text in texts.items():
        relative = re.findall(r'(?:src|href)="([^"]+)"|from "(\.[^"]+)"', text)
        for target in filter(None, (a or b for a, b in relative)):
            assert (EXTENSION / name).parent.joinpath(target).resolve().is_file(), f"{name}: {target}"


def test_it_asks_for_this_computer_only_and_for_the_rest_when_needed():
    assert MANIFEST["host_permissions"] == ["http://127.0.0.1/*", "http://localhost/*"]
    assert sorted(MANIFEST["permissions"]) == [
        "activeTab",
        "contextMenus",
        "offscreen",
        "scripting",
        "storage",
    ]
    assert "web_accessible_resources" not in MANIFEST, "pages must not be able to tell that it is there"
    assert "content_scripts" not in MANIFEST, "nothing runs in a page before the switch"
    policy = MANIFEST["content_security_policy"]["extension_pages"]
    assert "unsafe" not in policy.replace("'wasm-unsafe-eval'", ""), (
        "ONNX Runtime is WebAssembly; no text becomes code"
    )
    assert len(MANIFEST["description"]) <= 132, "what the stores take"


def test_no_markup_is_made_of_text():
    for path in EXTENSION.rglob("*.js"):
        if not {"node_modules", "tests", "local"} & set(path.parts):
            text = path.read_text("utf-8")
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), (
                path
            )
