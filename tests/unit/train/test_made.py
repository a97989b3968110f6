"""Graphs made of public weights: what they compute, and files that hold none."""

import struct
from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from fakeweb.errors import ModelCorrupt  # noqa: E402
from fakeweb.train.made import ncnn, taesd  # noqa: E402
from fakeweb.train.made.pickled import read_pickled  # noqa: E402

F = torch.nn.functional


def run(content, picture):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(
        None, {"image": picture}
    )[0]


@pytest.fixture
def picture():
    return np.random.default_rng(0).uniform(0, 1, (1, 3, 24, 32)).astype(np.float32)


def test_torchs_files_are_read_without_torch(tmp_path):
    state = OrderedDict(a=torch.randn(2, 3, 3, 3).half(), b=torch.randn(5))
    torch.save(state, tmp_path / "a.pth")
    read = read_pickled(tmp_path / "a.pth")
    assert list(read) == ["a", "b"]
    assert all(np.array_equal(read[k], state[k].float().numpy()) for k in state)


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def test_a_file_that_would_run_something_is_refused(tmp_path, capsys):
    torch.save({"a": Evil()}, tmp_path / "a.pth")
    with pytest.raises(ModelCorrupt, match="no part of a state dict"):
        read_pickled(tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(b"not a zip")
    with pytest.raises(ModelCorrupt, match="no tensors"):
        read_pickled(tmp_path / "b.pth")
    assert "run" not in capsys.readouterr().out


def conv(state, name, out, into, *, bias=True, side=3, gain=0.05):
    state[f"{name}.weight"] = torch.randn(out, into, side, side) * gain
    if bias:
        state[f"{name}.bias"] = torch.randn(out) * gain


def random_state(kinds, latent):
    """Weights of an encoder or decoder as they lie in the public files."""
    state = OrderedDict()
    ends = (3, latent) if kinds[0] == "conv" else (latent, 3)
    convs = [i for i, kind in enumerate(kinds) if kind in ("conv", "down")]
    for number, kind in enumerate(kinds):
        if kind in ("conv", "down"):
            into = ends[0] if number == convs[0] else 64
            out = ends[1] if number == convs[-1] else 64
            conv(state, str(number), out, into, bias=number in (convs[0], convs[-1]))
        elif kind == "block":
            for inner in (0, 2, 4):
                conv(state, f"{number}.conv.{inner}", 64, 64)
            if number in (11, 12, 13) or (kinds[0] == "clamp" and number in (3, 4, 5)):
                conv(state, f"{number}.pool.0", 256, 64, bias=False, side=1)
                state[f"{number}.pool.1.weight"], state[f"{number}.pool.1.bias"] = (
                    torch.rand(256),
                    torch.rand(256),
                )
                conv(state, f"{number}.pool.3", 64, 256, bias=False, side=1)
    return state


def by_torch(x, state, kinds):
    """The same, as the public code computes it."""
    for number, kind in enumerate(kinds):
        if kind == "clamp":
            x = torch.tanh(x / 3) * 3
        elif kind == "relu":
            x = F.relu(x)
        elif kind == "up":
            x = F.interpolate(x, scale_factor=2)
        elif kind == "block":
            if f"{number}.pool.0.weight" in state:
                wide = F.conv2d(x, state[f"{number}.pool.0.weight"])
                wide = F.group_norm(wide, 4, state[f"{number}.pool.1.weight"], state[f"{number}.pool.1.bias"])
                x = x + F.conv2d(F.relu(wide), state[f"{number}.pool.3.weight"])
            inner = x
            for i in (0, 2, 4):
                inner = F.conv2d(
                    inner, state[f"{number}.conv.{i}.weight"], state[f"{number}.conv.{i}.bias"], padding=1
                )
                inner = inner if i == 4 else F.relu(inner)
            x = F.relu(inner + x)
        else:
            stride = 2 if kind == "down" else 1
            x = F.conv2d(x, state[f"{number}.weight"], state.get(f"{number}.bias"), stride=stride, padding=1)
    return x


def test_the_tiny_autoencoder_computes_what_torch_does(tmp_path, picture):
    torch.manual_seed(1)
    states = [random_state(kinds, 32) for kinds in (taesd._ENCODER, taesd._DECODER)]
    files = [tmp_path / "encoder.pth", tmp_path / "decoder.pth"]
    for state, file in zip(states, files, strict=True):
        torch.save(state, file)
    content, _ = taesd.taef2(files)
    x = torch.from_numpy(picture)
    for state, kinds in zip(states, (taesd._ENCODER, taesd._DECODER), strict=True):
        x = by_torch(x, state, kinds)
    made = run(content, picture)
    assert made.std() > 0.01
    assert np.allclose(made, x.clamp(0, 1).numpy(), atol=1e-4)


PARAM = """7767517
9 10
Input input 0 1 data
MemoryData mean 0 1 mean 0=1 1=1 2=3
BinaryOp sub 2 1 data mean centred 0=1
Convolution conv 1 1 centred wide 0=4 1=3 4=1 5=1 6=108 9=2 -23310=1,0.1
Split split 1 2 wide one two
Swish swish 1 1 one soft
BinaryOp mul 2 1 soft two both 0=2
Convolution last 1 1 both deep 0=12 1=1 5=1 6=48
PixelShuffle shuffle 1 1 deep out 0=2
"""


def test_ncnns_networks_compute_what_their_layers_say(tmp_path, picture):
    rng = np.random.default_rng(3)
    mean, bias, last_bias = (rng.normal(size=n).astype(np.float32) for n in (3, 4, 12))
    weight, last = (
        rng.normal(size=(4, 3, 3, 3)).astype(np.float16),
        rng.normal(size=(12, 4, 1, 1)).astype(np.float32),
    )
    half = struct.pack("<I", 0x01306B47) + weight.tobytes() + b"\0" * (-2 * weight.size % 4)
    numbers = (
        mean.tobytes() + half + bias.tobytes() + struct.pack("<I", 0) + last.tobytes() + last_bias.tobytes()
    )
    param, filled = tmp_path / "a.param", tmp_path / "a.bin"
    param.write_text(PARAM)
    filled.write_bytes(numbers)
    content, _ = ncnn.to_onnx([param, filled])
    x = torch.from_numpy(picture) - torch.from_numpy(mean)[:, None, None]
    x = F.leaky_relu(
        F.conv2d(x, torch.from_numpy(weight.astype(np.float32)), torch.from_numpy(bias), padding=1), 0.1
    )
    x = F.pixel_shuffle(F.conv2d(F.silu(x) * x, torch.from_numpy(last), torch.from_numpy(last_bias)), 2)
    made = run(content, picture)
    assert made.shape == (1, 3, 48, 64)
    assert np.allclose(made, x.clamp(0, 1).numpy(), atol=1e-4)
    filled.write_bytes(numbers + b"1234")
    with pytest.raises(ModelCorrupt, match="4 bytes left over"):
        ncnn.to_onnx([param, filled])
    filled.write_bytes(numbers[:-8])
    with pytest.raises(ModelCorrupt, match="hold no network"):
        ncnn.to_onnx([param, filled])
    param.write_text(PARAM.replace("Swish", "Mystery"))
    with pytest.raises(ModelCorrupt, match="Mystery"):
        ncnn.to_onnx([param, filled])
