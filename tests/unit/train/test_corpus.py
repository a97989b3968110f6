"""Which samples a recipe trains on. Needs no torch."""

import numpy as np
import pytest

from fakeweb.errors import DatasetError
from fakeweb.media import encode_png
from fakeweb.train.classifier.corpus import gather
from fakeweb.train.recipe import DataRecipe, Recipe
from fakeweb.types import Image


@pytest.fixture
def data(tmp_path):
    """Two lists, the second of which calls a picture of the first fake."""
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.png").write_bytes(encode_png(Image(np.full((64, 64, 3), 50 * number, np.uint8))))
    (folder / "a.csv").write_text("path,label\n0.png,real\n1.png,fake\n2.png,real\n")
    (folder / "more" / "a.csv").write_text("path,label\n../0.png,fake\n../2.png,real\n")
    return folder


def run(data, tmp_path, **options):
    recipe = Recipe("x", "1", "a test", data=DataRecipe(layout="csv", extra_roots=("more",), **options))
    gather(recipe, data, tmp_path / "out", tmp_path / "cache", None, None, lambda _: None, first=True)


def test_a_picture_that_two_lists_call_real_and_fake_stops_the_training(data, tmp_path):
    with pytest.raises(DatasetError, match=r"labelled both real and fake: .*0\.png") as caught:
        run(data, tmp_path)
    assert "data.allow_conflicts" in caught.value.hint


def test_a_recipe_may_allow_it(data, tmp_path):
    with pytest.raises(DatasetError, match="sees no face in any of 3 pictures"):  # each once
        run(data, tmp_path, allow_conflicts=True)
