"""Measure checks in the browser against the Python package: ``python benchmarks/browser.py [--data FOLDER]``.

Needs ``just site``, Chromium and Playwright. Prints a table; docs/reference/browser.md holds it. Both sides run on one
thread, in turns: a round of ONNX Runtime here, a round of the same in Chromium.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import hashlib
import http.server
import json
import random
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import psutil

from fakeweb.datasets import half_of_group
from fakeweb.datasets.index import IndexLayout
from fakeweb.metrics import auc
from fakeweb.runtime import find_card, half_weights, verify
from fakeweb.scanner import Scanner

ROOT = Path(__file__).parents[1]
SITE = ROOT / "dist" / "site"
ORT = ROOT / "web" / "node_modules" / "onnxruntime-web" / "dist"
NETWORKS = {"fast": (256, 256), "mesh": (128, 128), "finder": (512, 512)}
RUNS = 25
PACKABLE = (".html", ".js", ".css", ".json", ".svg")
OPEN = """async ([ort, wasm, networks]) => {
  const runtime = await import(ort);
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmBinary = await (await fetch(wasm)).arrayBuffer();
  self.nets = {};
  for (const [name, address] of Object.entries(networks)) {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    self.nets[name] = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  }
  self.runtime = runtime;
}"""
RUN = """async ([name, height, width, times]) => {
  const pixels = new Uint8Array(height * width * 3).map((_, i) => (i * 7) % 251);
  const feeds = { pixels: new self.runtime.Tensor("uint8", pixels, [1, height, width, 3]) };
  const took = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    await self.nets[name].run(feeds);
    took.push(performance.now() - began);
  }
  return took;
}"""
START = """async ([worker, base]) => {
  self.checker = new Worker(worker, { type: "module" });
  self.ask = (question) => new Promise((done) => {
    const id = Math.random();
    const hear = ({ data }) => {
      if (data.id !== id || "share" in data) return;
      self.checker.removeEventListener("message", hear);
      done(data);
    };
    self.checker.addEventListener("message", hear);
    self.checker.postMessage({ id, ...question });
  });
  const began = performance.now();
  const answer = await self.ask({ base, threads: 1 });
  return { answer, ms: performance.now() - began };
}"""
CHECK = """async ([address, name]) => {
  const file = await (await fetch(address)).blob();
  const began = performance.now();
  const { report, problem } = await self.ask({ file, name });
  return { report, problem, ms: performance.now() - began };
}"""


class _Files(http.server.SimpleHTTPRequestHandler):
    """Serves the site under /site/, ONNX Runtime under /ort/, models under /models/ and pictures under /data/."""

    places: dict[str, Path]

    def log_message(self, *_: object) -> None:
        pass

    def translate_path(self, path: str) -> str:
        first, _, rest = path.split("?")[0].lstrip("/").partition("/")
        return str(self.places.get(first, SITE) / rest)


@contextlib.contextmanager
def page_at(data: Path, chromium: str) -> Iterator[tuple[Any, str]]:
    """Open a page of the site's origin, without its policy; yields the page and the address of the server."""
    from playwright.sync_api import sync_playwright

    places = {"site": SITE, "ort": ORT, "models": find_card("fast").path.parent, "data": data}
    handler = functools.partial(type("Files", (_Files,), {"places": places}))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(600_000)
        address = f"http://127.0.0.1:{server.server_port}"
        page.goto(f"{address}/site/favicon.svg")
        yield page, address
        browser.close()
    server.shutdown()
    server.server_close()


def worker_of(address: str) -> str:
    """Return the address of the site's worker."""
    return f"{address}/site/assets/{next((SITE / 'assets').glob('worker-*.js')).name}"


def ratios(page: Any, address: str, rounds: int) -> dict[str, dict[str, float]]:
    """Time each network here and in the browser, in turns, one thread each: CPU time, which others' load spares."""
    names = {name: f"{address}/models/{name}.onnx" for name in NETWORKS}
    wasm = f"{address}/ort/ort-wasm-simd-threaded.wasm"
    page.evaluate(OPEN, [f"{address}/ort/ort.wasm.bundle.min.mjs", wasm, names])
    found = {}
    for name, (height, width) in NETWORKS.items():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(verify(find_card(name)), options, ["CPUExecutionProvider"])
        pixels = (np.arange(height * width * 3) * 7 % 251).astype(np.uint8).reshape(1, height, width, 3)
        tabs = [one for one in psutil.Process().children(recursive=True) if _is_tab(one)]
        here: list[float] = []
        there: list[float] = []
        page.evaluate(RUN, [name, height, width, 60])  # V8 compiles what is hot
        for _ in range(rounds):
            began = time.thread_time()
            for _ in range(RUNS):
                session.run(None, {"pixels": pixels})
            here.append(1000 * (time.thread_time() - began) / RUNS)
            used = _cpu_s(tabs)
            page.evaluate(RUN, [name, height, width, RUNS])
            there.append(1000 * (_cpu_s(tabs) - used) / RUNS)
        native, browser = statistics.median(here), statistics.median(there)
        ratio = statistics.median(b / a for a, b in zip(here, there, strict=True))
        found[name] = {
            "native_ms": native,
            "browser_ms": browser,
            "ratio": ratio,
            "least": min(there) / min(here),
        }
    return found


def agreement(data: Path, chromium: str, count: int) -> dict[str, Any]:
    """Check pictures of all sources here and in the browser; count what agrees."""
    names = [s.path.relative_to(data).as_posix() for s in IndexLayout().index(data) if s.split == "val"]
    names.sort(key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    scanner = Scanner()
    found: dict[str, Any] = dict.fromkeys(
        ("pictures", "same_label", "same_reasons", "faces", "p_within_0.01"), 0
    )
    gaps, boxes, meshes, others = [], [], [], []
    with page_at(data, chromium) as (page, address):
        page.evaluate(START, [worker_of(address), f"{address}/site/local/"])
        for name in names[:count]:
            told = scanner.scan(data / name).to_dict()
            answer = page.evaluate(CHECK, [f"{address}/data/{name}", name])
            if "report" not in answer or answer["report"] is None:
                others.append([name, answer.get("problem")])
                continue
            made = answer["report"]
            found["pictures"] += 1
            same = made["verdict"]["label"] == told["verdict"]["label"]
            found["same_label"] += same
            found["same_reasons"] += made["verdict"]["reasons"] == _of_faces(told["verdict"])
            if not same or len(made["faces"]) != len(told["faces"]):
                others.append(
                    [name, made["verdict"], told["verdict"], len(made["faces"]), len(told["faces"])]
                )
            for one, other in zip(made["faces"], told["faces"], strict=False):
                found["faces"] += 1
                p, q = one["verdict"]["p_fake"], other["verdict"]["p_fake"]
                gap = (
                    0.0
                    if p is None and q is None
                    else abs((p if p is not None else 9) - (q if q is not None else 9))
                )
                found["p_within_0.01"] += gap <= 0.01
                gaps.append(gap)
                if gap > 0.01:
                    others.append([name, one["box"], p, q])
                boxes.append(float(np.abs(np.subtract(one["box"], other["box"])).max()))
                meshes.append(float(np.abs(np.subtract(one["mesh"], other["mesh"])).max()))
    found |= {"largest_gap": max(gaps, default=0.0), "largest_box_px": max(boxes, default=0.0)}
    return found | {"largest_mesh_px": max(meshes, default=0.0), "others": others}


def _of_faces(verdict: dict[str, Any]) -> list[str]:
    """Return the reasons without what the picture shows, which a browser does not look at."""
    reasons: list[str] = verdict["reasons"]
    return reasons[-1:] if verdict["label"] == "no_face" else reasons


def first_answer(data: Path, chromium: str, tries: int = 5) -> dict[str, float]:
    """Time loading and first answers for a picture of 640 px in fresh browsers, wall and CPU, and the tab's memory."""
    from fakeweb.media import encode_jpeg, read_image
    from fakeweb.types import Image

    pixels = read_image(ROOT / "examples" / "collins.jpg").image.pixels
    (data / "first.jpg").write_bytes(encode_jpeg(Image(cv2.resize(pixels, (640, 640))), 92))
    found: dict[str, list[float]] = {}
    for _ in range(tries):
        with page_at(data, chromium) as (page, address):
            tabs = [one for one in psutil.Process().children(recursive=True) if _is_tab(one)]
            steps = {
                "load": (START, [worker_of(address), f"{address}/site/local/"]),
                "first": (CHECK, [f"{address}/data/first.jpg", "first.jpg"]),
                "second": (CHECK, [f"{address}/data/first.jpg", "first.jpg"]),
            }
            for name, step in steps.items():
                used = _cpu_s(tabs)
                found.setdefault(f"{name}_ms", []).append(page.evaluate(*step)["ms"])
                found.setdefault(f"{name}_cpu_ms", []).append(1000 * (_cpu_s(tabs) - used))
            found.setdefault("tab_mb", []).append(max(one.memory_full_info().pss for one in tabs) / 1e6)
    return {name: statistics.median(values) for name, values in found.items()}


def _cpu_s(processes: list[Any]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes)


def _is_tab(process: Any) -> bool:
    command = process.cmdline()
    return "--type=renderer" in command and "--extension-process" not in command


def wire() -> dict[str, float]:
    """Return what the first visit brings over the wire, in MB, texts compressed as hosts do."""
    files = [path for path in SITE.rglob("*") if path.is_file()]
    sizes = {
        path.relative_to(SITE).as_posix(): len(gzip.compress(path.read_bytes(), 6)) if path.suffix in PACKABLE
        else path.stat().st_size
        for path in files
    }  # fmt: skip
    groups = {"runtime": "local/ort", "models": "local/models", "examples": "examples/"}
    found = {
        key: sum(v for n, v in sizes.items() if n.startswith(start)) / 1e6 for key, start in groups.items()
    }
    found["page"] = sum(sizes.values()) / 1e6 - sum(found.values())
    return found | {"all": sum(sizes.values()) / 1e6}


def halves(data: Path, most: int) -> dict[str, float]:
    """Compare the AUC of ``fast`` and of its half-precision weights on validation groups A."""
    from fakeweb.faces import align
    from fakeweb.media import read_image

    card, scanner = find_card("fast"), Scanner()
    whole = verify(card)
    sessions = [
        onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"])
        for m in (whole, half_weights(whole))
    ]
    samples = [
        s for s in IndexLayout().index(data)
        if s.split == "val" and s.label is not None and half_of_group(s.source, s.group) == "A"
    ]  # fmt: skip
    random.Random(0).shuffle(samples)
    logits: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for sample in samples[:most]:
        image = read_image(sample.path).image
        faces = scanner.finder.find(image)
        if not faces or sample.label is None:
            continue
        crop = align(
            image, max(faces, key=lambda f: f.width_px), 256, margin=scanner.classifier.margin
        ).pixels[None]
        one, other = (float(s.run(["logit"], {"pixels": crop})[0][0]) for s in sessions)
        logits[sample.label].append((one, other))
    aucs = [auc([p[i] for p in logits[1]], [p[i] for p in logits[0]]) for i in (0, 1)]
    return {"faces": sum(map(len, logits)), "auc": aucs[0], "auc_half": aucs[1], "largest_logit_gap": max(
        abs(a - b) for pairs in logits for a, b in pairs)}  # fmt: skip


def main() -> None:
    """Print all that is measured, as JSON, step by step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--only", choices=("wire", "ratios", "first", "halves", "agreement"))
    given = parser.parse_args()
    chromium = shutil.which("chromium") or "chromium"

    def timed() -> dict[str, dict[str, float]]:
        with page_at(given.data, chromium) as (page, address):
            return ratios(page, address, given.rounds)

    steps = {
        "wire": wire,
        "ratios": timed,
        "first": lambda: first_answer(ROOT / "dist", chromium),
        "halves": lambda: halves(given.data, 500),
        "agreement": lambda: agreement(given.data, chromium, given.pictures),
    }
    for name, step in steps.items():
        if given.only in (None, name):
            print(json.dumps({name: step()}, indent=1), flush=True)


if __name__ == "__main__":
    main()
