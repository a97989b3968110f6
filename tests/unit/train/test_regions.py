"""Kept regions: what comes out is what was cut, whatever interrupted the keeping. Needs no torch."""

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError
from fakeweb.faces import align
from fakeweb.media import read_image
from fakeweb.train.augment import augmented_crop
from fakeweb.train.classifier.meshes import MeasuredMeshes
from fakeweb.train.classifier.prepare import FaceSample
from fakeweb.train.classifier.regions import MASK_PX, cut_region, drop_untouched, keep_regions, reach_of
from fakeweb.train.recipe import DataRecipe, Recipe
from fakeweb.types import Face, Image

RECIPE = Recipe("x", "1", "t", data=DataRecipe(cache_px=64, masks={"s": "whole", "p": "pair"}))


class Mesher:
    name = "grid"

    def mesh(self, image, faces):
        x0, y0, x1, y1 = faces[0].box
        mesh = np.linspace((x0, y0, 0), (x1, y1, 1), 468)
        return [replace(faces[0], mesh=mesh)]


@pytest.fixture
def faces(tmp_path):
    """Reals and fakes of several sizes, some faces at the border; the last two are a pair that does not differ."""
    rng = np.random.default_rng(0)
    out = []
    for i, (width, height) in enumerate([(60, 80), (200, 150), (300, 300), (40, 40), (90, 90), (90, 90)]):
        pixels = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3)).astype(np.uint8), (0, 0), 2)
        path = tmp_path / f"{i}.png"
        cv2.imwrite(str(path), pixels if i < 5 else cv2.imread(str(tmp_path / "4.png")))
        side = 0.5 * min(width, height)
        box = (5.0, 4.0, 5 + side, 4 + 1.2 * side)
        source = "p" if i > 3 else "s"
        sample = Sample(path, i % 2, "swap" if i % 2 else None, "train", "g" if i > 3 else f"g{i}", source)
        out.append(FaceSample(sample, box))
    return out


def same(one, other):
    assert len(one) == len(other)
    for i in range(len(one)):
        a, b = one[i], other[i]
        assert np.array_equal(a.pixels, b.pixels)
        assert a.box == b.box
        for x, y in ((a.mesh, b.mesh), (a.mask, b.mask)):
            assert (x is None) == (y is None)
            assert x is None or np.array_equal(x, y)


def test_what_is_kept_is_what_was_cut(faces, tmp_path):
    regions = (
        keep_regions(faces, RECIPE, MeasuredMeshes(Mesher()), tmp_path / "c")
        if (tmp_path / "c").mkdir() is None
        else None
    )
    for i, face in enumerate(faces):
        image = read_image(face.sample.path).image
        pixels, scale, left, top = cut_region(image, face.box, reach_of(RECIPE), 64)
        region = regions[i]
        assert np.array_equal(region.pixels, pixels)
        assert max(pixels.shape) <= 64
        want = [(v - o) * scale for v, o in zip(face.box, (left, top, left, top), strict=True)]
        assert region.box == pytest.approx(want)
        assert (region.mesh is not None) == (face.sample.label == 0)
        assert region.mask.shape == (MASK_PX, MASK_PX)
    assert regions[1].mask.min() == 255
    assert regions[0].mask.max() == 0
    assert regions[2].mesh[467, :2] == pytest.approx(regions[2].box[2:], abs=1e-4)


def test_a_crop_of_a_region_that_was_not_shrunk_is_the_crop_of_the_picture(faces, tmp_path):
    recipe = replace(RECIPE, data=replace(RECIPE.data, cache_px=4096))
    regions = keep_regions(faces, recipe, None, tmp_path)
    for i, face in enumerate(faces):
        image, region = read_image(face.sample.path).image, regions[i]
        one = align(image, Face(face.box), 32, margin=1.1).pixels
        assert np.array_equal(one, align(Image(region.pixels), region.face, 32, margin=1.1).pixels)
        for seed in range(10):
            crops = [
                augmented_crop(im, box, 32, 1.1, recipe.augment, np.random.default_rng(seed))
                for im, box in ((image, face.box), (Image(region.pixels), region.box))
            ]
            assert np.array_equal(*crops)


@pytest.mark.parametrize("at", range(6))
def test_an_interrupt_anywhere_loses_nothing_that_matters(faces, tmp_path, monkeypatch, at):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    whole = keep_regions(faces, RECIPE, MeasuredMeshes(Mesher()), tmp_path / "one")
    calls = []

    def stopping(path):
        if "stop" in flags and path == faces[at].sample.path and not calls.append(1):
            raise KeyboardInterrupt
        return read_image(path)

    flags = {"stop"}
    monkeypatch.setattr("fakeweb.train.classifier.regions.read_image", stopping)
    with pytest.raises(KeyboardInterrupt):
        keep_regions(faces, RECIPE, MeasuredMeshes(Mesher()), tmp_path / "two")
    (data,) = (tmp_path / "two").glob("*.bin")
    with data.open("ab") as stream:
        stream.write(b"half a record")
    flags.clear()
    opened = []
    monkeypatch.setattr(
        "fakeweb.train.classifier.regions.read_image", lambda path: (opened.append(path), read_image(path))[1]
    )
    same(keep_regions(faces, RECIPE, MeasuredMeshes(Mesher()), tmp_path / "two"), whole)
    assert opened == [f.sample.path for f in faces[at:]]


@pytest.mark.parametrize("damage", ["", "number\n", "number,offset,height\n1,2\n", "\0"])
def test_a_damaged_table_is_made_anew(faces, tmp_path, damage):
    whole = keep_regions(faces, RECIPE, None, tmp_path)
    want = [whole[i].pixels.copy() for i in range(6)]
    (index,) = tmp_path.glob("regions-*.csv")
    index.write_text(damage)
    again = keep_regions(faces, RECIPE, None, tmp_path)
    assert all(np.array_equal(again[i].pixels, want[i]) for i in range(6))


def test_a_file_that_was_cut_is_completed(faces, tmp_path):
    whole = keep_regions(faces, RECIPE, None, tmp_path)
    want = [whole[i].pixels.copy() for i in range(6)]
    del whole
    (data,) = tmp_path.glob("regions-*.bin")
    data.write_bytes(data.read_bytes()[:-10])
    again = keep_regions(faces, RECIPE, None, tmp_path)
    assert all(np.array_equal(again[i].pixels, want[i]) for i in range(6))


def test_fakes_that_do_not_differ_are_dropped(faces, tmp_path):
    regions = keep_regions(faces, RECIPE, None, tmp_path)
    assert drop_untouched(faces, regions, RECIPE.data.masks) == ([0, 1, 2, 3, 4], [5])
    assert drop_untouched(faces, regions, {}) == ([0, 1, 2, 3, 4, 5], [])


def test_it_crosses_process_borders_without_its_bytes(faces, tmp_path):
    regions = keep_regions(faces, RECIPE, None, tmp_path)
    raw = pickle.dumps(regions)
    assert len(raw) < 5000
    same(pickle.loads(raw), regions)


def test_a_picture_that_is_gone_is_an_error(faces, tmp_path):
    faces[2].sample.path.unlink()
    with pytest.raises(DatasetError, match="changed since its face was found"):
        keep_regions(faces, RECIPE, None, tmp_path)


def test_parts_are_read_from_the_name_before_regrouping(faces, tmp_path):
    recipe = replace(RECIPE, data=replace(RECIPE.data, masks={"s": "parts"}))
    names = {faces[1].sample.path: "hard_1_1111.jpg"}
    regions = keep_regions(faces, recipe, None, tmp_path, names=names)
    assert regions[1].mask.max() == 255
    assert regions[3].mask is None


def test_other_masks_or_sizes_are_kept_apart(faces, tmp_path):
    keep_regions(faces, RECIPE, None, tmp_path)
    keep_regions(faces, replace(RECIPE, data=replace(RECIPE.data, cache_px=48)), None, tmp_path)
    keep_regions(faces, replace(RECIPE, data=replace(RECIPE.data, masks={})), None, tmp_path)
    keep_regions(faces, replace(RECIPE, data=replace(RECIPE.data, side_px=99)), None, tmp_path)
    assert len(list(tmp_path.glob("regions-*.bin"))) == 3
