"""The autoencoders' method keeps the forge's promises; their cards are read."""

import numpy as np
import pytest

from fakeweb.errors import ModelCorrupt, ModelMissing
from fakeweb.forge import ForgeMethod
from fakeweb.runtime import find_card
from research.reconstruct.method import MODELS, Reconstruct, Reconstructor
from research.reconstruct.spectra import SIDE_PX, rings, spectrum


@pytest.fixture
def face(drawn_face):
    return drawn_face((128, 128), 130)


def test_it_repaints_the_face_and_says_where(face):
    method = Reconstruct(strength=(0.8, 0.8))
    forged = method(*face, np.random.default_rng(5))
    assert isinstance(method, ForgeMethod)
    assert (forged.kind, method.name) == ("generated", "reconstruct")
    changed = (forged.image.pixels != face[0].pixels).any(2)
    assert changed[100:150, 100:150].mean() > 0.5
    assert (forged.mask[changed] > 0).all()
    assert (
        np.abs(forged.image.pixels[100:150, 100:150] - face[0].pixels[100:150, 100:150].astype(int)).mean()
        < 40
    )


def test_the_same_seed_gives_the_same_bytes_and_three_networks_are_drawn(face):
    method = Reconstruct()
    a, b = (method(*face, np.random.default_rng(3)).image.pixels for _ in range(2))
    assert (a == b).all()
    assert len(method.generators) == 3
    assert len({method(*face, np.random.default_rng(s)).image.pixels.tobytes() for s in range(8)}) > 2


@pytest.mark.parametrize("card", sorted(MODELS.glob("*.json")), ids=lambda p: p.stem)
def test_a_network_paints_what_it_sees_at_any_size(card, face):
    pixels = face[0].pixels[:101, :67]
    out = Reconstructor(card).run(pixels)
    assert out.shape == pixels.shape
    assert np.abs(out - pixels).mean() < 30


def test_what_is_no_autoencoder_is_told(tmp_path):
    with pytest.raises(ModelMissing, match="no autoencoder"):
        Reconstruct(folder=tmp_path)
    fast = find_card("fast").path.with_suffix(".json")
    with pytest.raises(ModelCorrupt, match="not an autoencoder"):
        Reconstructor(fast)


def test_a_generator_that_repeats_every_fourth_pixel_has_a_peak_there():
    rng = np.random.default_rng(0)
    faces = [rng.integers(60, 200, (SIDE_PX, SIDE_PX, 3), np.uint8) for _ in range(3)]
    comb = np.zeros((SIDE_PX, SIDE_PX, 1))
    comb[:, ::4] = 60
    gap = spectrum(faces, lambda p: p + comb) - spectrum(faces)
    middle = SIDE_PX // 2
    assert gap[middle, middle + SIDE_PX // 4] > 3 > gap[middle, middle + SIDE_PX // 4 + 8]
    assert rings(gap).shape == (middle,)
