"""What every classifier must keep: the docstring of :class:`fakeweb.types.Classifier`, as a suite.

Run on every model in ``src/fakeweb/models`` and on a tiny one; a model is tested by lying there.
"""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.errors import ModelMissing
from fakeweb.faces import align
from fakeweb.runtime import find_card, list_cards
from fakeweb.types import KINDS, Classifier, Crop, Face, Score, Thresholds

SHIPPED = [card.name for card in list_cards() if card.task == "classifier"]


@pytest.fixture(scope="module", params=["tiny", *SHIPPED])
def classifier(request, tmp_path_factory, tiny_model):
    if request.param == "tiny":
        return OnnxClassifier(tiny_model(tmp_path_factory.mktemp("model")))
    try:
        return OnnxClassifier(request.param)
    except ModelMissing as error:
        pytest.skip(error.hint)


@pytest.fixture(scope="module")
def crops(classifier, portrait, portrait_box):
    """A face, the same mirrored, noise, black and white."""
    side = classifier.side_px
    face = align(portrait, Face(portrait_box), side, margin=classifier.margin)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    others = [face.pixels[:, ::-1], noise, np.zeros_like(noise), np.full_like(noise, 255)]
    return [face, *(Crop(np.ascontiguousarray(p), face.face, face.to_image) for p in others)]


def bits(scores):
    return [(s.p_fake, s.logit, s.kinds) for s in scores]


def test_a_model_is_shipped():
    assert SHIPPED


def test_it_keeps_the_protocol(classifier):
    assert isinstance(classifier, Classifier)
    name, at, version = classifier.reference.partition("@")
    assert name
    assert at
    assert version
    assert classifier.side_px >= 8
    assert 0.5 < classifier.margin < 3
    assert classifier.min_face_px >= 0


def test_it_travels_to_another_process_as_what_made_it(classifier, crops):
    again = pickle.loads(pickle.dumps(classifier))
    assert bits(again.score(crops)) == bits(classifier.score(crops))
    assert again.thresholds() == classifier.thresholds()


def test_one_score_per_crop(classifier, crops):
    scores = classifier.score(crops)
    assert len(scores) == len(crops)
    for score in scores:
        assert isinstance(score, Score)
        assert score.model == classifier.reference
        assert score.kinds is None or set(score.kinds) <= set(KINDS)
    assert len(classifier.score([])) == 0


def test_it_tells_crops_apart(classifier, crops):
    assert len({s.logit for s in classifier.score(crops)}) >= 4


def test_p_fake_rises_with_the_logit(classifier, crops):
    scores = sorted(classifier.score(crops), key=lambda s: s.logit)
    assert [s.p_fake for s in scores] == sorted(s.p_fake for s in scores)


def test_the_order_and_the_batch_do_not_matter(classifier, crops):
    together = bits(classifier.score(crops))
    assert bits(classifier.score(crops[::-1])) == together[::-1]
    assert [bits(classifier.score([crop]))[0] for crop in crops] == together


def test_threads_may_share_it(classifier, crops):
    want = bits(classifier.score(crops))
    with ThreadPoolExecutor(3) as pool:
        assert [bits(s) for s in pool.map(classifier.score, [crops] * 4)] == [want] * 4


def test_another_session_gives_the_same_bits(classifier, crops):
    assert bits(OnnxClassifier(classifier.card).score(crops[:2])) == bits(classifier.score(crops[:2]))


def test_thresholds_are_the_models_own(classifier):
    limits = classifier.thresholds()
    assert isinstance(limits, Thresholds)
    assert limits.source == "model"


def test_a_crop_of_the_wrong_size_is_a_mistake(classifier):
    side = classifier.side_px + 1
    crop = Crop(np.zeros((side, side, 3), np.uint8), Face((0, 0, side, side)), np.eye(2, 3))
    with pytest.raises(ValueError, match=f"{classifier.side_px} px, got {side}"):
        classifier.score([crop])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_says_what_a_reader_must_know(name):
    card = find_card(name)
    assert card.name == card.path.stem == name
    assert card.title
    assert card.licence
    for key in ("training_data", "scores"):
        assert card.details.get(key), key
    assert set(card.kinds) <= set(KINDS)
    assert 0 < card.decision.false_alarms < 0.5
    assert card.calibration.scale > 0
    assert card.decision.tail_scale > 0
