"""Pack the extension for the stores: ``python extension/pack.py``.

Leaves ``dist/extension/`` (what to load unpacked, in either browser), ``dist/fakeweb-extension-VERSION-chrome.zip``
and ``...-firefox.zip``, the same bytes for the same sources: files sorted, one date for all, nothing compressed. The
zips differ in the manifest alone: each lacks what only the other browser reads. Needs FakeWeb itself, for its models.
"""

from __future__ import annotations

import json
import runpy
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
DIST = HERE.parent / "dist"
PARTS = ("background", "content", "icons", "local", "options", "popup")
KINDS = (".js", ".css", ".html", ".png")
DATE = (1980, 1, 1, 0, 0, 0)
OTHERS = {
    "chrome": ("browser_specific_settings", "background.scripts"),
    "firefox": ("minimum_chrome_version", "background.service_worker"),
}
"""What the manifest for a browser lacks."""


def shipped() -> list[Path]:
    """Return the files that belong to the extension, relative to this folder."""
    found = [p for part in PARTS for p in (HERE / part).rglob("*") if p.suffix in KINDS]
    return sorted(p.relative_to(HERE) for p in [*found, HERE / "manifest.json", HERE / "shared.css"])


def local_parts() -> dict[str, bytes]:
    """Return what checks in the browser need: ONNX Runtime and the models, as the page's static site has them."""
    write_parts = runpy.run_path(str(HERE.parent / "web" / "local.py"))["write_parts"]
    with tempfile.TemporaryDirectory() as out:
        write_parts(Path(out))
        found = sorted(p for p in Path(out).rglob("*") if p.is_file())
        return {f"local/{p.relative_to(out).as_posix()}": p.read_bytes() for p in found}


def manifest_for(browser: str) -> bytes:
    """Return the manifest without what only the other browser reads."""
    manifest = json.loads((HERE / "manifest.json").read_text("utf-8"))
    if browser == "firefox":
        manifest["permissions"].remove("offscreen")  # its background has workers of its own
    for name in OTHERS[browser]:
        *parents, last = name.split(".")
        place = manifest
        for parent in parents:
            place = place[parent]
        del place[last]
    return (json.dumps(manifest, indent=2) + "\n").encode()


def pack() -> dict[str, Path]:
    """Write the folder and a zip for each browser; return the zips.

    Raises:
        SystemExit: The manifest says another version than the package.
    """
    version = json.loads((HERE / "manifest.json").read_text("utf-8"))["version"]
    package = (HERE.parent / "src" / "fakeweb" / "__init__.py").read_text("utf-8")
    if f'__version__ = "{version}"' not in package:
        sys.exit(f"extension/manifest.json says {version}, src/fakeweb/__init__.py another version")
    folder = DIST / "extension"
    shutil.rmtree(folder, ignore_errors=True)
    contents = {file.as_posix(): (HERE / file).read_bytes() for file in shipped()}
    contents["LICENSE"] = (HERE.parent / "LICENSE").read_bytes()
    contents |= local_parts()
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    zips = {browser: DIST / f"fakeweb-extension-{version}-{browser}.zip" for browser in OTHERS}
    for browser, target in zips.items():
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for name, content in {**contents, "manifest.json": manifest_for(browser)}.items():
                entry = zipfile.ZipInfo(name, DATE)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
    return zips


if __name__ == "__main__":
    for made in pack().values():
        sys.stdout.write(f"{made.relative_to(HERE.parent)}  {made.stat().st_size / 1000:.0f} kB\n")
