"""Whole trainings of the toy: it learns, is the same for the same seed, and what it exports is what it trained."""

import csv
import json
import logging
import math
import os

import cv2
import numpy as np
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.errors import BadRecipe, DatasetError, LayoutMismatch, ModelMissing, UnknownName, UsageError
from fakeweb.faces import align
from fakeweb.media import read_image
from fakeweb.train import Progress, run
from fakeweb.types import Face

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")

LEARNS = {"epochs": 4, "faces_per_epoch": 256, "ema": 0.9}
LICENCES = '[data.licences]\npairs = "CC0"'


@pytest.fixture(scope="module")
def trained(toy, toy_data, tmp_path_factory):
    """A full training, once: its folder and what it told on the way."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        toy.register("train_toy", patch)
        recipe = toy.write_recipe(
            folder / "toy.toml",
            seed=4,
            data=LICENCES,
            more="[calibration]\nmin_face_px = 20",
            **{**LEARNS, "epochs": 8},
        )
        seen: list[Progress] = []
        card = run(recipe, toy_data, folder / "out", workers=0, threads=1, on_progress=seen.append)
    return card, seen


def rows(path):
    with path.open(newline="") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def crops(toy_data, side_px=32, margin=1.0):
    """Every validation crop with its label."""
    with (toy_data / "index.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["split"] == "val":
                image = read_image(toy_data / row["path"]).image
                side = 0.7 * min(image.width, image.height)
                x, y = (image.width - side) / 2, (image.height - side) / 2
                yield align(image, Face((x, y, x + side, y + side)), side_px, margin=margin), row["label"]


def test_the_loss_falls_and_the_toy_is_learned(trained):
    card, _ = trained
    loss = [row["loss"] for row in rows(card.parent / "steps.csv")]
    assert len(loss) == 8 * 16
    assert np.mean(loss[-16:]) < 0.7 * np.mean(loss[:8])
    assert rows(card.parent / "epochs.csv")[-1]["score"] > 0.9
    scores = json.loads(card.read_text())["details"]["scores"]
    assert set(scores) == {"validation_A", "validation_B", "validation_B_degraded"}
    assert all(s["auc_all"] > 0.9 for s in scores.values())


def test_each_epoch_tells_loss_and_accuracy_of_what_it_learned_and_of_validation(trained):
    card, _ = trained
    told = rows(card.parent / "epochs.csv")
    assert list(told[0])[-4:] == ["loss", "accuracy", "train_loss", "train_accuracy"]
    assert told[-1]["train_loss"] < 0.7 * told[0]["train_loss"]
    assert told[-1]["loss"] < 0.7 * told[0]["loss"]
    assert told[-1]["accuracy"] > 0.85
    assert told[-1]["train_accuracy"] > 0.8 > told[0]["train_accuracy"]
    steps = [row["loss"] for row in rows(card.parent / "steps.csv")]  # no other loss is in this recipe
    assert told[0]["train_loss"] == pytest.approx(np.mean(steps[:16]), rel=0.02)


def test_the_best_epochs_are_kept_and_can_be_gone_on_from(train, write_recipe, tmp_path, no_export):
    keys = {**LEARNS, "schedule": '"plateau"', "every": 1, "gamma": 0.5}
    out = train(write_recipe(**keys, keep_top=2), tmp_path / "out").parent
    scores = {int(row["epoch"]): row["score"] for row in rows(out / "epochs.csv")}
    best = sorted(scores, key=lambda e: (-scores[e], e))[:2]
    assert {p.name for p in out.glob("epoch-*.npz")} == {f"epoch-{e:04}.npz" for e in best}
    chosen, kept = (np.load(out / name) for name in ("weights.npz", f"epoch-{best[0]:04}.npz"))
    assert all(np.array_equal(chosen[name], kept[name]) for name in chosen.files)
    rates = [row["lr"] for row in rows(out / "steps.csv")]
    assert len(set(rates[-16:])) == 1  # no cosine


def test_the_rate_rises_and_falls_once(trained):
    card, _ = trained
    rates = [row["lr"] for row in rows(card.parent / "steps.csv")]
    top = int(np.argmax(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(0.02, rel=1e-2)


def test_the_classifier_gives_what_torch_gives(trained, toy, toy_data):
    card, _ = trained
    net = toy.build(5)
    net.load_state_dict(torch.load(card.parent / "checkpoint.pt", weights_only=True)["best"]["state"])
    classifier = OnnxClassifier(card)
    some = [crop for crop, _ in crops(toy_data)]
    with torch.no_grad():
        pixels = torch.from_numpy(np.stack([c.pixels for c in some]))
        ours = net.eval()(pixels.permute(0, 3, 1, 2).float()).numpy()
    scores = classifier.score(some)
    assert np.allclose([s.logit for s in scores], ours[:, 0], atol=1e-4)
    shares = np.exp(ours[:, [1, 3, 4]])  # swap, retouch, generated: nothing was reenacted
    shares /= shares.sum(1, keepdims=True)
    assert list(scores[0].kinds) == ["swap", "retouch", "generated"]
    assert np.allclose([list(s.kinds.values()) for s in scores], shares, atol=1e-4)


def test_thresholds_and_figures_hold_for_the_classifier(trained, toy_data):
    card, _ = trained
    classifier = OnnxClassifier(card)
    limits = classifier.thresholds()
    assert limits.real <= 0.5 <= limits.fake
    p = {"real": [], "fake": []}
    for crop, label in crops(toy_data):
        p[label].append(classifier.score([crop])[0].p_fake)
    scores = json.loads(card.read_text())["details"]["scores"]
    sizes = {k: sum(scores[s]["faces"][k] for s in ("validation_A", "validation_B")) for k in p}
    assert {k: len(v) for k, v in p.items()} == sizes
    called = sum(
        scores[s]["fake_called_fake"] * scores[s]["faces"]["fake"] for s in ("validation_A", "validation_B")
    )
    assert sum(v >= limits.fake for v in p["fake"]) == pytest.approx(called, abs=0.02)


def test_a_second_look_counts_in_the_card_as_in_the_classifier(train, write_recipe, tmp_path, toy, toy_data):
    wide = "[calibration]\nmin_face_px = 20\nsecond_look = [0.8, 0.8]"
    recipe = write_recipe(data=LICENCES, more=wide, **{**LEARNS, "epochs": 2})
    card = json.loads(train(recipe, tmp_path / "out").read_text())
    low, high = card["second_look"]
    net = toy.build(5)
    net.load_state_dict(torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["best"]["state"])
    labelled = list(crops(toy_data))
    pixels = torch.from_numpy(np.stack([c.pixels for c, _ in labelled])).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        first, mirrored = (net.eval()(view).numpy()[:, 0] for view in (pixels, pixels.flip(3)))
    twice = (low < first) & (first < high)
    assert 0.5 < twice.mean() < 1
    classifier = OnnxClassifier(tmp_path / "out" / "toy.json")
    scores = classifier.score([c for c, _ in labelled])
    expected = np.where(twice, (first + mirrored) / 2, first)
    assert np.allclose([s.logit for s in scores], expected, atol=1e-4)
    assert np.abs(expected - first).max() > 1e-3, "or nothing is shown"
    limit, told = classifier.thresholds().fake, card["details"]["scores"]
    called = sum(
        told[s]["fake_called_fake"] * told[s]["faces"]["fake"] for s in ("validation_A", "validation_B")
    )
    fakes = [s.p_fake for s, (_, label) in zip(scores, labelled, strict=True) if label == "fake"]
    assert sum(p >= limit for p in fakes) == pytest.approx(called, abs=0.02)


def test_the_model_is_one_file_for_any_batch_without_paths_of_this_machine(trained):
    card, _ = trained
    path = card.with_suffix(".onnx")
    assert [p.name for p in sorted(card.parent.glob("toy*"))] == ["toy.json", "toy.onnx"]
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert all(t.data_location == t.DEFAULT for t in model.graph.initializer)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 18)]
    assert path.stat().st_size < 4 * 3000 + 8000  # the weights, and not much more
    raw = path.read_bytes()
    for trace in (b"stack_trace", b'File "', b".py", str(card.parent).encode(), b"fakeweb"):
        assert trace not in raw
    session = pytest.importorskip("onnxruntime").InferenceSession(raw)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    five = session.run(None, {"pixels": pixels})
    assert [v.shape for v in five] == [(5,), (5, 3)]
    for i in range(5):
        assert np.allclose(session.run(["logit"], {"pixels": pixels[i : i + 1]})[0], five[0][i], atol=1e-4)


def test_the_card_is_strict_json_and_knows_its_origin(trained, toy_data):
    card, _ = trained
    text = card.read_text(encoding="utf-8")

    def refuse(name):
        raise AssertionError(name)

    values = json.loads(text, parse_constant=refuse)
    assert str(card.parent) not in text
    assert str(toy_data) not in text
    details = values["details"]
    assert details["training_data"] == [
        {"source": "generated", "real": 0, "fake": 8, "licence": "unknown"},
        {"source": "genuine", "real": 8, "fake": 0, "licence": "unknown"},
        {"source": "mixed", "real": 10, "fake": 10, "licence": "unknown"},
        {"source": "pairs", "real": 20, "fake": 20, "licence": "CC0"},
    ]
    assert details["recipe"]["optim"]["epochs"] == 8
    assert details["left_out"] == {}
    assert 1 <= details["selected_epoch"] <= 8
    assert details["parity_max_gap"] < 1e-4
    assert (values["name"], values["version"]) == ("toy", "1")


def test_progress_tells_each_stage_and_ends(trained):
    _, seen = trained
    stages = list(dict.fromkeys(p.stage for p in seen))
    assert stages == ["faces", "train", "validate", "export"]
    assert seen[-1] == Progress("export", 1, 1)
    steps = [p for p in seen if p.stage == "train" and not p.note]
    assert [(p.epoch, p.done) for p in steps] == [(e, s) for e in range(1, 9) for s in range(1, 17)]
    assert all(p.total == 16 and p.epochs == 8 and math.isfinite(p.loss) for p in steps)
    assert sum("score" in p.note for p in seen) == 8


def test_a_second_run_gives_the_same_bytes_and_both_are_silent(train, write_recipe, tmp_path, weights, capfd):
    handlers = list(logging.getLogger().handlers)
    one = train(write_recipe(**LEARNS), tmp_path / "one")
    two = train(write_recipe(**LEARNS), tmp_path / "two")
    assert weights(tmp_path / "one") == weights(tmp_path / "two")
    assert one.with_suffix(".onnx").read_bytes() == two.with_suffix(".onnx").read_bytes()
    assert one.read_bytes() == two.read_bytes()
    for name in ("steps.csv", "epochs.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers


def test_workers_change_nothing_and_a_seed_changes_all(train, write_recipe, tmp_path, weights, no_export):
    train(write_recipe(), tmp_path / "zero", workers=0)
    train(write_recipe(), tmp_path / "one", workers=1)
    train(write_recipe(seed=1), tmp_path / "seed", workers=0)
    zero = weights(tmp_path / "zero")
    assert zero == weights(tmp_path / "one")
    assert zero.keys() == weights(tmp_path / "seed").keys()
    assert zero["net.1.weight"] != weights(tmp_path / "seed")["net.1.weight"]
    assert zero["average.1.weight"] != weights(tmp_path / "seed")["average.1.weight"]


def test_bfloat16_where_the_recipe_asks(train, write_recipe, tmp_path, weights, no_export):
    train(write_recipe(bf16="true", epochs=1), tmp_path / "half")
    train(write_recipe(epochs=1), tmp_path / "full")
    assert weights(tmp_path / "half")["net.1.weight"] != weights(tmp_path / "full")["net.1.weight"]


def test_plain_folders_train_without_kinds_and_without_nan(toy, train, write_recipe, tmp_path):
    data = toy.make_index(tmp_path / "data", val_times=2)
    with (data / "index.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):  # sources of one label each, so that some figures do not exist
            place = data / row["split"] / f"{row['source']}-{row['label']}" / row["label"] / row["group"]
            place.mkdir(parents=True, exist_ok=True)
            (data / row["path"]).rename(place / row["path"].replace("/", "-"))
    card = train(write_recipe(**LEARNS, data='layout = "folders"'), tmp_path / "out", data=data)
    text = card.read_text()
    assert "NaN" not in text
    scores = json.loads(text)["details"]["scores"]["validation_A"]
    assert scores["kind_accuracy_of_detected"] is None
    assert scores["auc_two_class_sources"] is None
    assert scores["auc_all"] > 0.9
    assert json.loads(text)["kinds"] == []
    crop = align(read_image(min(data.rglob("*.png"))).image, Face((10, 10, 50, 50)), 32, margin=1.0)
    assert OnnxClassifier(card).score([crop])[0].kinds is None


def test_what_is_left_out_is_told_listed_and_counted(toy, train, write_recipe, tmp_path):
    data = toy.make_index(tmp_path / "data")
    (data / "pairs" / "000.png").write_bytes(b"no picture")
    (data / "pairs" / "001.png").unlink()
    blank = data / "pairs" / "002.png"
    cv2.imwrite(str(blank), np.zeros((64, 64, 3), np.uint8))
    seen = []
    card = train(write_recipe(**LEARNS), tmp_path / "out", data=data, on_progress=seen.append)
    (note,) = [p.note for p in seen if p.stage == "faces" and p.note]
    assert note.startswith("3 of 156 pictures left out (2 x cannot be read, 1 x no face found), see ")
    with (tmp_path / "out" / "left_out.csv").open(newline="") as stream:
        listed = {row["path"]: row["reason"] for row in csv.DictReader(stream)}
    assert list(listed) == [str(data / "pairs" / f"00{i}.png") for i in range(3)]
    assert listed[str(blank)] == "no face found"
    text = card.read_text()
    assert json.loads(text)["details"]["left_out"] == {"cannot be read": 2, "no face found": 1}
    assert str(data) not in text


def test_the_split_test_is_never_opened(toy, train, write_recipe, tmp_path, no_export):
    data = toy.make_index(tmp_path / "data")
    with (data / "index.csv").open("a") as stream:
        stream.write("none.png,exam,fake,swap,test,g\n")
    train(write_recipe(epochs=1), tmp_path / "out", data=data)
    assert (tmp_path / "out" / "left_out.csv").read_text() == "path,reason\n"


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("damage", ["gone", "smaller"])
def test_a_picture_that_changes_after_its_face_was_found(
    toy, train, write_recipe, tmp_path, no_export, workers, damage
):
    data = toy.make_index(tmp_path / "data")

    def spoil(progress):
        if progress.stage == "faces" and progress.done == progress.total:
            for path in (data / "pairs").glob("*.png"):
                if damage == "gone":
                    path.unlink()
                else:
                    path.write_bytes((data / "tiny.png").read_bytes())

    cv2.imwrite(str(data / "tiny.png"), np.full((8, 8, 3), 9, np.uint8))
    with pytest.raises(DatasetError, match="changed since its face was found") as caught:
        train(write_recipe(), tmp_path / "out", data=data, workers=workers, on_progress=spoil)
    assert "\n" not in caught.value.message
    assert "faces-*.csv" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"device": "cuda"}, UsageError, "sees no device 'cuda'"),
        ({"device": "cuda:7"}, UsageError, "sees no device 'cuda:7'"),
        ({"device": "gpu"}, UsageError, "no device is called 'gpu'"),
        ({"device": "meta"}, UsageError, "no device is called 'meta'"),
        ({"weights": "none.npz"}, ModelMissing, "no weights at none.npz"),
        ({"finder_model": "yunet.onnx"}, UsageError, "the finder 'toy' takes no model file"),
        ({"data": "nowhere"}, LayoutMismatch, r"no index\.csv in nowhere"),
    ],
)
def test_what_cannot_work_fails_at_once(train, write_recipe, tmp_path, monkeypatch, options, error, message):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(error, match=message) as caught:
        train(write_recipe(), tmp_path / "out", **options)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ({"net": "toyy"}, UnknownName, "no net is called 'toyy'"),
        ({"net": "mobilenet_v2:big"}, BadRecipe, "takes no argument"),
        ({"data": 'layout = "index2"'}, UnknownName, "no layout is called 'index2'"),
        (
            {"data": 'skip_sources = ["pairs", "mixed", "generated", "genuine"]'},
            DatasetError,
            "no labelled picture",
        ),
        ({"data": 'skip_sources = ["genuine", "pairs"]'}, DatasetError, "groups A. holds 8 real and 14 fake"),
        ({"data": 'skip_sources = ["genuine", "pairs", "mixed"]'}, DatasetError, "train holds 0 real"),
    ],
)
def test_what_the_recipe_or_the_data_cannot_give(train, write_recipe, tmp_path, recipe, error, message):
    with pytest.raises(error, match=message):
        train(write_recipe(**recipe), tmp_path / "out")


def test_an_output_folder_that_cannot_be(train, write_recipe, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        train(write_recipe(), tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (torch.nn.Flatten(), r"gives \(2, 3072\), not \(2, 5\)"),
        (torch.nn.Linear(7, 5), "does not take 32 px"),
    ],
)
def test_a_network_that_does_not_fit(train, write_recipe, tmp_path, toy, monkeypatch, module, message):
    monkeypatch.setattr(toy, "build", lambda *_: torch.nn.Sequential(module, torch.nn.Identity()))
    with pytest.raises(BadRecipe, match=message):
        train(write_recipe(), tmp_path / "out")


def test_a_worker_that_dies_is_an_error_with_a_way_out(train, write_recipe, tmp_path, no_export, monkeypatch):
    monkeypatch.setattr("fakeweb.train.batches.collate", lambda _: os._exit(1))
    with pytest.raises(UsageError, match="a process that prepares batches has died") as caught:
        train(write_recipe(), tmp_path / "out", workers=1)
    assert "--workers 0" in caught.value.hint


def test_a_device_without_memory(train, write_recipe, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried ...")

    monkeypatch.setattr("fakeweb.train.classifier.task.loss_of", full)
    with pytest.raises(UsageError, match="too little memory for batches of 16"):
        train(write_recipe(), tmp_path / "out")


def test_a_training_that_comes_apart_says_so_and_saves_nothing(
    train, write_recipe, tmp_path, toy, monkeypatch
):
    class Explodes(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(5))

        def forward(self, x):
            return x.mean((1, 2, 3))[:, None] * 0 + self.weight * (math.inf if self.training else 1)

    monkeypatch.setattr(toy, "build", lambda *_: Explodes())
    with pytest.raises(BadRecipe, match="came apart: the loss is nan at step 1") as caught:
        train(write_recipe(), tmp_path / "out")
    assert "lr" in caught.value.hint
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def test_a_training_that_learned_nothing_has_figures_and_is_not_for_use(
    train, write_recipe, tmp_path, toy, toy_data, monkeypatch
):
    class Backwards(torch.nn.Module):
        """Says the less the more stripes there are."""

        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.full((5,), 1e-2))

        def forward(self, x):
            return -(x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3))[:, None] * self.scale

    monkeypatch.setattr(toy, "build", lambda *_: Backwards())
    seen = []
    card = train(write_recipe(lr=1e-9, epochs=1), tmp_path / "out", on_progress=seen.append)
    details = json.loads(card.read_text())["details"]
    assert "does not rank validation fakes above reals" in details["not_for_use"]
    assert details["limits"][0].startswith("Not for use: the model does not rank")
    assert details["scores"]["validation_B"]["auc_all"] < 0.5
    assert [p.note for p in seen if p.note.startswith("not for use: ")]
    classifier = OnnxClassifier(card)
    limits = classifier.thresholds()
    scores = classifier.score([crop for crop, _ in crops(toy_data)])
    assert all(limits.real < score.p_fake < limits.fake for score in scores), "it never decides"
