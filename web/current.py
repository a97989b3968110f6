"""Prove that the built page in the package is the one that these sources make; needs no Node.

python web/current.py [--write]

``npm run build`` ends with ``--write``: it records the SHA-256 of all sources and of every built file. Without it, both
are compared with what lies here. Whether a build would give the same files is shown by building: ``just web`` and
``git diff``, which CI does where it finds Node.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "src" / "fakeweb" / "server" / "page"
RECORD = PAGE / "built-from.json"
SOURCES = (
    "web/*.html",
    "web/*.json",
    "web/*.ts",
    "web/.npmrc",
    "web/src/**/*",
    "web/public/**/*",
    "docs/reference/openapi.json",
    "src/fakeweb/render/style.json",
    "src/fakeweb/topology.json",
)


def sources() -> str:
    """Return one hash over the names and contents of everything the page is made of."""
    total = hashlib.sha256()
    files = {path for pattern in SOURCES for path in ROOT.glob(pattern) if path.is_file()}
    for path in sorted(files, key=lambda p: p.relative_to(ROOT).as_posix()):
        total.update(f"{path.relative_to(ROOT).as_posix()} {_sha256(path)}\n".encode())
    return total.hexdigest()


def built() -> dict[str, str]:
    """Return the hash of each file of the page."""
    files = [path for path in PAGE.rglob("*") if path.is_file() and path != RECORD]
    return {path.relative_to(PAGE).as_posix(): _sha256(path) for path in sorted(files)}


def main() -> int:
    """Record, or compare; return 1 where the page is out of date."""
    now = {"sources": sources(), "files": built()}
    if "--write" in sys.argv:
        RECORD.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
        return 0
    recorded = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    wrong = [what for what in now if recorded.get(what) != now[what]]
    if wrong:
        sys.stderr.write(f"the built page is out of date ({', '.join(wrong)}); run: just web\n")
    return 1 if wrong else 0


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
