"""Write what checks in the browser are made of: ONNX Runtime's WebAssembly and models with weights in half precision.

PYTHONPATH=src python web/local.py OUT       # a folder ``local/`` for the static site or the extension
PYTHONPATH=src python web/local.py --runtime # anew after `npm install onnxruntime-web`: server/local_runtime

The packed runtime is committed, since gzip files differ from one zlib to the next; ``npm test`` proves that it holds
the WebAssembly of the installed package. The service packs its own models in the same way.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from fakeweb.runtime import pack_models, packed_file

WEB = Path(__file__).parent
WASM = WEB / "node_modules" / "onnxruntime-web" / "dist" / "ort-wasm-simd-threaded.wasm"
RUNTIME = WEB.parent / "src" / "fakeweb" / "server" / "local_runtime"


def write_runtime() -> None:
    """Pack ONNX Runtime's WebAssembly."""
    shutil.rmtree(RUNTIME, ignore_errors=True)
    RUNTIME.mkdir(parents=True)
    name, packed, told = packed_file("ort", ".wasm", WASM.read_bytes())
    (RUNTIME / name).write_bytes(packed)
    (RUNTIME / "runtime.json").write_text(json.dumps(told) + "\n", encoding="utf-8")


def write_parts(out: Path) -> None:
    """Write all parts into a folder, which is made, and ``parts.json``, which names them."""
    packed = pack_models("fast")
    (out / "models").mkdir(parents=True, exist_ok=True)
    for name, content in packed.files.items():
        (out / "models" / name).write_bytes(content)
    runtime = json.loads((RUNTIME / "runtime.json").read_text(encoding="utf-8"))
    shutil.copyfile(RUNTIME / runtime["file"], out / runtime["file"])
    told = {role: {**part, "file": f"models/{part['file']}"} for role, part in packed.parts.items()}
    (out / "parts.json").write_text(json.dumps({"runtime": runtime, **told}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--runtime":
        write_runtime()
    else:
        write_parts(Path(sys.argv[1]))
