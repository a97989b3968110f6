"""Half-precision weights: half the bytes, the same answers."""

import numpy as np
import onnxruntime
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.runtime import find_card, half_weights, verify


def test_the_model_is_half_as_long_and_says_the_same(portrait):
    model = verify(find_card("fast"))
    halved = half_weights(model)
    assert len(halved) < 0.52 * len(model)
    crop = np.ascontiguousarray(portrait.pixels[20:276, 120:376])[None]
    sessions = [onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"]) for m in (model, halved)]
    assert sessions[0].get_outputs()[0].name == sessions[1].get_outputs()[0].name
    one, other = (session.run(["logit"], {"pixels": crop})[0][0] for session in sessions)
    assert one == pytest.approx(other, abs=0.01)
    probability = OnnxClassifier().probability
    assert probability(one) == pytest.approx(probability(other), abs=0.002)


def test_what_is_halved_already_stays(portrait):
    model = verify(find_card("mesh"))
    assert len(half_weights(model)) == pytest.approx(len(model), rel=0.02)
    halved = half_weights(verify(find_card("finder")))
    assert half_weights(halved) == halved


@pytest.mark.parametrize("broken", [b"\x3a\xff\xff\xff", b"\x3b", b"\xff"])
def test_what_is_no_model_is_refused(broken):
    with pytest.raises(ValueError, match=r"past the end|wire type"):
        half_weights(broken)
