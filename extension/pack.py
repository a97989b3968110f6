"""Pack the extension for the stores: ``python extension/pack.py``.

Leaves ``dist/extension/`` (what to load unpacked) and ``dist/fakeweb-extension-VERSION.zip``, the same bytes for the
same sources: files sorted, one date for all, nothing compressed.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
DIST = HERE.parent / "dist"
PARTS = ("background", "content", "icons", "options", "popup")
KINDS = (".js", ".css", ".html", ".png")
DATE = (1980, 1, 1, 0, 0, 0)


def shipped() -> list[Path]:
    """Return the files that belong to the extension, relative to this folder."""
    found = [p for part in PARTS for p in (HERE / part).rglob("*") if p.suffix in KINDS]
    return sorted(p.relative_to(HERE) for p in [*found, HERE / "manifest.json", HERE / "shared.css"])


def pack() -> Path:
    """Write the folder and the zip; return the zip.

    Raises:
        SystemExit: The manifest says another version than the package.
    """
    version = json.loads((HERE / "manifest.json").read_text("utf-8"))["version"]
    package = (HERE.parent / "src" / "fakeweb" / "__init__.py").read_text("utf-8")
    if f'__version__ = "{version}"' not in package:
        sys.exit(f"extension/manifest.json says {version}, src/fakeweb/__init__.py another version")
    folder = DIST / "extension"
    shutil.rmtree(folder, ignore_errors=True)
    files = [*shipped(), Path("LICENSE")]
    target = DIST / f"fakeweb-extension-{version}.zip"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            content = (HERE.parent / file if file.name == "LICENSE" else HERE / file).read_bytes()
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
            entry = zipfile.ZipInfo(file.as_posix(), DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return target


if __name__ == "__main__":
    made = pack()
    sys.stdout.write(f"{made.relative_to(HERE.parent)}  {made.stat().st_size / 1000:.0f} kB\n")
