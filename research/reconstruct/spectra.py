"""Draw the averaged spectra of autoencoders beside those of real generators, into docs/reference/forge-spectra.png.

    python -m research.reconstruct.spectra DATA [OUT.png]

DATA is the labelled data with its index.csv; the extra ``evaluate`` brings matplotlib. A picture's residual (what a
median filter takes away) is cut to 192 px, windowed, transformed; the logarithms of the magnitudes are averaged over
pictures (after Zhang et al., WIFS 2019, and Frank et al., ICML 2020).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fakeweb.media import read_image
from research.reconstruct.method import MODELS, Reconstructor

SIDE_PX = 192
PICTURES = 60
GENERATORS = ("stylegan1_ffhq", "stylegan2_sfhq", "sdxl")


def spectrum(
    pictures: list[np.ndarray], change: Callable[[np.ndarray], np.ndarray] = lambda p: p
) -> np.ndarray:
    """Return the mean logarithm of the residuals' magnitudes, zero frequency in the middle, (SIDE_PX, SIDE_PX)."""
    window = np.hanning(SIDE_PX)[:, None] * np.hanning(SIDE_PX)[None]
    total = np.zeros((SIDE_PX, SIDE_PX))
    for picture in pictures:
        grey = cv2.cvtColor(np.clip(np.rint(change(picture)), 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
        rest = grey.astype(np.float32) - cv2.medianBlur(grey, 3)
        total += np.log(np.abs(np.fft.fftshift(np.fft.fft2(rest * window))) + 1e-2)
    return total / len(pictures)


def read(data: Path, source: str, label: str, split: str) -> list[np.ndarray]:
    """Return the middles of some pictures of a source, uint8 RGB (SIDE_PX, SIDE_PX, 3)."""
    with (data / "index.csv").open(newline="", encoding="utf-8") as stream:
        rows = [
            r
            for r in csv.DictReader(stream)
            if (r["source"], r["label"], r["split"]) == (source, label, split)
        ]
    found = []
    for row in rows:
        pixels = read_image(data / row["path"]).image.pixels
        top, left = (pixels.shape[0] - SIDE_PX) // 2, (pixels.shape[1] - SIDE_PX) // 2
        if top >= 0 and left >= 0 and len(found) < PICTURES:
            found.append(np.ascontiguousarray(pixels[top : top + SIDE_PX, left : left + SIDE_PX]))
    return found


def rings(field: np.ndarray) -> np.ndarray:
    """Return the mean over rings, from frequency 0 to a half."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] - SIDE_PX // 2
    radius = np.rint(np.hypot(x, y)).astype(int)
    sums, counts = np.bincount(radius.ravel(), field.ravel()), np.bincount(radius.ravel())
    return (sums / counts)[: SIDE_PX // 2]


def main() -> None:
    """Draw the figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    data = Path(sys.argv[1])
    out = (
        Path(sys.argv[2])
        if len(sys.argv) > 2
        else Path(__file__).parents[2] / "docs/reference/forge-spectra.png"
    )
    real = read(data, "stylegan1_ffhq", "real", "val")
    fields = {"real (FFHQ)": spectrum(real)}
    for card in sorted(MODELS.glob("*.json")):
        generator = Reconstructor(card)
        fields[f"autoencoder, {generator.card.upsampler}"] = spectrum(real, generator.run)
    ours = len(fields)
    for source in GENERATORS:
        fields[source] = spectrum(read(data, source, "fake", "train"))
    base = fields["real (FFHQ)"]
    columns = max(ours, len(GENERATORS) + 1)
    figure, axes = pyplot.subplots(2, columns, figsize=(2.2 * columns, 5))
    for axis in axes.ravel():
        axis.axis("off")
    for place, (name, field) in enumerate(fields.items()):
        axis = axes[0, place] if place < ours else axes[1, place - ours]
        shown = field if place == 0 else field - base
        limits = (np.percentile(shown, 1), np.percentile(shown, 99.7)) if place == 0 else (-1.5, 1.5)
        axis.imshow(shown, cmap="gray" if place == 0 else "coolwarm", vmin=limits[0], vmax=limits[1])
        axis.set_title(name if place == 0 else f"{name}\nless real", fontsize=8)
    curves = axes[1, -1]
    curves.axis("on")
    frequency = np.arange(SIDE_PX // 2) / SIDE_PX
    for place, (name, field) in enumerate(fields.items()):
        if place:
            curves.plot(
                frequency, rings(field) - rings(base), "-" if place < ours else "--", label=name, lw=1
            )
    curves.axhline(0, color="black", lw=0.5)
    curves.set_xlabel("cycles per pixel", fontsize=7)
    curves.tick_params(labelsize=6)
    curves.legend(fontsize=4.5)
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    print(out)


if __name__ == "__main__":
    main()
