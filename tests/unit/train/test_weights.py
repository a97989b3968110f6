"""Weights to start from, devices, frequency branches, meshes: the smaller parts of a training."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fakeweb import registry
from fakeweb.errors import BadRecipe, DatasetError, MissingExtra, ModelCorrupt, UsageError
from fakeweb.train.classifier.meshes import LabelledMeshes, MeasuredMeshes
from fakeweb.types import Face, Image

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
weights_module = pytest.importorskip("fakeweb.train.weights")
devices = pytest.importorskip("fakeweb.train.devices")
read_state, load_fitting = weights_module.read_state, weights_module.load_fitting


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return torch.nn.ModuleDict({"body": torch.nn.Linear(3, 4), "head": torch.nn.Linear(4, 2)})


def save(path, state):
    if path.suffix == ".npz":
        np.savez(path, **{k: v.numpy() for k, v in state.items()})
    elif path.suffix == ".safetensors":
        pytest.importorskip("safetensors", reason="needs the extra 'train'").torch.save_file(state, path)
    elif path.suffix == ".onnx":
        onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
        constants = [onnx.numpy_helper.from_array(v.numpy(), f"net.{k}") for k, v in state.items()]
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "net", [], [], constants)), str(path))
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors", ".npz", ".onnx"])
def test_every_format_gives_the_same(net, tmp_path, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors.torch", reason="needs the extra 'train'")
    found = read_state(save(tmp_path / f"x{suffix}", net.state_dict()), "net")
    assert found.keys() == net.state_dict().keys()
    assert all(torch.equal(found[k], v) for k, v in net.state_dict().items())


@pytest.mark.parametrize("around", ["state_dict", "model", "module.", "net.", "module.net."])
def test_what_wrappers_add_is_taken_off(net, tmp_path, around):
    state = net.state_dict()
    wrapped = {around: state, "epoch": 3} if "." not in around else {around + k: v for k, v in state.items()}
    found = read_state(save(tmp_path / "x.pt", wrapped), "net")
    assert torch.equal(found["body.weight"], state["body.weight"])


def test_a_checkpoint_gives_its_best(net, tmp_path):
    best = {"net." + k: v + 1 for k, v in net.state_dict().items()}
    state = {"recipe": {}, "net": net.state_dict(), "average": {}, "best": {"state": best}}
    found = read_state(save(tmp_path / "checkpoint.pt", state), "net")
    assert torch.equal(found["body.bias"], net.state_dict()["body.bias"] + 1)


def test_code_in_a_file_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"a": Evil()}, tmp_path / "x.pt")
    with pytest.raises(ModelCorrupt, match="does not fit net"):
        read_state(tmp_path / "x.pt", "net")


def test_new_layers_may_be_missing_or_of_another_width(net, tmp_path):
    other = {**net.state_dict(), "head.weight": torch.zeros(9, 4)}
    found = load_fitting(net, other, tmp_path, "net", ("head",))
    assert not found.lacking
    assert found.unused == ("head.weight",)
    for broken, why in (
        ({}, "lacks body.weight"),
        ({k: v[None] for k, v in other.items()}, "has another shape of body.weight"),
    ):
        with pytest.raises(ModelCorrupt, match=why):
            load_fitting(net, broken, tmp_path, "net", ("head",))


def test_the_mean_of_several_files(net, tmp_path):
    state = net.state_dict()
    shifted = {f"net.{k}": v + 3 for k, v in state.items()}
    paths = [
        save(tmp_path / "a.pt", state),
        save(tmp_path / "b.npz", shifted),
        save(tmp_path / "c.pt", state),
    ]
    found = weights_module.average_states(paths)
    assert all(torch.allclose(found[k], v + 1, atol=1e-6) for k, v in state.items())
    with pytest.raises(UsageError, match="at least two"):
        weights_module.average_states(paths[:1])
    other = save(tmp_path / "d.pt", {**state, "more": torch.zeros(1)})
    with pytest.raises(ModelCorrupt, match="other tensors than"):
        weights_module.average_states([paths[0], other])


def test_safetensors_missing(net, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    (tmp_path / "x.safetensors").write_bytes(b"")
    with pytest.raises(MissingExtra, match="safetensors"):
        read_state(tmp_path / "x.safetensors", "net")


@pytest.mark.parametrize("name", ["mps", "hpu"])
def test_devices_that_are_not_here(name, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match=f"sees no device '{name}'") as caught:
        devices.pick_device(name)
    assert "--device cpu" in caught.value.hint


@pytest.mark.parametrize(("count", "rank", "wanted"), [(1, "0", 0), (1, "3", 0), (4, "3", 3)])
def test_a_gpu_is_taken_by_its_number(monkeypatch, count, rank, wanted):
    """torch.cuda.set_device refuses a device without one."""
    taken = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("LOCAL_RANK", rank)
    assert devices.pick_device("cuda") == torch.device("cuda", wanted)
    assert taken == [torch.device("cuda", wanted)]


def test_half_precision_as_asked():
    cpu = torch.device("cpu")
    x = torch.ones(2, 2)
    for bf16, kind in ((True, torch.bfloat16), (False, torch.float32)):
        with devices.autocast(cpu, bf16):
            assert (x @ x).dtype == kind


@pytest.mark.parametrize("kind", ["srm", "dct"])
def test_a_branch_begins_silent_and_then_speaks(kind):
    net = registry.load("net", kind)(5, "mobilenet_v2").eval()
    x = torch.rand(2, 3, 64, 64) * 255
    with torch.no_grad():
        plain = net.net(x)
        assert torch.equal(net(x), plain)
        torch.nn.init.ones_(net.out.weight)
        assert not torch.allclose(net(x), plain)
        assert torch.allclose(net.with_maps(x, 16)[0], net(x))
    assert net.map_channels(16) == (96, 320)
    assert set(net.head_names) == {"branch", "out", "net.head"}
    with pytest.raises(BadRecipe, match="stands beside another network"):
        registry.load("net", kind)(5)


def test_branches_see_only_details():
    frequency = pytest.importorskip("fakeweb.train.nets.frequency")
    flat = torch.full((1, 3, 32, 32), 77.0)
    assert float(frequency.Residuals()(flat)[..., 4:-4, 4:-4].abs().max()) < 1e-3
    spectrum = frequency.Spectrum()(flat)
    assert float(spectrum[:, 1:].max()) < 1e-3
    assert float(spectrum[:, 0].min()) > 1


class Mesher:
    name = "m"

    def mesh(self, image, faces):
        return [Face(faces[0].box, mesh=np.ones((468, 3)))]


def test_meshes_are_measured_or_looked_up(tmp_path):
    image = Image(np.zeros((9, 9, 3), np.uint8))
    assert MeasuredMeshes(Mesher()).of(tmp_path, image, (0, 0, 5, 5)).min() == 1
    rows = 3
    np.savez(
        tmp_path / "m.npz", path=np.array(["a/1.jpg", "a/1.jpg", "a/2.jpg"]),
        box=np.array([(0, 0, 10, 10), (50, 50, 60, 60), (0, 0, 10, 10)], np.float32),
        mesh=np.stack([np.full((468, 3), v, np.float32) for v in (1, 2, np.nan)]),
        mirrored=np.zeros((rows, 468, 3), np.float32), confidence=np.ones(rows, np.float32),
        points=np.zeros((rows, 5, 2), np.float32), presence=np.ones(rows, np.float32),
        seen=np.array(["a/1.jpg", "a/2.jpg"]),
    )  # fmt: skip
    meshes = LabelledMeshes(tmp_path / "m.npz", [tmp_path / "other", tmp_path])
    assert meshes.of(tmp_path / "a" / "1.jpg", image, (1, 0, 10, 10)).max() == 1
    assert meshes.of(tmp_path / "a" / "1.jpg", image, (50, 50, 61, 60)).max() == 2
    assert meshes.of(tmp_path / "a" / "1.jpg", image, (20, 20, 30, 30)) is None
    assert meshes.of(tmp_path / "a" / "2.jpg", image, (0, 0, 10, 10)) is None
    assert meshes.of(tmp_path / "a" / "3.jpg", image, (0, 0, 10, 10)) is None
    (tmp_path / "bad.npz").write_bytes(b"no")
    with pytest.raises(DatasetError, match="holds no mesh labels"):
        LabelledMeshes(tmp_path / "bad.npz", [tmp_path])


def test_parts_of_a_crew_are_rows_of_one():
    crew = SimpleNamespace(size=1, rank=0)
    rows = np.arange(6).reshape(3, 2)
    assert devices.Crew.interleave(crew, rows, 3) is rows
    assert devices.Crew.total(crew, [1.0, 2.0]) == [1.0, 2.0]
