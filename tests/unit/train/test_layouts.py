"""Weights of other libraries: what fits is loaded and told, what hardly fits is refused."""

import cv2
import numpy as np
import pytest

from fakeweb import registry
from fakeweb.datasets import read_samples
from fakeweb.errors import ModelCorrupt, ModelMissing
from fakeweb.media import read_image
from fakeweb.runtime import weights as store
from fakeweb.types import KINDS

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
from fakeweb.train.layouts import fit  # noqa: E402 - needs torch
from fakeweb.train.weights import load_fitting, read_state, told_fits  # noqa: E402


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, bias=False)
        self.norm = torch.nn.BatchNorm2d(4)
        self.depthwise = torch.nn.Conv2d(4, 4, 3, groups=4)
        self.dense = torch.nn.Linear(4, 6)
        self.head = torch.nn.Linear(6, 2)


def test_other_names_are_matched_by_order_and_role(tmp_path):
    net = Net()
    theirs = {f"features.{i}": v + 1 for i, v in enumerate(net.state_dict().values())}
    names = ("a.weight", "b.weight", "b.bias", "b.running_mean", "b.running_var", "b.num_batches_tracked", "c.weight",
             "c.bias", "d.weight", "d.bias", "classifier.weight")  # fmt: skip
    state = dict(zip(names, [*list(theirs.values())[:10], torch.zeros(1000, 6)], strict=True))
    found = load_fitting(net, state, tmp_path / "theirs.pth", "net", ("head",))
    assert found.by_order == 9
    assert found.unused == ("classifier.weight",)
    assert torch.equal(net.norm.running_var, state["b.running_var"])
    assert torch.equal(net.norm.weight, state["b.weight"])
    assert told_fits(net) == [
        "theirs.pth: 9 tensors fitted (9 by order, since the names differ), 1 were not used (classifier.weight)"
    ]


def test_what_is_missing_is_told_and_under_half_is_refused(tmp_path):
    net = Net()
    state = {k: v for k, v in net.state_dict().items() if k != "dense.bias"}
    found = load_fitting(net, state, tmp_path / "a.pth", "net", ("head",))
    assert found.lacking == ("dense.bias",)
    assert "1 stay new (dense.bias)" in told_fits(net)[0]
    few = {k: v for k, v in state.items() if k.startswith(("conv", "depthwise"))}
    with pytest.raises(ModelCorrupt, match="6 of 9 tensors are missing, it lacks norm"):
        load_fitting(net, few, tmp_path / "a.pth", "net", ("head",))
    with pytest.raises(ModelCorrupt, match=r"lacks dense\.bias"):
        load_fitting(net, state, tmp_path / "a.pth", "net", ("head",), whole=True)


def test_layers_of_keras_come_in_their_order_of_axes(tmp_path):
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    layers = {
        "conv": {"kernel": rng.random((3, 3, 3, 4), np.float32)},
        "bn": {k: rng.random(4, np.float32) for k in ("gamma", "beta", "moving_mean", "moving_variance")},
        "dw": {"depthwise_kernel": rng.random((3, 3, 4, 1), np.float32), "bias": rng.random(4, np.float32)},
        "fc": {"kernel": rng.random((4, 6), np.float32), "bias": rng.random(6, np.float32)},
    }
    with h5py.File(tmp_path / "net.h5", "w") as file:
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            for kind, values in arrays.items():
                root.create_dataset(f"{name}/{name}/{kind}:0", data=values)
    net = Net()
    load_fitting(net, read_state(tmp_path / "net.h5", "net"), tmp_path / "net.h5", "net", ("head",))
    assert np.array_equal(net.conv.weight.detach().numpy(), layers["conv"]["kernel"].transpose(3, 2, 0, 1))
    assert np.array_equal(
        net.depthwise.weight.detach()[:, 0].numpy(),
        layers["dw"]["depthwise_kernel"][..., 0].transpose(2, 0, 1),
    )
    assert np.array_equal(net.dense.weight.detach().numpy(), layers["fc"]["kernel"].T)
    assert np.array_equal(net.norm.weight.detach().numpy(), layers["bn"]["gamma"])
    assert np.array_equal(net.norm.running_var.numpy(), layers["bn"]["moving_variance"])
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\nno")
    with pytest.raises(ModelCorrupt, match=r"bad\.h5 does not fit"):
        read_state(tmp_path / "bad.h5", "net")


def test_keras_residual_blocks_have_their_shortcut_last_and_no_bias_before_a_norm(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        names = [f"conv2_block1_{i}_{kind}" for i in (1, 0, 3) for kind in ("conv", "bn")] + ["post"]
        file.attrs["layer_names"] = names
        for name in names:
            if name.endswith("conv"):
                file[f"{name}/kernel:0"], file[f"{name}/bias:0"] = np.ones((1, 1, 2, 2)), np.full(2, 5.0)
            else:
                for kind in ("gamma", "beta", "moving_mean", "moving_variance"):
                    file[f"{name}/{kind}:0"] = np.ones(2)
    state = read_state(tmp_path / "net.h5", "net")
    assert [k.partition(".")[0] for k in state if k.endswith("weight")] == [
        "conv2_block1_1_conv", "conv2_block1_1_bn", "conv2_block1_3_conv", "conv2_block1_3_bn", "conv2_block1_0_conv",
        "conv2_block1_0_bn", "post",
    ]  # fmt: skip
    assert not [k for k in state if "conv.bias" in k]
    assert float(state["conv2_block1_1_bn.running_mean"][0]) == -4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("resnet18", "resnet18"), ("mobilenet_v2", "mobilenetv2_100"), ("efficientnet_b0", "efficientnet_b0"),
     ("vgg11", "vgg11"), ("vit_b_16", "vit_base_patch16_224"), ("convnext_tiny", "convnext_tiny")],
)  # fmt: skip
def test_networks_of_torchvision_say_the_same_in_timm(theirs, ours):
    timm = pytest.importorskip("timm", exc_type=ImportError)
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    first, second = getattr(models, theirs)().eval(), timm.create_model(ours).eval()
    for module in first.modules():
        if getattr(module, "running_var", None) is not None:
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    found = fit(second.state_dict(), first.state_dict(), (second.default_cfg["classifier"],))
    assert not found.lacking
    second.load_state_dict(found.fits, strict=False)
    second.reset_classifier(0)
    last = next(name for name in ("fc", "heads", "classifier") if hasattr(first, name))
    part = getattr(first, last)
    if last == "classifier":
        part[-1] = torch.nn.Identity()
    else:
        setattr(first, last, torch.nn.Identity())
    x = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(first(x), second(x), atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_a_fetched_network_knows_animals_from_vehicles(data):
    """EfficientNet-Lite0 in timm's network: the first 398 classes of ImageNet are animals."""
    timm = pytest.importorskip("timm", exc_type=ImportError)
    try:
        path = store.find_weights("efficientnet-lite0")
    except ModelMissing as error:
        pytest.skip(f"{error.message}: {error.hint}")
    samples, _, _ = read_samples(data, "index", {})
    net = timm.create_model("tf_efficientnet_lite0").eval()
    assert not load_fitting(net, read_state(path, "it"), path, "it", ()).lacking
    right = []
    for word in ("animal", "vehicle"):
        for sample in [s for s in samples if s.source == "content" and word in str(s.path)][::30]:
            pixels = cv2.resize(
                read_image(sample.path).image.pixels, (224, 224), interpolation=cv2.INTER_AREA
            )
            x = torch.from_numpy((pixels.astype(np.float32) - 127) / 128).permute(2, 0, 1)[None]
            with torch.no_grad():
                right.append((int(net(x).argmax()) < 398) == (word == "animal"))
    assert len(right) >= 20
    assert np.mean(right) > 0.85


def test_weights_go_by_the_name_they_were_fetched_by(
    train, write_recipe, tmp_path, monkeypatch, toy_data, capsys
):
    """`--weights NAME`: what fitted is told; what was not fetched says how it is."""
    from fakeweb.train import run

    monkeypatch.setattr(store, "user_folder", lambda: tmp_path / "user" / "models")
    recipe = write_recipe(net="toyloads")
    with pytest.raises(ModelMissing) as caught:
        run(recipe, toy_data, tmp_path / "out", weights=["mobilenet-v2"])
    assert "fakeweb models fetch mobilenet-v2" in caught.value.hint
    path = tmp_path / "user" / "weights" / "toynet.npz"
    path.parent.mkdir(parents=True)
    torch.manual_seed(1)
    net = registry.load("net", "toyloads")(1 + len(KINDS))
    np.savez(path, **{k: v.numpy() for k, v in net.state_dict().items()})
    entry = store.Weights(
        name="toynet", about="", licence="", package="p==1", suffix=".npz", sha256=store.sha256_of(path)
    )
    monkeypatch.setattr(store, "weights_table", lambda: {"toynet": entry})
    monkeypatch.setattr("fakeweb.train.origin.weights_table", store.weights_table)
    said = []
    run(
        recipe,
        toy_data,
        tmp_path / "named",
        weights="toynet",
        workers=0,
        on_progress=lambda p: said.append(p.note),
    )
    assert "toynet.npz: 6 tensors fitted" in said
