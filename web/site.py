"""Finish the static site that Vite built: what checks take, examples, figures of the models, a service worker.

PYTHONPATH=src python web/site.py [OUT]

``just site`` runs it after the build; OUT is ``dist/site``, which any web server can serve from any folder.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import fakeweb
from fakeweb.media import Limits
from fakeweb.runtime import list_cards, model_info

WEB = Path(__file__).parent
EXAMPLES = WEB.parent / "src" / "fakeweb" / "examples"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self' blob:; worker-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Nothing may be sent anywhere but to the site's own folder, which takes nothing."""
KEPT = ("*.html", "*.js", "*.svg", "assets/*", "examples/*", "local/**/*")
USED = ("fast", "finder", "mesh")


def finish(out: Path) -> None:
    """Add to a built page whatever it lacks to stand alone."""
    _local().write_parts(out / "local")
    limits = {"max_bytes": Limits().max_bytes, "max_pixels": Limits().max_pixels}
    about = {
        "models": [model_info(card, card.name == USED[0]) for card in list_cards() if card.name in USED],
        "finder": "fakeweb",
        "limits": limits,
        "fetches_addresses": False,
        "version": fakeweb.__version__,
    }
    (out / "local" / "about.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    (out / "examples").mkdir(exist_ok=True)
    for picture in EXAMPLES.glob("*.jpg"):
        shutil.copyfile(picture, out / "examples" / picture.name)
    page = (out / "index.html").read_text(encoding="utf-8")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
    page = page.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />\n    {meta}')
    page = page.replace(" The API works without: see /docs.", "")
    (out / "index.html").write_text(page, encoding="utf-8")
    _write_worker(out)


def _write_worker(out: Path) -> None:
    """Write the service worker with the list of all files it keeps, and a name that follows from their contents."""
    (out / "sw.js").unlink(missing_ok=True)
    files = sorted({path for pattern in KEPT for path in out.glob(pattern) if path.is_file()})
    names = [path.relative_to(out).as_posix() for path in files]
    total = hashlib.sha256(
        b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)
    ).hexdigest()[:12]
    told = f"const VERSION = {json.dumps(total)};\nconst FILES = {json.dumps(['./', *names])};\n"
    (out / "sw.js").write_text(told + (WEB / "sw.js").read_text(encoding="utf-8"), encoding="utf-8")


def _local() -> ModuleType:
    spec = importlib.util.spec_from_file_location("local", WEB / "local.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(WEB / "local.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    finish(Path(sys.argv[1]) if len(sys.argv) > 1 else WEB.parent / "dist" / "site")
