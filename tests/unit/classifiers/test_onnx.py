"""The classifier that is all data, driven by a model whose logit is brightness / 10 - 12.8."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.errors import ModelCorrupt, ModelIncompatible, ModelMissing, UnknownName
from fakeweb.runtime import read_card
from fakeweb.types import Crop, Face


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, tiny_model):
    return OnnxClassifier(tiny_model(tmp_path_factory.mktemp("model")))


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_it_is_what_its_card_says(classifier):
    assert classifier.reference == "tiny@1"
    assert (classifier.side_px, classifier.margin, classifier.min_face_px) == (32, 1.0, 20.0)


@pytest.mark.parametrize("brightness", [0, 1, 100, 128, 200, 255])
def test_scores_are_the_calibrated_logit(classifier, plain_crop, brightness):
    (score,) = classifier.score([plain_crop(brightness)])
    logit = brightness / 10 - 12.8
    assert score.logit == pytest.approx(logit, abs=1e-4)
    assert score.p_fake == pytest.approx(sigmoid(logit), abs=1e-5)
    assert score.model == "tiny@1"


def test_calibration_comes_from_the_card(tmp_path, tiny_model, plain_crop):
    card = tiny_model(tmp_path, calibration={"scale": 0.5, "bias": 1.0})
    (score,) = OnnxClassifier(card).score([plain_crop(148)])
    assert score.logit == pytest.approx(2.0, abs=1e-4), "the raw logit stays raw"
    assert score.p_fake == pytest.approx(sigmoid(2.0), abs=1e-5)


@pytest.mark.parametrize(
    ("colour", "kind"), [((250, 9, 9), "swap"), ((9, 250, 9), "retouch"), ((9, 9, 250), "generated")]
)
def test_kinds_are_in_the_cards_order_and_sum_to_one(classifier, plain_crop, colour, kind):
    (score,) = classifier.score([plain_crop(colour)])
    assert score.kind == kind
    assert list(score.kinds) == ["swap", "retouch", "generated"]
    assert sum(score.kinds.values()) == pytest.approx(1)
    assert score.kinds[kind] > 0.99


def test_kinds_are_a_softmax(classifier, plain_crop):
    (score,) = classifier.score([plain_crop((160, 144, 128))])
    want = np.exp([10.0, 9.0, 8.0]) / np.exp([10.0, 9.0, 8.0]).sum()
    assert list(score.kinds.values()) == pytest.approx(want.tolist(), abs=1e-5)


def test_kinds_far_apart_do_not_overflow(tmp_path, tiny_model, onnx_bytes, plain_crop):
    raw = onnx_bytes.brightness_classifier(32, 0.1, -12.8, kinds_gain=100.0)
    (score,) = OnnxClassifier(tiny_model(tmp_path, raw=raw)).score([plain_crop((9, 200, 9))])
    assert list(score.kinds.values()) == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("change", [{"kinds": []}, {"raw_kinds": "other"}], ids=["card", "network"])
def test_a_model_without_kinds(tmp_path, tiny_model, onnx_bytes, plain_crop, change):
    if "raw_kinds" in change:
        change = {"raw": onnx_bytes.brightness_classifier(32, 0.1, -12.8, kinds="other")}
    (score,) = OnnxClassifier(tiny_model(tmp_path, **change)).score([plain_crop(128)])
    assert score.kinds is None


def random_crops(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Crop(rng.integers(0, 256, (32, 32, 3), np.uint8), Face((0, 0, 32, 32)), np.eye(2, 3))
        for _ in range(count)
    ]


def test_a_score_does_not_depend_on_its_batch(classifier):
    crops = random_crops(7)
    alone = [classifier.score([crop])[0].logit for crop in crops]
    assert [s.logit for s in classifier.score(crops)] == alone
    assert [s.logit for s in classifier.score(crops[::-1])] == alone[::-1]
    assert classifier.score([]) == []


def test_threads_get_identical_bits(classifier):
    crops = random_crops(30)
    want = [s.logit for s in classifier.score(crops)]
    assert len(set(want)) == len(want)
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(classifier.score, [crops] * 8):
            assert [s.logit for s in answer] == want


@pytest.mark.parametrize("side_px", [31, 33, 224])
def test_a_crop_of_the_wrong_size_is_a_mistake(classifier, plain_crop, side_px):
    with pytest.raises(ValueError, match=f"tiny@1 wants crops of 32 px, got {side_px}"):
        classifier.score([plain_crop(9, side_px)])


# --- thresholds


def test_thresholds_by_hand(classifier):
    thresholds = classifier.thresholds()
    assert thresholds.fake == pytest.approx(sigmoid(0.5 * math.log(0.1 / 0.02)))
    assert (thresholds.real, thresholds.source) == (0.3, "model")


def test_real_and_fake_never_meet(tmp_path, tiny_model):
    thresholds = OnnxClassifier(tiny_model(tmp_path, decision={"real": 0.5})).thresholds()
    assert thresholds.real == 0.5 < thresholds.fake


def test_a_threshold_beyond_every_probability_is_one(tmp_path, tiny_model):
    thresholds = OnnxClassifier(tiny_model(tmp_path, decision={"tail_logit": 900.0})).thresholds()
    assert thresholds.fake == 1.0


# --- models that cannot be used


def test_a_model_may_be_given_as_a_card(tmp_path, tiny_model):
    assert OnnxClassifier(read_card(tiny_model(tmp_path))).reference == "tiny@1"


def test_broken_models(tmp_path, tiny_model):
    with pytest.raises(UnknownName):
        OnnxClassifier("nosuchmodel")
    with pytest.raises(ModelMissing):
        OnnxClassifier(tmp_path / "no.json")
    path = tiny_model(tmp_path)
    path.with_suffix(".onnx").write_bytes(b"other")
    with pytest.raises(ModelCorrupt):
        OnnxClassifier(path)


def test_a_model_for_another_task():
    with pytest.raises(ModelIncompatible, match=r"finder@\S+ is a finder, not a classifier"):
        OnnxClassifier("finder")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logit": "other"}, "gave no output 'logit', only other, kinds"),
        ({"bias": math.nan}, "gave a logit of nan"),
        ({"gain": math.inf}, "gave a logit of inf"),
        ({"kinds": ["swap", "retouch"]}, r"gave kinds of shape \(3,\), not 2"),
    ],
    ids=["no logit", "nan", "inf", "kinds"],
)
def test_a_network_that_does_not_keep_its_cards_promise(
    tmp_path, tiny_model, onnx_bytes, plain_crop, change, message
):
    if "logit" in change:
        change = {"raw": onnx_bytes.brightness_classifier(32, 0.1, 0, logit=change["logit"])}
    classifier = OnnxClassifier(tiny_model(tmp_path, **change))
    with pytest.raises(ModelIncompatible, match=message) as caught:
        classifier.score([plain_crop(200)])
    assert "export" in caught.value.hint


def test_a_network_of_another_size_than_its_card_says(tmp_path, tiny_model, onnx_bytes, plain_crop):
    card = tiny_model(tmp_path, raw=onnx_bytes.brightness_classifier(48, 0.1, 0))
    with pytest.raises(ModelIncompatible, match="does not take uint8"):
        OnnxClassifier(card).score([plain_crop(9)])


# --- evidence


@pytest.mark.parametrize("cells", [3])
def test_a_map_that_the_card_promises_and_the_network_lacks(tmp_path, tiny_model, plain_crop, cells):
    classifier = OnnxClassifier(tiny_model(tmp_path, evidence={"side": cells}))
    with pytest.raises(ModelIncompatible, match="no output 'evidence'"):
        classifier.score([plain_crop(9)])


@pytest.mark.parametrize("evidence", [{"side": 0}, {"side": 33}, {"side": 1.5}, {"side": True}, {}])
def test_a_card_with_an_impossible_map(tmp_path, tiny_model, evidence):
    with pytest.raises(ModelCorrupt):
        read_card(tiny_model(tmp_path, evidence=evidence))


def test_the_map_says_where_it_lies_in_the_picture(tmp_path, tiny_model):
    """A bright quarter of the crop is bright in the map, and its cells lie on that quarter of the picture."""
    classifier = OnnxClassifier(tiny_model(tmp_path, cells=4))
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[16:, :16] = 255  # below, left
    to_image = np.array([[2, 0, 100], [0, 2, 50]], np.float32)  # crop pixels are two pixels wide
    score = classifier.score([Crop(pixels, Face((100, 50, 164, 114)), to_image)])[0]
    assert score.evidence.tolist() == [[0, 0, 0, 0]] * 2 + [[1, 1, 0, 0]] * 2
    rows, columns = np.nonzero(score.evidence)
    places = np.column_stack([columns, rows, np.ones(len(rows))]) @ score.evidence_to_image.T
    assert sorted(map(tuple, places.tolist())) == [(107, 89), (107, 105), (123, 89), (123, 105)]


def test_a_model_without_a_map_has_no_evidence(classifier, plain_crop):
    assert classifier.card.evidence_side == 0
    assert "evidence" not in classifier.card.to_dict()
    assert classifier.score([plain_crop(9)])[0].evidence is None


# --- a second look


@pytest.fixture
def looking_left(tmp_path, tiny_model, onnx_bytes):
    """Make a classifier that sees the left half of a crop alone, with a map of 4 by 4 cells."""

    def make(**card):
        raw = onnx_bytes.brightness_classifier(32, 0.1, -12.8, cells=4, left=True)
        return OnnxClassifier(tiny_model(tmp_path, raw=raw, evidence={"side": 4}, **card))

    return make


def halves(left, right):
    pixels = np.empty((32, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = left, right
    return Crop(pixels, Face((0, 0, 32, 32)), np.eye(2, 3, dtype=np.float32))


@pytest.mark.parametrize(
    ("left", "right", "counts"),
    [
        ((138, 138, 138), (188, 188, 188), 163),  # logit 1.0 at first look: the mean with the mirrored 6.0
        ((138, 138, 138), (38, 38, 38), 88),  # 1.0 and -9.0
        ((168, 168, 168), (38, 38, 38), 168),  # 4.0: sure enough
        ((118, 118, 118), (250, 250, 250), 118),  # -1.0: likewise
    ],
)
def test_what_is_in_doubt_is_looked_at_once_more_mirrored(looking_left, left, right, counts):
    (score,) = looking_left(second_look=[0.0, 3.0]).score([halves(left, right)])
    assert score.logit == pytest.approx(counts / 10 - 12.8, abs=1e-4)
    assert score.p_fake == pytest.approx(sigmoid(counts / 10 - 12.8), abs=1e-5)


def test_both_looks_say_which_kind_and_where(looking_left):
    def softmax(z):
        return (np.exp(z) / np.exp(z).sum()).tolist()

    left, right = np.array([150, 138, 126]), np.array([110, 120, 145])
    crop = halves(left, right)
    (once,) = looking_left().score([crop])
    (twice,) = looking_left(second_look=[0.0, 3.0]).score([crop])
    assert list(once.kinds.values()) == pytest.approx(softmax(left / 16), abs=1e-4)
    assert list(twice.kinds.values()) == pytest.approx(softmax((left + right) / 32), abs=1e-4)
    assert once.evidence[0, 0] > once.evidence[0, 3] + 0.05
    np.testing.assert_allclose(twice.evidence, once.evidence, atol=1e-6)  # the second map is turned back
    np.testing.assert_array_equal(twice.evidence_to_image, once.evidence_to_image)


def test_a_second_look_is_not_taken_without_being_asked_for(looking_left):
    assert looking_left().card.second_look is None
    (score,) = looking_left().score([halves(138, 188)])
    assert score.logit == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    "wrong", [[1.0], [1.0, 2.0, 3.0], [2.0, 1.0], [1.0, 1.0], [0, float("nan")], [False, 1], "ab"]
)
def test_a_card_with_an_impossible_second_look(tmp_path, tiny_model, wrong):
    with pytest.raises(ModelCorrupt):
        read_card(tiny_model(tmp_path, second_look=wrong))


def test_a_card_keeps_its_second_look(looking_left):
    assert looking_left(second_look=[-1.5, 2.5]).card.to_dict()["second_look"] == [-1.5, 2.5]
