"""Heads of a recipe's own, parts of a network that learn, LoRA, transformers at other sides."""

import numpy as np
import pytest

from fakeweb.errors import BadRecipe
from fakeweb.types import KINDS

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("timm", reason="needs the extra 'train'", exc_type=ImportError)
from fakeweb.train.classifier.heads import build_net, freeze  # noqa: E402 - needs torch
from fakeweb.train.recipe import to_dict  # noqa: E402
from fakeweb.train.rules import read_recipe  # noqa: E402
from fakeweb.train.tuning import LoraLinear, merge_lora  # noqa: E402

OUTPUTS = 1 + len(KINDS)
VIT = "timm:vit_tiny_patch16_224"


def recipe_of(tmp_path, net, side=64, more=""):
    path = tmp_path / "r.toml"
    path.write_text(f'name = "a"\nversion = "1"\ntitle = "t"\n{net}\n[data]\nside_px = {side}\n{more}')
    return read_recipe(path)


def learning(net):
    return {name for name, weight in net.named_parameters() if weight.requires_grad}


def test_a_name_alone_stays_a_name_in_the_card(tmp_path):
    plain = recipe_of(tmp_path, 'net = "timm:resnet10t"')
    assert plain.net.arch == "timm:resnet10t"
    assert to_dict(plain)["net"] == "timm:resnet10t"
    table = recipe_of(tmp_path, '[net]\narch = "timm:resnet10t"\nhead = {hidden = [8], dropout = 0.5}')
    assert to_dict(table)["net"]["head"] == {"hidden": (8,), "dropout": 0.5, "pooling": ""}


@pytest.mark.parametrize(
    ("arch", "head", "first"),
    [
        ("timm:resnet10t", 'hidden = [16], dropout = 0.5, pooling = "flatten"', 512 * 4),
        ("timm:resnet10t", 'hidden = [16], pooling = "max"', 512),
        ("timm:vgg11", "hidden = [16]", 4096),
        (VIT, 'hidden = [16], pooling = "avg"', 192),
        ("mobilenet_v2", 'hidden = [16, 8], pooling = "flatten"', 1280 * 4),
        ("mobilenet_v2", "dropout = 0.3", 1280),
    ],
)
def test_a_head_of_the_recipe(tmp_path, arch, head, first):
    """Flatten and Dense, as the networks of earlier challenges end."""
    recipe = recipe_of(tmp_path, f'[net]\narch = "{arch}"\ntune = "head"\nhead = {{{head}}}')
    net = build_net(recipe, None)
    linear = [m for m in net.head if isinstance(m, torch.nn.Linear)]
    assert linear[0].in_features == first
    assert linear[-1].out_features == OUTPUTS
    with torch.no_grad():
        assert net.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, OUTPUTS)
    net.train()
    freeze(net, recipe, True)
    assert learning(net) == {f"head.{name}" for name, _ in net.head.named_parameters()}


def test_norms_alone_learn_beside_the_head(tmp_path):
    recipe = recipe_of(tmp_path, f'[net]\narch = "{VIT}"\ntune = "norms"')
    net = build_net(recipe, None).train()
    freeze(net, recipe, True)
    body = {name for name in learning(net) if "head" not in name}
    assert body
    assert all(".norm" in name for name in body)
    assert "net.head.weight" in learning(net)


def test_low_rank_additions_learn_and_are_merged(tmp_path):
    recipe = recipe_of(tmp_path, f'[net]\narch = "{VIT}"\ntune = "lora"\nlora_rank = 4\nlora_alpha = 8')
    plain = recipe_of(tmp_path, f'net = "{VIT}"')
    torch.manual_seed(0)
    net = build_net(recipe, None)
    freeze(net.train(), recipe, True)
    names = learning(net)
    assert all("lora_" in name or "head" in name for name in names)
    assert len([n for n in names if "lora_" in n]) == 12 * 4 * 2
    for module in net.modules():
        if isinstance(module, LoraLinear):
            torch.nn.init.normal_(module.lora_up, std=0.02)
    x = torch.rand(2, 3, 64, 64) * 255
    with torch.no_grad():
        before = net.eval()(x)
        after = merge_lora(net).eval()(x)
    assert torch.allclose(before, after, atol=1e-5)
    assert set(net.state_dict()) == set(build_net(plain, None).state_dict())


def test_a_transformer_at_another_side_interpolates_its_positions(tmp_path):
    first = build_net(recipe_of(tmp_path, f'net = "{VIT}"', 224), None)
    torch.save(first.state_dict(), tmp_path / "first.pt")
    small = build_net(recipe_of(tmp_path, f'net = "{VIT}"', 96), tmp_path / "first.pt")
    assert small.net.pos_embed.shape == (1, 1 + 36, 192)
    assert torch.equal(small.net.blocks[0].attn.qkv.weight, first.net.blocks[0].attn.qkv.weight)
    assert float(small.net.pos_embed.detach().abs().mean()) > 0
    with torch.no_grad():
        assert small.eval()(torch.zeros(1, 3, 96, 96)).shape == (1, OUTPUTS)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ('[net]\narch = "timm:resnet10t"\ntune = "lora"', "no blocks with linear layers"),
        ('[net]\narch = "timm:resnet10t"\nhead = {pooling = "token"}', "takes no net.head.pooling = 'token'"),
        ('[net]\narch = "mobilenet_v2"\nhead = {pooling = "max"}', "takes no net.head.pooling = 'max'"),
        ('[net]\narch = "timm:resnet10t"\ntune = "some"', r"net\.tune must be one of all, head, norms, lora"),
        ('[net]\nhead = {dropout = 1}', r"net\.head\.dropout must lie in \[0, 1\)"),
        ('[net]\nwidth = 3', r"unknown key 'net\.width'"),
    ],
)  # fmt: skip
def test_what_a_network_does_not_take(tmp_path, net, message):
    with pytest.raises(BadRecipe, match=message):
        build_net(recipe_of(tmp_path, net), None)


@pytest.mark.slow
def test_a_training_by_lora_hands_on_and_exports_what_it_learned(toy_data, train, write_recipe, tmp_path):
    """Its weights go by the network's own names, its export agrees with torch (or it fails)."""
    recipe = write_recipe(net="PLACE", epochs=1, faces_per_epoch=32, data="", lr=0.001)
    recipe.write_text(
        recipe.read_text().replace('net = "PLACE"\n', "") + f'[net]\narch = "{VIT}"\ntune = "lora"\n'
    )
    card = train(recipe, tmp_path / "out")
    with np.load(tmp_path / "out" / "weights.npz") as arrays:
        assert not [name for name in arrays.files if "lora" in name or "base" in name]
    assert card.is_file()
