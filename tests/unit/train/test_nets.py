"""The networks: shapes, weights to start from, and what is said about files that are none."""

import sys

import numpy as np
import pytest

from fakeweb import registry
from fakeweb.errors import BadRecipe, MissingExtra, ModelCorrupt
from fakeweb.types import KINDS

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
OUTPUTS = 1 + len(KINDS)


def mobilenet(*arguments):
    return registry.load("net", "mobilenet_v2")(OUTPUTS, *arguments)


def timm_net(*arguments):
    return registry.load("net", "timm")(OUTPUTS, *arguments)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Weights of another seed, as they are published: no head, half precision."""
    torch.manual_seed(3)
    state = {k: v.numpy().astype(np.float16) for k, v in mobilenet().state_dict().items() if "head" not in k}
    path = tmp_path_factory.mktemp("weights") / "features.npz"
    np.savez(path, **state, **{"classifier.weight": np.zeros((1000, 1280), np.float16)})
    return path


@pytest.mark.parametrize("side", [96, 97, 160])
def test_mobilenet_takes_any_side_and_normalises_by_itself(side):
    net = mobilenet().eval()
    with torch.no_grad():
        out = net(torch.full((2, 3, side, side), 255.0))
    assert out.shape == (2, OUTPUTS)
    assert torch.isfinite(out).all()


def test_mobilenet_is_as_large_as_the_paper_says():
    features = sum(p.numel() for k, p in mobilenet().named_parameters() if "head" not in k)
    assert (
        features == 2_223_872 - 17_056
    )  # torchvision's count; batch normalisation is folded: a bias for its two


def test_mobilenet_starts_from_weights_and_keeps_its_own_head(features):
    torch.manual_seed(4)
    net = mobilenet("", features)
    with np.load(features) as arrays:
        for name, value in net.state_dict().items():
            if "head" not in name:
                assert np.array_equal(value.numpy(), arrays[name].astype(np.float32)), name
    assert net.head.weight.shape == (OUTPUTS, 1280)


def broken(folder, features):
    """Files that are no weights of MobileNetV2, by name."""
    with np.load(features) as arrays:
        state = dict(arrays)
    first = next(iter(state))
    some = dict(list(state.items())[:20])
    np.savez(folder / "lacks.npz", **some)
    np.savez(folder / "shape.npz", **{k: v[None] for k, v in state.items()})
    np.savez(folder / "words.npz", **{**state, first: np.array(["a"])})
    np.savez(folder / "object.npz", **{**state, first: np.array([None])})
    np.savez(folder / "empty.npz")
    np.save(folder / "array.npy", np.zeros(3))
    (folder / "nothing.npz").write_bytes(b"")
    (folder / "text.npz").write_bytes(b"hello")
    (folder / "cut.npz").write_bytes(features.read_bytes()[:100_000])


NAMES = ("lacks.npz", "shape.npz", "words.npz", "object.npz", "empty.npz", "array.npy", "nothing.npz", "text.npz",
         "cut.npz")  # fmt: skip


@pytest.fixture(scope="module")
def broken_files(features, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    broken(folder, features)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_mobilenet_refuses_other_files(name, broken_files):
    with pytest.raises(ModelCorrupt, match=name) as caught:
        mobilenet("", broken_files / name)
    assert "train.md" in caught.value.hint


def test_mobilenet_takes_no_argument():
    with pytest.raises(BadRecipe, match="takes no argument, got 'large'"):
        mobilenet("large")


@pytest.fixture
def timm():
    try:
        import timm
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"needs the extra 'train': {error}")
    return timm


def test_timm_by_name_and_from_weights(timm, tmp_path):
    net = timm_net("resnet10t").eval()
    with torch.no_grad():
        assert net(torch.full((2, 3, 64, 64), 128.0)).shape == (2, OUTPUTS)
    state = {k.removeprefix("net."): v + 1 for k, v in net.state_dict().items()}
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    torch.save(state, tmp_path / "net.pth")
    other = timm_net("resnet10t", tmp_path / "net.pth").state_dict()
    assert torch.equal(other["net.conv1.0.weight"], state["conv1.0.weight"])
    assert other["net.fc.weight"].shape == (OUTPUTS, 512)


def test_timm_refuses_what_it_does_not_know(timm, tmp_path):
    with pytest.raises(BadRecipe, match="no network 'resnet51'") as caught:
        timm_net("resnet51")
    assert "resnet" in caught.value.hint
    with pytest.raises(BadRecipe, match="no network ''"):
        timm_net("")
    (tmp_path / "text.pth").write_bytes(b"hello")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    torch.save({"a": "text"}, tmp_path / "words.pth")
    for name in ("text.pth", "other.pth", "words.pth"):
        with pytest.raises(ModelCorrupt, match="does not fit resnet10t") as caught:
            timm_net("resnet10t", tmp_path / name)
        assert "\n" not in caught.value.message


def test_timm_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match="a timm network needs the extra 'train'"):
        timm_net("resnet10t")
