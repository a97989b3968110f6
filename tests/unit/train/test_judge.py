"""What the judge needs: an evidence map, forged fakes, kept regions, held-out sources, averaged epochs."""

import json
from pathlib import Path

import numpy as np
import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.errors import BadRecipe, ModelMissing, UsageError
from fakeweb.train import Progress
from fakeweb.types import Crop, Face

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")

DATA = 'cache_px = 64\n[data.masks]\npairs = "whole"\nmixed = "whole"\ngenerated = "whole"'
FORGE = '[forge]\nshare = 0.5\nmesher = "toy"\n[forge.methods]\nstripe = 1\n'
EVIDENCE = "[evidence]\nweight = 0.5\nstride = 4\n"
TASK = "fakeweb.train.classifier.task"
LEARNS = {"epochs": 6, "faces_per_epoch": 256, "ema": 0.9, "checkpoint_s": 0}


def kept(weights):
    return {k: v for k, v in weights.items() if k.startswith(("net", "average", "best", "optim"))}


@pytest.fixture(scope="module")
def judged(toy, toy_data, tmp_path_factory):
    """A full training with map, masks, forge, kept regions and averaged epochs, once."""
    from fakeweb.train import run

    folder = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        toy.register("train_toy", patch)
        recipe = toy.write_recipe(
            folder / "toy.toml", net="toymaps", data=DATA, more=FORGE + EVIDENCE, **LEARNS, average_best=3
        )
        return run(recipe, toy_data, folder / "out", workers=0, threads=1, cache=folder / "cache")


def crop(pixels):
    return Crop(np.ascontiguousarray(pixels), Face((0, 0, 32, 32)), np.eye(2, 3, dtype=np.float32))


def test_the_exported_map_tells_where(judged):
    classifier = OnnxClassifier(judged)
    assert json.loads(judged.read_text())["evidence"] == {"side": 8}
    y, x = np.mgrid[0:32, 0:32]
    clean = np.full((32, 32, 3), 120, np.uint8)
    stripes = np.sign(np.sin((x + y) * 2 * np.pi / 6)) * 45
    left = np.where(x[..., None] < 16, clean + stripes[..., None], clean).astype(np.uint8)
    one, other = classifier.score([crop(clean), crop(left)])
    assert one.evidence.shape == other.evidence.shape == (8, 8)
    assert other.evidence[:, :3].mean() > other.evidence[:, 5:].mean() + 0.2
    assert one.p_fake < other.p_fake


def test_what_was_forged_is_a_kind_of_the_model(judged):
    assert "reenacted" in json.loads(judged.read_text())["kinds"]


def test_parity_covers_the_map(judged):
    assert json.loads(judged.read_text())["details"]["parity_max_gap"] < 1e-3


def test_the_kept_regions_lie_in_the_cache(judged):
    cache = judged.parent.parent / "cache"
    assert sorted(p.suffix for p in cache.iterdir()) == [".bin", ".csv", ".csv"]
    assert not list(judged.parent.glob("regions-*"))


def test_a_killed_training_with_all_of_it_ends_alike(train, write_recipe, tmp_path, weights, no_export):
    recipe = write_recipe(
        net="toymaps", data=DATA, more=FORGE + EVIDENCE, checkpoint_s=0, accumulate=2, average_best=2
    )
    train(recipe, tmp_path / "whole")

    class Killed(BaseException):
        pass

    for stop in (("regions", 0, 50), ("train", 1, 2), ("train", 2, 1), ("validate", 0, 1)):

        def tell(progress, stop=stop):
            if (progress.stage, progress.epoch, progress.done) == stop:
                raise Killed

        with pytest.raises(Killed):
            train(recipe, tmp_path / "out", resume=True, on_progress=tell)
    train(recipe, tmp_path / "out", resume=True)
    assert weights(tmp_path / "out") == weights(tmp_path / "whole")
    for name in ("steps.csv", "epochs.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_workers_change_nothing_with_forge_and_regions(train, write_recipe, tmp_path, weights, no_export):
    recipe = write_recipe(net="toymaps", data=DATA, more=FORGE + EVIDENCE, epochs=1)
    train(recipe, tmp_path / "zero", workers=0)
    train(recipe, tmp_path / "two", workers=2)
    assert weights(tmp_path / "zero") == weights(tmp_path / "two")


def test_kept_regions_change_nothing(train, write_recipe, tmp_path, weights, no_export):
    train(write_recipe(), tmp_path / "opened")
    train(write_recipe(data="cache_px = 512"), tmp_path / "kept")
    assert weights(tmp_path / "opened") == weights(tmp_path / "kept")


def test_accumulated_parts_are_the_whole_batch(train, write_recipe, tmp_path, no_export):
    curves = []
    for parts in (1, 4):
        recipe = write_recipe(
            net="toymaps", data=DATA, more=EVIDENCE + "[loss]\npair = 0.2\n", accumulate=parts
        )
        train(recipe, tmp_path / str(parts))
        curves.append(np.loadtxt(tmp_path / str(parts) / "steps.csv", delimiter=",", skiprows=1)[:, 1])
    assert np.allclose(*curves, atol=2e-5)
    assert np.ptp(curves[0]) > 0.01


def test_only_reals_and_the_forge_are_enough_to_learn(toy, train, write_recipe, tmp_path):
    data = toy.make_index(tmp_path / "data", val_times=4)
    recipe = write_recipe(
        net="toymaps",
        data='held_out = ["pairs/fake"]\nskip_sources = ["generated"]\n' + DATA,
        more=FORGE.replace("0.5", "1.0"),
        **LEARNS,
    )
    card = json.loads(train(recipe, tmp_path / "out", data=data).read_text())
    scores = card["details"]["scores"]["held_out"]
    assert scores["faces"]["fake"] == 80
    assert scores["auc_pairs"] > 0.9
    assert card["details"]["held_out"] == ["pairs/fake"]


def test_a_fold_holds_its_sources_out_under_a_name_of_its_own(toy, train, write_recipe, tmp_path):
    data = toy.make_index(tmp_path / "data", val_times=2)
    folds = '[data.folds]\none = ["generated", "genuine"]\n'
    card = train(write_recipe(data=folds, **LEARNS), tmp_path / "out", fold="one", data=data)
    assert card.name == "toy-one.json"
    details = json.loads(card.read_text())["details"]
    assert {row["source"] for row in details["training_data"]} == {"pairs", "mixed"}
    assert "auc_generated" not in details["scores"]["validation_A"]
    assert details["scores"]["held_out"]["auc_generated"] > 0.8
    with pytest.raises(BadRecipe, match="no fold 'two'") as caught:
        train(write_recipe(data=folds), tmp_path / "other", fold="two")
    assert "one" in caught.value.hint


def test_extra_roots_train_together(toy, train, write_recipe, tmp_path, no_export):
    data = toy.make_index(tmp_path / "data")
    extra = toy.make_index(tmp_path / "extra")
    table = (extra / "index.csv").read_text().replace(",pairs,", ",more,")
    (extra / "index.csv").write_text(table)
    seen: list[Progress] = []
    train(write_recipe(epochs=1, data='extra_roots = ["../extra"]'), tmp_path / "out", data=data,
          on_progress=seen.append)  # fmt: skip
    assert max(p.total for p in seen if p.stage == "faces") == 2 * len(table.splitlines()[1:])
    assert "auc_more" in (tmp_path / "out" / "epochs.csv").read_text()


def test_patience_ends_a_training_that_does_not_rise(
    train, write_recipe, tmp_path, monkeypatch, weights, no_export
):
    scores = iter([0.6, 0.7, 0.65, 0.7, 0.9])
    monkeypatch.setattr(f"{TASK}.ClassifierTask.validate", lambda *_: ((s := next(scores)), {"auc_x": s}))
    train(write_recipe(epochs=9, patience=2), tmp_path / "out")
    assert (weights(tmp_path / "out")["step"], weights(tmp_path / "out")["epoch"]) == (4 * 3, 2)


def test_the_best_epochs_are_averaged_where_that_is_better(train, write_recipe, tmp_path, monkeypatch, early):
    scores = iter([0.6, 0.8, 0.7, 0.95, 0.6, 0.8, 0.7, 0.75])
    monkeypatch.setattr(f"{TASK}.ClassifierTask.validate", lambda *_: ((s := next(scores)), {"auc_x": s}))
    finished = []
    monkeypatch.setattr(
        f"{TASK}.finish", lambda result, *rest: finished.append(result) or early(result, *rest)
    )
    for name in ("better", "worse"):
        train(write_recipe(epochs=3, average_best=2), tmp_path / name)
    better, worse = finished
    assert better.averaged == (2, 3)
    assert worse.averaged == ()
    kept = {n: torch.load(tmp_path / n / "checkpoint.pt", weights_only=True) for n in ("better", "worse")}
    states = [entry["state"]["1.weight"] for entry in kept["better"]["top"]]
    assert torch.allclose(better.net.state_dict()["1.weight"], torch.stack(states).mean(0))
    assert torch.equal(worse.net.state_dict()["1.weight"], kept["worse"]["best"]["state"]["1.weight"])


@pytest.mark.parametrize("how", ["backbone", "norm"])
def test_what_is_frozen_stays(train, write_recipe, tmp_path, weights, no_export, toy, how):
    net = {"backbone": "toymaps", "norm": "toy"}[how]
    train(write_recipe(net=net, freeze=f'"{how}"', epochs=1, weight_decay=0.5), tmp_path / "out")
    torch.manual_seed(0)
    before = (toy.build_maps if how == "backbone" else toy.build)(5).state_dict()
    after = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["net"]
    frozen = ("one", "two") if how == "backbone" else ("2.",)
    for name, value in before.items():
        same = torch.equal(value, after[name])
        assert same == name.startswith(frozen), name


def test_a_thawed_backbone_moves(train, write_recipe, tmp_path, no_export, toy):
    train(write_recipe(net="toymaps", freeze='"backbone"', freeze_epochs=1, epochs=2), tmp_path / "out")
    torch.manual_seed(0)
    after = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["net"]
    assert not torch.equal(toy.build_maps(5).state_dict()["one.weight"], after["one.weight"])


def test_a_network_without_names_cannot_be_frozen(train, write_recipe, tmp_path):
    with pytest.raises(BadRecipe, match="does not say which of its layers are new"):
        train(write_recipe(freeze='"backbone"'), tmp_path / "out")


def test_a_network_without_maps_gives_no_evidence(train, write_recipe, tmp_path):
    with pytest.raises(BadRecipe, match="gives no feature maps"):
        train(write_recipe(more=EVIDENCE, data="cache_px = 64"), tmp_path / "out")


def test_two_stages_are_two_networks_in_one_file(train, write_recipe, tmp_path):
    card = train(write_recipe(heads='"two-stage"', net="toymaps", **LEARNS), tmp_path / "out")
    state = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["net"]
    assert not torch.equal(state["net.one.weight"], state["sorter.one.weight"])
    scores = json.loads(card.read_text())["details"]["scores"]["validation_B"]
    assert scores["auc_all"] > 0.9


@pytest.mark.parametrize(
    "keys",
    [
        {"more": "[loss]\npair = 0.3\n"},
        {"optimizer": '"lars"', "lr": 2.0, "trust": 0.05},
        {"optimizer": '"sgd"', "lr": 0.3},
        {"sam": 0.05},
    ],
    ids=["pair", "lars", "sgd", "sam"],
)
def test_each_way_of_learning_learns_the_toy(train, write_recipe, tmp_path, weights, no_export, keys):
    train(write_recipe(net="toymaps", **{**LEARNS, **keys}), tmp_path / "out")
    assert weights(tmp_path / "out")["score"] > 0.85


@pytest.mark.parametrize(("choose", "epoch"), [("best", 1), ("last", 3)])
def test_the_best_epoch_or_the_last(train, write_recipe, tmp_path, no_export, monkeypatch, choose, epoch):
    scores = iter([0.9, 0.7, 0.8])
    monkeypatch.setattr(f"{TASK}.ClassifierTask.validate", lambda *_: ((s := next(scores)), {"auc_x": s}))
    train(write_recipe(epochs=3, choose=f'"{choose}"'), tmp_path / "out")
    state = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    assert state["best"]["epoch"] == epoch
    same = torch.equal(state["best"]["state"]["1.weight"], state["average"]["1.weight"])
    assert same == (choose == "last")


def test_what_is_exported_keeps_a_share_of_the_start(toy, train, write_recipe, tmp_path, early, monkeypatch):
    """Also after a resume, which does not see the file it started from again."""
    chosen = []
    monkeypatch.setattr(
        f"{TASK}.finish", lambda result, *rest: chosen.append(result.net.state_dict()) or early(result, *rest)
    )
    recipe = write_recipe(net="toymaps", keep_start=0.25, epochs=1)
    torch.manual_seed(0)
    start = toy.build_maps(5).state_dict()
    for resume in (False, True):
        train(recipe, tmp_path / "out", resume=resume)
        best = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["best"]["state"]
        for name, value in chosen.pop().items():
            assert torch.allclose(value, 0.75 * best[name] + 0.25 * start[name], atol=1e-6)
            assert not torch.allclose(best[name], start[name], atol=1e-5)
        torch.manual_seed(99)


def test_a_step_uphill_is_as_long_as_asked_and_taken_back():
    """Foret et al.: the gradient is taken at w + length * g / |g|."""
    from fakeweb.train.optimizers import uphill

    net = torch.nn.Linear(3, 2)
    before = [w.detach().clone() for w in net.parameters()]
    (net(torch.ones(1, 3)) ** 2).sum().backward()
    slopes = [w.grad.clone() for w in net.parameters()]
    steep = torch.cat([g.flatten() for g in slopes]).norm()
    with uphill(net, 0.3):
        for now, was, slope in zip(net.parameters(), before, slopes, strict=True):
            assert torch.allclose(now - was, 0.3 * slope / steep, atol=1e-6)
    assert all(torch.equal(now, was) for now, was in zip(net.parameters(), before, strict=True))


def test_a_zoomed_fake_that_shows_nothing_touched_counts_as_real():
    from fakeweb.datasets import Sample
    from fakeweb.train.classifier.loader import NO_KIND, FaceDataset
    from fakeweb.train.classifier.plan import Pick
    from fakeweb.train.classifier.prepare import FaceSample
    from fakeweb.train.classifier.regions import Region
    from fakeweb.train.recipe import AugmentRecipe, DataRecipe, EvidenceRecipe, Recipe

    mask = np.zeros((64, 64), np.uint8)
    mask[:, :24] = 255  # the left three eighths
    region = Region(np.full((96, 96, 3), 90, np.uint8), (8.0, 8.0, 88.0, 88.0), mask=mask)
    faces = [FaceSample(Sample(Path("x"), 1, "swap", "train", "g", "s"), region.box)]
    for zoom in (0.0, 1.0):
        recipe = Recipe(
            "x", "1", "t", data=DataRecipe(side_px=32, cache_px=96, margin=1.1),
            evidence=EvidenceRecipe(weight=1.0), augment=AugmentRecipe(zoom=zoom, rotate_deg=0),
        )  # fmt: skip
        items = [FaceDataset(faces, recipe, None, [region])[Pick(0, (3, i))] for i in range(60)]
        assert all(i["label"] == int(i["mask"].mean() > 0.004) for i in items)
        assert all((i["kind"] == NO_KIND) == (i["label"] == 0) for i in items)
        assert (sum(i["label"] == 0 for i in items) > 5) == bool(zoom)


def test_no_epoch_exports_the_mean_of_what_it_starts_from(
    toy, train, write_recipe, tmp_path, monkeypatch, weights
):
    from fakeweb import registry
    from fakeweb.train.weights import load_fitting, read_state

    def build(outputs, argument="", weights=None):
        net = toy.build_maps(outputs)
        if weights is not None:
            load_fitting(net, read_state(weights, "toy"), weights, "toy", ())
        return net

    monkeypatch.setattr(toy, "build_loaded", build, raising=False)
    monkeypatch.setitem(registry.BUILT_IN["net"], "loaded", "train_toy:build_loaded")
    starts = []
    for seed in range(2):
        torch.manual_seed(seed)
        starts.append(tmp_path / f"{seed}.pt")
        torch.save(toy.build_maps(5).state_dict(), starts[-1])
    recipe = write_recipe(net="loaded", epochs=0)
    card = train(recipe, tmp_path / "out", weights=starts)
    assert "validation_B" in json.loads(card.read_text())["details"]["scores"]
    state = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    one, other = (torch.load(path, weights_only=True) for path in starts)
    for name, value in state["best"]["state"].items():
        assert torch.allclose(value, (one[name] + other[name]) / 2, atol=1e-7)
    first = card.with_suffix(".onnx").read_bytes()
    train(recipe, tmp_path / "out", weights=starts, resume=True)
    assert card.with_suffix(".onnx").read_bytes() == first
    with pytest.raises(UsageError, match="exports what it starts from"):
        train(recipe, tmp_path / "none")
    with pytest.raises(ModelMissing, match="no weights at"):
        train(recipe, tmp_path / "none", weights=[starts[0], tmp_path / "none.pt"])


def test_a_training_goes_on_from_the_map_too(judged, train, write_recipe, tmp_path):
    """Without an epoch what is exported draws the very map that the weights drew."""
    told = []
    recipe = write_recipe(net="toyloads", data=DATA, more=EVIDENCE, epochs=0)
    card = train(
        recipe,
        tmp_path / "out",
        weights=[judged.parent / "weights.npz"],
        on_progress=lambda p: told.append(p.note),
    )
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    (before,), (after,) = (OnnxClassifier(c).score([crop(pixels)]) for c in (judged, card))
    assert after.evidence == pytest.approx(before.evidence, abs=1e-5)
    assert "weights.npz: the map's 8 tensors fitted" in told
