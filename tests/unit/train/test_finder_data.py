import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from fakeweb.faces.anchor_free import STRIDES, groups, merge, read_maps
from fakeweb.train.finder.measure import overlaps
from fakeweb.train.finder.pool import Cutting, Pool, agree
from fakeweb.train.finder.recipe import SceneRecipe, TeacherRecipe
from fakeweb.train.finder.scene import Composer
from fakeweb.train.finder.targets import targets
from fakeweb.types import Face

FIVE = np.array([[30, 40], [50, 40], [40, 50], [32, 60], [48, 60]], np.float32)
BOX = np.array([[24, 28, 56, 68]], np.float32)


@pytest.fixture(scope="module")
def pool():
    """A face is a red picture with five dots; there is no red anywhere else."""
    pixels = np.full((96, 80, 3), (200, 30, 30), np.uint8)
    for x, y in FIVE.astype(int):
        pixels[y - 1 : y + 2, x - 1 : x + 2] = (255, 255, 255)
    face = Cutting(pixels, BOX, FIVE[None], np.array([True]), "drawn")
    empty = Cutting(
        np.full((64, 64, 3), (20, 90, 40), np.uint8), BOX[:0], FIVE[None][:0], np.zeros(0, bool), "grass"
    )
    return Pool((face,), (empty,))


CLEAN = SceneRecipe(side_px=256, face_px=(24.0, 90.0), crowd=0, few=1, close=0, hidden=0, degrade=0, encode=0)


def test_faces_that_two_teachers_see_are_agreed_with_the_first_ones_box():
    recipe = TeacherRecipe(files=("a", "b"), agree=2)
    one, same, other = Face((0, 0, 10, 10)), Face((1, 0, 11, 10)), Face((40, 40, 50, 50))
    joined = agree([[one], [same, other], []], recipe)
    assert [(f.box, ok) for f, ok in joined] == [(one.box, True), (other.box, False)]
    assert [ok for _, ok in agree([[one, other], [], []], recipe)] == [False, False]


def test_the_same_seed_composes_the_same_scene(pool):
    composer = Composer(pool, CLEAN)
    one, same, other = (composer.compose(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one.pixels == same.pixels).all()
    assert (one.boxes == same.boxes).all()
    assert one.pixels.shape == (256, 256, 3)
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("roll", [0, 40, 180])
def test_a_planted_face_lies_where_the_scene_says(pool, roll):
    scene = Composer(pool, CLEAN).plant(np.random.default_rng(3), (300, 400), pool.faces * 4, 50, roll)
    assert scene.pixels.shape == (300, 400, 3)
    assert scene.taught.all()
    assert len(scene.boxes) >= 2
    for box, five in zip(scene.boxes, scene.points, strict=True):
        x, y = np.round((box[:2] + box[2:]) / 2).astype(int)
        red = scene.pixels[y, x].astype(int)
        assert red[0] > red[1] + 60
        assert ((five >= box[:2]) & (five <= box[2:])).all()
        for px, py in np.round(five).astype(int):  # the dots are where the points are
            assert scene.pixels[py - 1 : py + 2, px - 1 : px + 2].max(axis=(0, 1))[1] > 150


def test_the_points_of_an_upright_face_stay_left_to_right_when_it_is_mirrored(pool):
    composer = Composer(pool, CLEAN)
    for seed in range(6):
        for five in composer.plant(np.random.default_rng(seed), (200, 200), pool.faces, 60, 0).points:
            assert five[0, 0] < five[1, 0]
            assert five[3, 0] < five[4, 0]


def test_a_face_that_is_mostly_covered_is_not_taught(pool):
    crowded = SceneRecipe(
        side_px=96, face_px=(20.0, 60.0), crowd=0, few=0, close=1, hidden=1, degrade=0, encode=0
    )
    composer = Composer(pool, crowded)
    scenes = [composer.compose(np.random.default_rng(seed)) for seed in range(60)]
    taught = np.concatenate([s.taught for s in scenes])
    assert taught.any()
    assert not taught.all()


def test_cells_near_a_faces_middle_are_taught_at_the_stride_of_its_size():
    boxes = np.array([[20, 20, 44, 50], [60, 60, 220, 240]], np.float32)
    wanted = targets(boxes, np.zeros((2, 5, 2), np.float32), np.array([True, True]), 256)
    counts = [(256 // stride) ** 2 for stride in STRIDES]
    levels = np.split(wanted, np.cumsum(counts)[:-1])
    taught = [sorted({tuple(row[1:5]) for row in level if row[0] > 0}) for level in levels]
    assert taught == [[tuple(boxes[0])], [], [tuple(boxes[1])]]
    fine = levels[0].reshape(32, 32, -1)
    assert fine[4, 3, 0] == fine[4, 4, 0] == 1  # around (32, 35)
    assert fine[0, 0, 0] == 0


def test_cells_of_a_disputed_face_are_left_alone():
    box = np.array([[20, 20, 80, 80]], np.float32)
    wanted = targets(box, np.zeros((1, 5, 2), np.float32), np.array([False]), 128)
    assert set(wanted[:, 0]) == {-1.0, 0.0}


def test_the_answer_read_from_perfect_maps_is_the_question():
    boxes = np.array([[20, 20, 44, 50], [60, 60, 220, 240]], np.float32)
    points = np.stack([np.linspace(b[:2], b[2:], 5) for b in boxes]).astype(np.float32)
    wanted = targets(boxes, points, np.array([True, True]), 256)
    maps, begun = [], 0
    for stride in STRIDES:
        count = 256 // stride
        level = wanted[begun : begun + count**2].reshape(count, count, -1)
        begun += count**2
        centres = (np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1) + 0.5) * stride
        raw = np.zeros((count, count, 15), np.float32)
        raw[..., 0] = np.where(level[..., 0] > 0, 3, -9)
        size = np.maximum(level[..., 3:5] - level[..., 1:3], 1)
        raw[..., 1:3] = ((level[..., 1:3] + level[..., 3:5]) / 2 - centres) / stride
        raw[..., 3:5] = np.log(size / stride)
        raw[..., 5:] = (level[..., 5:15] - np.tile(centres, 5)) / stride
        maps.append(raw)
    found = merge(read_maps(maps, 0.0))
    found = found[np.argsort(found[:, 1])]
    np.testing.assert_allclose(found[:, 1:5], boxes, atol=1e-3)
    np.testing.assert_allclose(found[:, 5:].reshape(2, 5, 2), points, atol=1e-3)


def test_merging_keeps_the_surest_and_faces_that_only_touch():
    rows = np.zeros((4, 15), np.float32)
    rows[:, 0] = (1, 3, 2, 0)
    rows[:, 1:5] = [(0, 0, 40, 40), (2, 0, 42, 40), (38, 0, 78, 40), (10, 10, 34, 34)]
    kept = merge(rows)
    assert kept[:, 0].tolist() == [3, 2]
    assert merge(rows[:0]).shape == (0, 15)
    together = groups(rows)
    assert sorted(int(i) for group in together for i in group) == list(range(len(rows)))
    assert [rows[group[0], 0] for group in together] == sorted((row[0] for row in kept), reverse=True)
    assert all((np.diff(rows[group, 0]) <= 0).all() for group in together)


def test_overlap_is_intersection_over_union():
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    np.testing.assert_allclose(overlaps(a, b), [[1, 1 / 3, 0]], atol=1e-6)
