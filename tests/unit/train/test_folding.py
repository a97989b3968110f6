"""torchvision's MobileNetV2 as a start for ours."""

import re

import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from fakeweb.train.nets.folding import folded  # noqa: E402
from fakeweb.train.nets.mobilenet_v2 import build  # noqa: E402


def older(name):
    """What torchvision called a block's parts before they had parts of their own."""
    part = re.fullmatch(r"(features\.([1-9]|1[0-7])\.conv)\.(\d)(?:\.(\d))?(\.[a-z_]+)", name)
    if not part:
        return name
    within = 3 * int(part[3]) + int(part[4]) if part[4] else int(part[3]) + (2 if part[2] == "1" else 4)
    return f"{part[1]}.{within}{part[5]}"


@pytest.mark.parametrize("rename", [str, older])
def test_folded_weights_say_what_torchvisions_network_says(tmp_path, rename):
    torch.manual_seed(0)
    net = torchvision.models.mobilenet_v2(weights=None).eval()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
            layer.weight.data.uniform_(0.8, 1.2)
            layer.bias.data.normal_(0, 0.1)
    torch.save({rename(k): v for k, v in net.state_dict().items()}, tmp_path / "v2.pt")
    ours = build(1, weights=tmp_path / "v2.pt").eval()
    pixels = torch.rand(2, 3, 225, 225) * 255  # of this side both pad alike
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        theirs = net.features((pixels / 255 - mean) / std)[:, :, 2:-2, 2:-2]
        here = ours.features((pixels - 127.5) / 127.5)[:, :, 2:-2, 2:-2]
    assert torch.corrcoef(torch.stack([theirs.flatten(), here.flatten()]))[0, 1] > 0.999


def test_other_weights_are_left_as_they_are():
    state = {"features.0.conv.weight": torch.zeros(1)}
    assert folded(state) is state
