"""Cards: read strictly, and what their numbers mean."""

import json
import math

import numpy as np
import pytest

from fakeweb.errors import ModelCorrupt, ModelMissing
from fakeweb.runtime import Calibration, Decision, read_card


def test_a_card_is_read(tmp_path, tiny_model):
    card = read_card(tiny_model(tmp_path, details={"note": 1}))
    assert card.reference == "tiny@1"
    assert card.path == tmp_path / "tiny.onnx"
    assert (card.side_px, card.margin, card.task) == (32, 1.0, "classifier")
    assert card.kinds == ("swap", "retouch", "generated")
    assert card.calibration == Calibration(1.0, 0.0)
    assert card.decision.min_face_px == 20.0
    assert card.details == {"note": 1}


def test_a_card_survives_its_json_form(tmp_path, tiny_model):
    path = tiny_model(tmp_path)
    card = read_card(path)
    assert json.loads(json.dumps(card.to_dict())) == json.loads(path.read_text())
    path.write_text(json.dumps(card.to_dict()))
    assert read_card(path) == card


def test_no_card_is_missing(tmp_path):
    with pytest.raises(ModelMissing, match=r"no model card at .*nothing\.json") as caught:
        read_card(tmp_path / "nothing.json")
    assert caught.value.hint


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "3", '"card"', "{}", b"\xff\xfe\x00"], ids=repr)
def test_what_is_no_card_is_corrupt(tmp_path, content):
    path = tmp_path / "card.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ModelCorrupt, match=r"card\.json is not a model card") as caught:
        read_card(path)
    assert caught.value.hint


def test_a_folder_is_no_card(tmp_path):
    with pytest.raises(ModelCorrupt, match="is not a model card"):
        read_card(tmp_path)


KEYS = ["card_version", "name", "version", "title", "task", "file", "sha256", "licence", "input", "kinds",
        "calibration", "decision", "details"]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(tmp_path, tiny_model, key):
    path = tiny_model(tmp_path, **{key: ...})
    with pytest.raises(ModelCorrupt, match=f"'{key}' is missing"):
        read_card(path)


def test_every_key_of_a_card_is_in_the_table_above(tmp_path, tiny_model):
    assert sorted(read_card(tiny_model(tmp_path)).to_dict()) == sorted(KEYS)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_card_version_is_refused(tmp_path, tiny_model, version):
    path = tiny_model(tmp_path, card_version=version)
    with pytest.raises(ModelCorrupt, match=f"card_version {version}, this FakeWeb reads 1"):
        read_card(path)


@pytest.mark.parametrize(
    "broken",
    [
        {"input": {"side_px": "large", "margin": 1.0}},
        {"input": {"margin": 1.0}},
        {"input": None},
        {"kinds": None},
        {"file": None},
        {"file": ""},
        {"calibration": {"scale": 1.0}},
        {"calibration": {"scale": 1.0, "bias": 0.0, "more": 1.0}},
        {"calibration": {"scale": "1", "bias": 0.0}},
        {"calibration": {"scale": math.nan, "bias": 0.0}},
        {"decision": {"false_alarms": 0.02}},
        {"decision": None},
    ],
    ids=str,
)
def test_a_card_that_says_nonsense_is_corrupt(tmp_path, tiny_model, broken):
    path = tiny_model(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **broken}))
    with pytest.raises(ModelCorrupt, match="is not a model card"):
        read_card(path)


@pytest.mark.parametrize("file", ["../evil.onnx", "/tmp/evil.onnx", "a/b/../../../evil.onnx", "./evil.onnx"])
def test_a_card_cannot_point_out_of_its_folder(tmp_path, tiny_model, file):
    inner = tmp_path / "inner"
    path = tiny_model(inner, file=file)
    (tmp_path / "evil.onnx").write_bytes((inner / "tiny.onnx").read_bytes())
    assert read_card(path).path == inner / "evil.onnx"


# --- the numbers

SIGMOID = [(0.0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25), (50.0, 1.0), (-50.0, 0.0)]


@pytest.mark.parametrize(("z", "p"), SIGMOID)
@pytest.mark.parametrize(("scale", "bias"), [(1, 0), (2, 0), (0.5, 1), (3, -2)])
def test_calibration_is_platts(z, p, scale, bias):
    assert Calibration(scale, bias).probability((z - bias) / scale) == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize("logit", [1e3, 1e6, 1e300])
def test_extreme_logits_do_not_overflow(logit):
    calibration = Calibration(2.0, 1.0)
    assert calibration.probability(logit) == 1.0
    assert calibration.probability(-logit) == 0.0


def test_calibration_is_monotonic():
    p = [Calibration(0.7, -0.3).probability(z) for z in np.linspace(-60, 60, 999)]
    assert (np.diff(p) >= 0).all()
    assert (np.diff(p[200:800]) > 0).all()


BENT = Calibration(2.0, 0.5, ((-1.0, -1.5), (0.5, 2.0)))


def test_a_bent_calibration_by_hand():
    for logit, z in ((-3.0, -5.5), (-1.0, -1.5), (0.0, -1.0), (0.5, -0.75), (2.0, 3.0)):
        assert BENT.probability(logit) == pytest.approx(1 / (1 + math.exp(-z)))
    assert BENT.least_slope() == 0.5


@pytest.mark.parametrize(
    "calibration",
    [BENT, Calibration(2.0, 3.0, BENT.bends), Calibration(2.0, -9.0, BENT.bends), Calibration(0.7, -0.3)],
    ids=["after both bends", "between them", "beyond", "no bends"],
)
def test_even_odds_are_found_on_every_stretch(calibration):
    assert calibration.probability(calibration.even_logit()) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "bends",
    [((0.0, -1.0),), ((0.0, -0.6), (1.0, -0.5)), ((1.0, 0.1), (0.0, 0.1))],
    ids=["flat", "falls", "order"],
)
def test_a_calibration_that_does_not_rise_is_refused(bends):
    with pytest.raises(ValueError, match="calibration"):
        Calibration(1.0, 0.0, bends)


def test_a_card_keeps_bends(tmp_path, tiny_model):
    path = tiny_model(tmp_path)
    data = json.loads(path.read_text())
    data["calibration"] = BENT.to_dict()
    data["decision"]["tail_logit"] = 50.0
    path.write_text(json.dumps(data))
    card = read_card(path)
    assert card.calibration == BENT
    assert card.to_dict()["calibration"] == data["calibration"]


@pytest.mark.parametrize("bends", [[[0.0]], [[0.0, "steep"]], [[0.0, float("nan")]], 3])
def test_bends_that_are_no_pairs_of_numbers_are_a_corrupt_card(tmp_path, tiny_model, bends):
    path = tiny_model(tmp_path)
    data = json.loads(path.read_text())
    data["calibration"]["bends"] = bends
    path.write_text(json.dumps(data))
    with pytest.raises(ModelCorrupt):
        read_card(path)


DECISION = Decision(
    false_alarms=0.02, tail_rate=0.1, tail_logit=1.5, tail_scale=0.4, real=0.3, min_face_px=48
)


def test_the_line_by_hand():
    assert DECISION.fake_logit() == pytest.approx(1.5 + 0.4 * math.log(0.1 / 0.02))


def test_the_promised_share_of_real_faces_lies_above_the_line():
    """Real faces as the card describes them: a tenth above ``tail_logit``, exponential from there."""
    rng = np.random.default_rng(0)
    above = DECISION.tail_logit + rng.exponential(DECISION.tail_scale, 20_000)
    logits = np.where(rng.random(20_000) < DECISION.tail_rate, above, DECISION.tail_logit - 1)
    assert 0.017 < (logits > DECISION.fake_logit()).mean() < 0.023


TAMPERED = {
    "scale that turns the score round": {"calibration": {"scale": -1.0, "bias": 0.0}},
    "scale of nothing": {"calibration": {"scale": 0.0, "bias": 0.0}},
    "number too large for a float": {"calibration": {"scale": 10**400, "bias": 0.0}},
    "truth for a number": {"calibration": {"scale": True, "bias": 0.0}},
    "bias that drowns the logit": {"calibration": {"scale": 1.0, "bias": 1e9}},
    "fake below one half": {"decision": {"tail_logit": -50.0}},
    "no false alarms at all": {"decision": {"false_alarms": 0.0}},
    "negative rate": {"decision": {"tail_rate": -1.0}},
    "tail upside down": {"decision": {"tail_scale": -0.5}},
    "real above one half": {"decision": {"real": 0.9}},
    "negative width": {"decision": {"min_face_px": -1.0}},
    "unknown kind": {"kinds": ["swap", "magic"]},
    "kind twice": {"kinds": ["swap", "swap", "generated"]},
    "kinds in kinds": {"kinds": [["swap"]]},
    "hash of nothing": {"sha256": None},
    "no name": {"name": ""},
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_card_that_says_dangerous_nonsense_is_corrupt(tmp_path, tiny_model, change):
    with pytest.raises(ModelCorrupt, match="is not a model card"):
        read_card(tiny_model(tmp_path, **change))


INPUTS = [
    {"dtype": "float32"},
    {"layout": "NCHW"},
    {"colour": "BGR"},
    {"side_px": 160.7},
    {"side_px": 0},
    {"margin": 1e9},
]


@pytest.mark.parametrize("change", INPUTS, ids=str)
def test_an_input_we_do_not_feed_is_corrupt(tmp_path, tiny_model, change):
    plain = {"side_px": 32, "margin": 1.0, "dtype": "uint8", "layout": "NHWC", "colour": "RGB"}
    with pytest.raises(ModelCorrupt):
        read_card(tiny_model(tmp_path, input={**plain, **change}))


def test_a_digest_changes_with_what_the_model_says(tmp_path, tiny_model):
    plain = read_card(tiny_model(tmp_path / "plain")).digest()
    assert (
        read_card(tiny_model(tmp_path / "told", title="other words", details={"scores": {}})).digest()
        == plain
    )
    others = [
        read_card(tiny_model(tmp_path / "gain", gain=0.2)),
        read_card(tiny_model(tmp_path / "scale", calibration={"scale": 2.0, "bias": 0.0})),
        read_card(tiny_model(tmp_path / "limit", decision={"tail_logit": 2.0})),
        read_card(tiny_model(tmp_path / "looks", second_look=[0.0, 1.0])),
    ]
    assert len({plain, *(card.digest() for card in others)}) == 5
