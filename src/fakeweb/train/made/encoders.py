"""Vision transformers out of ONNX graphs, by timm's names, so that they can be trained on."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fakeweb.errors import ModelIncompatible, missing_extra
from fakeweb.runtime import Encoder
from fakeweb.train.export import coarse_noise

Arrays = dict[str, npt.NDArray[Any]]
_BLOCKS: Final = 12
_LINEAR: Final = {"MatMul": False, "MatMulInteger": True}

CLIP = {
    "embeddings.patch_embedding.weight": "patch_embed.proj.weight",
    "pre_layrnorm": "norm_pre", "post_layernorm": "norm",
}  # fmt: skip
CLIP_BLOCK = {
    "layer_norm1": "norm1", "layer_norm2": "norm2", "self_attn.out_proj": "attn.proj", "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}  # fmt: skip
CLIP_QKV = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
DINO = {
    "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "embeddings.cls_token": "cls_token", "layernorm": "norm",
}  # fmt: skip
DINO_BLOCK = {
    "norm1": "norm1", "norm2": "norm2", "attention.output.dense": "attn.proj", "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2", "layer_scale1.lambda1": "ls1.gamma", "layer_scale2.lambda1": "ls2.gamma",
}  # fmt: skip
DINO_QKV = ("attention.attention.query", "attention.attention.key", "attention.attention.value")


def clip_float(sources: Sequence[Path]) -> tuple[bytes, dict[str, Any]]:
    """Return OpenAI's CLIP ViT-B/16 with its int8 weights times their scales per column, as ``.npz`` in half precision.

    The names are those of timm's ``vit_base_patch16_clip_quickgelu_224``; ``head`` is CLIP's projection.

    Args:
        sources: The int8 graph.
    """
    found = _arrays(sources[0])
    state = _renamed(found, "vision_model.", CLIP, "encoder.layers.", CLIP_BLOCK, CLIP_QKV)
    state["cls_token"] = found["vision_model.embeddings.class_embedding"].reshape(1, 1, -1)
    state["pos_embed"] = found["vision_model.embeddings.position_embedding.weight"][None]
    state["head.weight"] = found["visual_projection.weight"]
    cosine = _agreement(state, "vit_base_patch16_clip_quickgelu_224", "clip-vit-b16", 224)
    return _npz(state), {"cosine of the class token to the int8 graph, mean over the blocks": cosine}


def dinov2_float(sources: Sequence[Path]) -> tuple[bytes, dict[str, Any]]:
    """Return DINOv2 ViT-S/14 by the names of timm's ``vit_small_patch14_dinov2``, as ``.npz`` in half precision.

    Args:
        sources: The graph.
    """
    found = _arrays(sources[0])
    state = _renamed(found, "backbone.", DINO, "encoder.layer.", DINO_BLOCK, DINO_QKV)
    # positions are constants without a name of their own: the only ones of these shapes
    parts = [_only(found, shape) for shape in ((1, 1, 384), (1, 1369, 384))]
    state["pos_embed"] = np.concatenate(parts, axis=1)
    cosine = _agreement(state, "vit_small_patch14_dinov2", "dinov2-vits14", 224)
    return _npz(state), {"cosine of the class token to the graph, mean over the blocks": cosine}


def _arrays(path: Path) -> Arrays:
    """Return the constants of a graph by name; weights of layers, which have none, by their layer's."""
    try:
        import onnx
    except ImportError as error:
        raise missing_extra("train", "making weights out of an ONNX file") from error
    graph = onnx.load(str(path)).graph
    found: Arrays = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        if node.op_type not in _LINEAR or node.input[1] not in found:
            continue
        layer = node.name.rpartition("/MatMul")[0].strip("/").replace("/", ".")
        weight = found[node.input[1]]
        if _LINEAR[node.op_type]:
            stem = node.input[1].removesuffix("_quantized")
            zero = found[f"{stem}_zero_point"].astype(np.int32)
            weight = (weight.astype(np.int32) - zero).astype(np.float32) * found[f"{stem}_scale"]
        found[f"{layer}.weight"] = np.ascontiguousarray(weight.T)
    return found


def _renamed(
    found: Arrays,
    root: str,
    top: Mapping[str, str],
    blocks: str,
    block: Mapping[str, str],
    qkv: Sequence[str],
) -> Arrays:
    """Return a transformer's arrays by timm's names."""
    state: Arrays = {}

    def take(old: str, new: str) -> None:
        for suffix in ("", ".weight", ".bias"):
            if old + suffix in found:
                state[new + suffix] = found[old + suffix]

    for old, new in top.items():
        take(root + old, new)
    for i in range(_BLOCKS):
        base = f"{root}{blocks}{i}."
        for old, new in block.items():
            take(base + old, f"blocks.{i}.{new}")
        for kind in ("weight", "bias"):
            state[f"blocks.{i}.attn.qkv.{kind}"] = np.concatenate(
                [found[f"{base}{part}.{kind}"] for part in qkv]
            )
    return state


def _only(found: Arrays, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    fits = [a for name, a in found.items() if a.shape == shape and name.startswith("onnx::")]
    if len(fits) != 1:
        raise ModelIncompatible(f"the graph holds {len(fits)} constants of {shape}", hint="fetch it anew")
    return fits[0]


def _agreement(state: Arrays, timm_name: str, encoder: str, side: int) -> float:
    """Return the mean cosine between the class tokens of the network by timm and of the graph, on made-up crops.

    Raises:
        ModelIncompatible: A weight is missing, or they have little to do with each other.
        MissingExtra: timm is not installed.
    """
    try:
        import timm
        import torch
    except ImportError as error:
        raise missing_extra("train", "making weights for timm") from error
    graph = Encoder(encoder)
    net = timm.create_model(timm_name, num_classes=0, img_size=side).eval()
    own = net.state_dict()
    wanted = {k: torch.from_numpy(np.array(v, np.float32)) for k, v in state.items() if k in own}
    if "pos_embed" in wanted and wanted["pos_embed"].shape != own["pos_embed"].shape:
        from timm.layers import resample_abs_pos_embed

        cells = side // net.patch_embed.patch_size[0]
        wanted["pos_embed"] = resample_abs_pos_embed(wanted["pos_embed"], [cells, cells])
    if lacking := sorted(set(own) - set(wanted)):
        raise ModelIncompatible(f"the graph lacks {lacking[0]}", hint="fetch it anew")
    net.load_state_dict(wanted)
    crops = coarse_noise(np.random.default_rng(0), 4, side)
    cosine = float(np.mean([_cosines(net, graph, crop, torch.from_numpy) for crop in crops]))
    if cosine < 0.9:
        raise ModelIncompatible(f"what was made agrees with the graph by a cosine of {cosine:.3f} only",
                                hint="try another version of timm")  # fmt: skip
    return round(cosine, 4)


def _cosines(net: Any, graph: Encoder, crop: npt.NDArray[np.uint8], to_tensor: Callable[[Any], Any]) -> float:
    """Return the mean cosine over the blocks for one crop."""
    values = (crop.astype(np.float32) / 255 - graph.plan.mean) / graph.plan.std
    x = to_tensor(np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32))
    inner = net.get_intermediate_layers(x, n=range(_BLOCKS), return_prefix_tokens=True)
    ours = np.stack([tokens[0, 0].detach().numpy() for _, tokens in inner])
    theirs = graph(crop).reshape(_BLOCKS, -1)
    return float(
        np.mean((ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1))
    )


def _npz(state: Arrays) -> bytes:
    buffer = io.BytesIO()
    halves: dict[str, Any] = {k: v.astype(np.float16) for k, v in sorted(state.items())}
    np.savez(buffer, **halves)
    return buffer.getvalue()
