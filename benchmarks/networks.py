"""Train networks by name for a moment, stop, resume, export: docs/reference/networks.md.

    .venv/bin/python benchmarks/networks.py            # all, one thread; rewrites the page
    .venv/bin/python benchmarks/networks.py resnet50   # one; prints its row

The faces are drawn, so that anybody can run it: it shows that a network trains, resumes and exports, not how good
it is.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench import ROOT, arguments, line, processor, write

NAMES = (
    "mobilenet_v2", "timm:mobilenetv3_large_100", "timm:mixnet_m", "timm:efficientnet_b0", "timm:efficientnet_b4",
    "timm:convnext_tiny", "timm:resnet50", "timm:legacy_xception", "timm:vgg16", "timm:resnet152",
    "timm:vit_small_patch16_224", "srm:mobilenet_v2", "dct:mobilenet_v2",
)  # fmt: skip
STEPS, BATCH, SIDE_PX = 8, 32, 96
HEAD = """# Networks

Written by `python benchmarks/networks.py`; {n} networks, one thread of a CPU_NAME.

Each was trained from scratch on {faces} drawn faces of {side} px ({steps} steps of {batch}, with an evidence map),
stopped in the middle, resumed, and exported to ONNX. That proves that it can be trained here by its name; it says
nothing about how well it judges faces. Any other name that timm lists can be tried the same way. The last column is the
largest difference between torch and ONNX Runtime, in P(fake) and in the evidence map.

| `net` | million parameters | CPU seconds, all in all | loss, first and last step | largest difference |
|---|---|---|---|---|"""


def toy() -> Any:
    """Load the drawn data set of the tests."""
    spec = importlib.util.spec_from_file_location(
        "networks_toy", ROOT / "tests" / "unit" / "train" / "toy.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def prove(net: str, data: Path, out: Path) -> dict[str, Any]:
    """Train, stop, resume and export one network; return its figures."""
    from fakeweb.runtime import Calibration, Decision
    from fakeweb.train import run
    from fakeweb.train.classifier import task
    from fakeweb.train.classifier.export import Deployed, export
    from fakeweb.train.progress import Progress

    recipe = toy().write_recipe(
        out / "recipe.toml", net=net, data="cache_px = 128",
        more="[evidence]\nweight = 0.3", epochs=1, faces_per_epoch=STEPS * BATCH, batch=BATCH, lr=2e-4,
    )  # fmt: skip
    recipe.write_text(recipe.read_text().replace("side_px = 32", f"side_px = {SIDE_PX}"))
    found: dict[str, Any] = {}

    def only_export(result: Any, crops: Any, *_: Any) -> Path:
        """Calibrate nothing: a moment's training has nothing to calibrate."""
        model = result.net
        found["parameters"] = sum(p.numel() for p in model.parameters())
        decision = Decision(0.02, 0.1, 0.0, 0.5, 0.3, 20.0)
        plain = dataclasses.replace(crops.recipe, name="net")
        return export(Deployed(model, [0, 1, 2, 3, 4]).eval(), plain, ("swap", "reenacted", "retouch", "generated"),
                      Calibration(1.0, 0.0), decision, {"licence": "CC0"}, crops.setting.out)  # fmt: skip

    def stop(progress: Progress) -> None:
        if progress.stage == "train" and progress.done == STEPS // 2:
            raise KeyboardInterrupt

    original, task.finish = task.finish, only_export
    spent = time.process_time()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            run(recipe, data, out / "run", workers=0, threads=1, on_progress=stop)
        done: list[Progress] = []
        card = run(recipe, data, out / "run", workers=0, threads=1, resume=True, on_progress=done.append)
    finally:
        task.finish = original
    spent = time.process_time() - spent
    resumed = [p.done for p in done if p.stage == "train" and not p.note]
    assert resumed == list(range(STEPS // 2 + 1, STEPS + 1)), resumed
    gap = json.loads(card.read_text())["details"]["parity_max_gap"]
    losses = losses_of(out / "run" / "steps.csv")
    return {**found, "seconds": spent, "losses": losses, "gap": gap, "card": card}


def losses_of(steps: Path) -> list[float]:
    """Return the loss of each step, all of them there and finite."""
    with steps.open(newline="") as stream:
        losses = [float(row["loss"]) for row in csv.DictReader(stream)]
    assert len(losses) == STEPS
    assert np.isfinite(losses).all()
    return losses


def main() -> None:
    """Prove the networks named, or all of them."""
    parser = arguments(__doc__)
    parser.add_argument("names", nargs="*", help="networks; all: rewrite the page")
    options = parser.parse_args()
    module, rows = toy(), []
    module.register("networks_toy")
    with tempfile.TemporaryDirectory() as folder:
        data = module.make_index(Path(folder, "data"))
        for net in options.names or NAMES:
            out = Path(folder, net.replace(":", "-"))
            out.mkdir()
            figures = prove(net, data, out)
            losses = f"{figures['losses'][0]:.2f}, {figures['losses'][-1]:.2f}"
            size, seconds = f"{figures['parameters'] / 1e6:.1f}", f"{figures['seconds']:.0f}"
            rows.append(line(f"`{net}`", size, seconds, losses, f"{figures['gap']:.1g}"))
            print(rows[-1], flush=True)
    if not options.names:
        about = HEAD.format(n=len(NAMES), faces=STEPS * BATCH, side=SIDE_PX, steps=STEPS, batch=BATCH)
        write("networks.md", [about.replace("CPU_NAME", processor()), *rows])


if __name__ == "__main__":
    main()
