"""Write what checks in the browser are made of: models with weights in half precision, and ONNX Runtime's WebAssembly.

PYTHONPATH=src python web/local.py OUT

Needs ``npm ci`` in ``web/``. OUT gets gzip files whose names carry a hash of their content, and ``parts.json``, which
names them: the static site and the extension carry them along. The service makes the same of its own models.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from pathlib import Path

from fakeweb.runtime import find_card, half_weights, verify

WASM = Path(__file__).parent / "node_modules" / "onnxruntime-web" / "dist" / "ort-wasm-simd-threaded.wasm"
MODELS = {"finder": "finder", "mesh": "mesh", "classifier": "fast"}


def write_parts(out: Path) -> None:
    """Write all parts into a folder, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    parts: dict[str, object] = {"runtime": _write(out, "ort", ".wasm", WASM.read_bytes())}
    for role, name in MODELS.items():
        card = find_card(name)
        told = {key: value for key, value in card.to_dict().items() if key != "file"}
        told["details"] = {
            key: told["details"][key] for key in ("limits", "measured") if key in told["details"]
        }
        parts[role] = {"card": told, **_write(out, name, ".onnx", half_weights(verify(card)))}
    (out / "parts.json").write_text(json.dumps(parts, separators=(",", ":")), encoding="utf-8")


def _write(out: Path, name: str, suffix: str, content: bytes) -> dict[str, object]:
    """Write one file; return its name, size and SHA-256 (of the content, not of the gzip file)."""
    digest = hashlib.sha256(content).hexdigest()
    path = out / f"{name}.{digest[:12]}{suffix}.gz"
    path.write_bytes(gzip.compress(content, 9, mtime=0))
    return {"file": path.name, "sha256": digest, "bytes": len(content), "packed_bytes": path.stat().st_size}


if __name__ == "__main__":
    write_parts(Path(sys.argv[1]))
