"""How well faces that are hard to see are judged: AUC and verdicts by sharpness, light, pose and so on.

    .venv/bin/python benchmarks/quality.py --data DATA [--half A]

Prints a Markdown table for docs/reference/judge.md. Faces of both classes lie in each row; the limits of
``fakeweb.scanner.decide`` are chosen on groups A.
"""

from __future__ import annotations

import numpy as np

from bench import PEOPLE, arguments, head, line
from fakeweb.evaluate.protocol import Protocol, choose
from fakeweb.faces import Quality, measure, quality_of
from fakeweb.media import read_image
from fakeweb.metrics import auc
from fakeweb.scanner import Scanner

EDGES: dict[str, tuple[float, ...]] = {
    "sharpness": (2.3, 3.0, 4.0, 5.0),
    "brightness": (30, 45, 70, 150),
    "lit": (0.5, 0.75, 0.9),
    "yaw_deg": (20, 40, 60),
    "inside": (0.5, 0.75, 0.99),
    "blocks": (1.2, 1.4, 1.7),
    "length_px": (80, 120, 200),
}


def main() -> None:
    """Scan the faces of one half of the validation groups and print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--half", default="A", choices=["A", "B"])
    parser.add_argument("--model", default="fast")
    options = parser.parse_args()
    protocol = Protocol(options.data, (options.model,), people=PEOPLE, part=f"val-{options.half}")
    scanner = Scanner(model=options.model)
    qualities: list[Quality] = []
    labels, logits, verdicts, reasons = [], [], [], 0
    for sample in choose(protocol).samples:
        image = read_image(sample.path).image
        report = scanner.scan(image.pixels)
        judged = [f for f in report.faces if f.score is not None]
        if not judged:
            continue
        face = max(judged, key=lambda f: f.face.width_px * f.face.height_px)
        (meshed,) = measure(image, [face.face], scanner.mesher) or [face.face]
        qualities.append(quality_of(image, meshed))
        labels.append(int(sample.label or 0))
        logits.append(face.score.logit if face.score else 0.0)
        verdicts.append(face.verdict.label)
        reasons += bool(face.verdict.reasons)
    table(qualities, np.array(labels), np.array(logits), np.array(verdicts))
    print(f"\n{len(labels)} faces; {reasons} of them with a reason beside the verdict")


def table(qualities: list[Quality], labels: np.ndarray, logits: np.ndarray, verdicts: np.ndarray) -> None:
    """Print a row for each stretch of each measure."""
    called = ("real called fake", "fake called fake", "uncertain")
    print(*head("measure", "from", "to", "real", "fake", "AUC", *called), sep="\n")

    def share(inside: np.ndarray, label: str) -> str:
        return f"{100 * (verdicts[inside] == label).mean():.1f} %" if inside.any() else ""

    for name, edges in EDGES.items():
        values = np.array([getattr(q, name) for q in qualities])
        for low, high in zip((-np.inf, *edges), (*edges, np.inf), strict=True):
            inside = (values >= low) & (values < high)
            real, fake = inside & (labels == 0), inside & (labels == 1)
            cells = [
                name, "" if low == -np.inf else f"{low:g}", "" if high == np.inf else f"{high:g}",
                real.sum(), fake.sum(), f"{auc(logits[fake], logits[real]):.3f}",
                share(real, "fake"), share(fake, "fake"), share(inside, "uncertain"),
            ]  # fmt: skip
            print(line(*cells))


if __name__ == "__main__":
    main()
