"""Draw docs/guide/forge-collins.jpg: the example portrait forged in six ways, and the masks.

python docs/forge_example.py [--mesh NAME]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from fakeweb import registry
from fakeweb.media import encode_jpeg, read_image, write_atomically
from fakeweb.types import Face, Image

ROOT = Path(__file__).parents[1]
WAYS = {"smooth": 0.9, "jaw": 1.0, "reenact": 0.8, "self_blend": 0.9, "make_up": 1.0, "grid": 1.0}
SEEDS = {"reenact": 6}
CELL_PX = 190


def main() -> None:
    """Draw the picture."""
    image = read_image(ROOT / "examples" / "collins.jpg").image
    name = sys.argv[sys.argv.index("--mesh") + 1] if "--mesh" in sys.argv else "fakeweb"
    face = registry.load("mesh", name)().mesh(image, [Face((178.0, 62.0, 272.0, 176.0))])[0]
    cells = [(image.pixels, np.zeros(image.pixels.shape[:2], np.float32))]
    for way, strength in WAYS.items():
        method = registry.load("forge", way)(strength=(strength, strength))
        forged = method(image, face, np.random.default_rng(SEEDS.get(way, 1)))
        cells.append((forged.image.pixels, forged.mask))
    window = np.s_[20:220, 125:325]
    rows = [[], []]
    for pixels, mask in cells:
        for row, shown in zip(rows, (pixels, np.repeat(np.uint8(mask * 255)[..., None], 3, 2)), strict=True):
            row.append(
                cv2.resize(
                    np.ascontiguousarray(shown[window]), (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA
                )
            )
    sheet = np.concatenate([np.concatenate(row, 1) for row in rows])
    write_atomically(ROOT / "docs" / "guide" / "forge-collins.jpg", encode_jpeg(Image(sheet), 88))


if __name__ == "__main__":
    main()
