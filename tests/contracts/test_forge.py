"""What every method of the forge must keep: the docstring of :class:`fakeweb.forge.ForgeMethod`, as a suite.

A new method is tested by being registered. The faces are drawn: the mean mesh laid on textured noise, so that every
change can be seen.
"""

import copy

import cv2
import numpy as np
import pytest

from fakeweb import registry
from fakeweb.errors import FakeWebError
from fakeweb.forge import DonorPool, ForgeMethod, Forgery
from fakeweb.types import KINDS, Face, Image

METHODS = [
    pytest.param(name, marks=pytest.mark.slow) if hasattr(registry.load("forge", name), "network") else name
    for name in registry.names("forge")
]


SCENES = {
    "plain": {"centre": (128, 128), "width_px": 130},
    "tilted": {"centre": (130, 120), "width_px": 120, "turn_deg": 35},
    "at the left edge": {"centre": (20, 128), "width_px": 130},
    "at the corner": {"centre": (235, 240), "width_px": 150},
    "larger than the picture": {"centre": (128, 128), "width_px": 400},
    "tiny": {"centre": (40, 40), "width_px": 9},
    "grey": {"centre": (128, 128), "width_px": 130, "grey": True},
    "thin picture": {"centre": (10, 60), "width_px": 60, "size": (120, 20)},
}


@pytest.fixture(scope="module")
def donors(drawn_face):
    others = [drawn_face((130, 126), 120 + 10 * i, turn_deg=5 * i, seed=20 + i) for i in range(3)]
    return DonorPool([face for _, face in others], lambda number: others[number][0])


@pytest.fixture(scope="module", params=METHODS)
def make(request, donors):
    """Build the method with a strength."""
    cls = registry.load("forge", request.param)
    try:
        cls.check_ready()
    except FakeWebError as error:
        pytest.skip(f"{error.message}; {error.hint}")

    def build(strength=(0.8, 0.8)):
        return cls(strength=strength, donors=donors) if cls.needs_donors else cls(strength=strength)

    build.name = request.param
    return build


@pytest.fixture(scope="module")
def method(make):
    return make()


def run(drawn_face, method, scene, seed=5):
    image, face = drawn_face(**SCENES[scene])
    return image, method(image, face, np.random.default_rng(seed))


def test_it_keeps_the_protocol_and_its_registered_name(method, make):
    assert isinstance(method, ForgeMethod)
    assert method.name == make.name
    assert method.kind in KINDS
    assert type(method).__doc__


@pytest.mark.parametrize("scene", SCENES)
def test_the_forgery_fits_and_its_mask_tells_where_bytes_changed(method, scene, drawn_face):
    image, forged = run(drawn_face, method, scene)
    assert isinstance(forged, Forgery)
    assert forged.kind == method.kind
    assert forged.image.pixels.shape == image.pixels.shape
    assert forged.mask.shape == image.pixels.shape[:2]
    assert forged.mask.dtype == np.float32
    changed = (forged.image.pixels != image.pixels).any(2)
    assert (forged.mask[changed] > 0).all()
    near = cv2.dilate(changed.astype(np.uint8), np.ones((3, 3)), iterations=max(4, image.width // 12))
    assert (forged.mask[near == 0] == 0).all()
    if scene in ("plain", "tilted", "larger than the picture") or (
        scene == "grey" and method.name != "bright"
    ):
        assert changed.any()


def test_the_same_arguments_give_the_same_bytes(method, drawn_face):
    image, face = drawn_face(**SCENES["plain"])
    before, mesh = image.pixels.copy(), face.mesh.copy()
    first = method(image, face, np.random.default_rng(3))
    method(image, face, np.random.default_rng(4))
    again = method(Image(before.copy()), copy.copy(face), np.random.default_rng(3))
    assert np.array_equal(first.image.pixels, again.image.pixels)
    assert np.array_equal(first.mask, again.mask)
    assert np.array_equal(image.pixels, before)
    assert np.array_equal(face.mesh, mesh)


def test_seeds_give_different_forgeries(make, drawn_face):
    image, face = drawn_face(**SCENES["plain"])
    method = make((0.1, 1.0))
    made = [method(image, face, np.random.default_rng(seed)).image.pixels for seed in range(4)]
    assert len({m.tobytes() for m in made}) >= 3


def test_stronger_changes_more(make, drawn_face):
    image, face = drawn_face(**SCENES["plain"])

    def change(strength):
        method = make((strength, strength))
        made = [method(image, face, np.random.default_rng(seed)) for seed in range(3)]
        return np.mean([np.abs(m.image.pixels - image.pixels.astype(np.int16)).mean() for m in made])

    weak, strong = change(0.1), change(1.0)
    assert weak > 0
    assert strong > 1.05 * weak


def test_no_strength_or_a_wrong_one_is_a_mistake(make):
    for wrong in ((-0.1, 1.0), (0.5, 1.5), (0.8, 0.2)):
        with pytest.raises(ValueError, match="strength"):
            make(wrong)


def test_without_a_mesh_it_says_so(method, drawn_face):
    image, face = drawn_face(**SCENES["plain"])
    with pytest.raises(ValueError, match="468"):
        method(image, Face(face.box), np.random.default_rng(0))


def test_a_face_outside_the_picture_is_a_mistake(method, drawn_face):
    image, _ = drawn_face(**SCENES["plain"])
    _, far = drawn_face((1000, 1000), 100)
    with pytest.raises(ValueError, match="outside the 256 x 256 picture"):
        method(image, far, np.random.default_rng(0))
