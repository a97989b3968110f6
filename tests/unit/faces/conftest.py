"""Pictures with faces in known places."""

import numpy as np
import pytest

from fakeweb.types import Image

LEFT, TOP, RIGHT, BOTTOM = 130, 30, 320, 220


@pytest.fixture(scope="session")
def head(portrait, portrait_box):
    """The portrait's head alone: picture of 190 px and the face's box in it."""
    x0, y0, x1, y1 = portrait_box
    return Image(portrait.pixels[TOP:BOTTOM, LEFT:RIGHT]), (x0 - LEFT, y0 - TOP, x1 - LEFT, y1 - TOP)


@pytest.fixture(scope="session")
def row_of(head):
    """Several heads beside each other: the picture and the boxes, from left to right."""

    def build(count):
        image, (x0, y0, x1, y1) = head
        wide = Image(np.concatenate([image.pixels] * count, 1))
        return wide, [(x0 + i * image.width, y0, x1 + i * image.width, y1) for i in range(count)]

    return build


def _noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (160, 200, 3), np.uint8)


def _gradient():
    y, x = np.mgrid[0:160, 0:200]
    return np.stack([x, y + 50, 200 - x], -1).astype(np.uint8)


FACELESS = {
    "black": lambda: np.zeros((160, 200, 3), np.uint8),
    "white": lambda: np.full((160, 200, 3), 255, np.uint8),
    "noise": lambda: _noise(0),
    "other noise": lambda: _noise(1),
    "coarse noise": lambda: np.kron(_noise(2)[:20, :25], np.ones((8, 8, 1), np.uint8)),
    "gradient": _gradient,
}
THIN = [(1, 1), (1, 2), (2, 1), (1, 400), (400, 1), (3, 7), (23, 23), (1, 2500)]


@pytest.fixture(scope="session", params=FACELESS.values(), ids=FACELESS.keys())
def faceless(request):
    return Image(request.param())


@pytest.fixture(scope="session", params=THIN, ids=lambda s: f"{s[0]}x{s[1]}")
def thin(request):
    width, height = request.param
    return Image(np.full((height, width, 3), 130, np.uint8))
