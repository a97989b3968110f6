"""A frozen encoder in a training: features of each crop, computed once and kept, and a head that learns on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fakeweb.errors import missing_extra
from fakeweb.runtime import Encoder, features_of
from fakeweb.train.augment import views
from fakeweb.train.classifier.crops import Batch, Crops
from fakeweb.train.classifier.export import OUTPUTS, Deployed
from fakeweb.train.classifier.loader import NO_KIND, FaceDataset
from fakeweb.train.classifier.plan import Pick
from fakeweb.train.classifier.prepare import FaceSample
from fakeweb.train.progress import Progress
from fakeweb.train.recipe import AugmentRecipe
from fakeweb.train.task import came_apart
from fakeweb.types import KINDS

_VIEW = 880_000
Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FeatureCrops(Crops):
    """Gives features in the place of pixels, of ``net.views`` fixed views of each training face.

    Attributes:
        encoder: Makes them.
        cache: Folder they are kept in.
    """

    encoder: Encoder
    cache: Path
    _kept: dict[str, npt.NDArray[np.float16]] = field(default_factory=dict)

    def prefill(self, faces: list[FaceSample]) -> Rows:
        """Compute the features of all views of training faces that are not kept yet; return those of the faces as they
        are, float32 (N, size).
        """  # noqa: D205
        for view in range(1, self.recipe.net.views):
            self._features(faces, [self._at(i, view) for i in range(len(faces))], self.recipe.augment)
        return self._features(faces, [self._at(i, 0) for i in range(len(faces))], self.recipe.augment)

    def batches(
        self, faces: list[FaceSample], picks: list[list[Pick]], augment: AugmentRecipe | None = None
    ) -> Iterator[Batch]:
        """Yield the batches of these picks; which view of a face it is follows from its pick's seed."""
        count = self.recipe.net.views
        for batch in picks:
            fixed = [self._at(p.index, sum(p.seed or ()) % count) for p in batch]
            rows = self._features(faces, fixed, augment or self.recipe.augment)
            samples = [faces[p.index].sample for p in batch]
            kinds = [KINDS.index(s.kind) if s.kind in KINDS else NO_KIND for s in samples]
            labels = torch.tensor([int(s.label or 0) for s in samples])
            yield {"pixels": torch.from_numpy(rows), "label": labels, "kind": torch.tensor(kinds)}

    def outputs(
        self, net: nn.Module, faces: list[FaceSample], *, seed: int | None = None, mirrored: bool = False
    ) -> np.ndarray:
        """Return the head's raw outputs; see :meth:`Crops.outputs`.

        Raises:
            BadRecipe: One is no number.
        """
        net.eval()
        picks = [Pick(i, None if seed is None else (self.recipe.seed, seed, i)) for i in range(len(faces))]
        rows = torch.from_numpy(self._features(faces, picks, views(self.recipe.augment), mirrored=mirrored))
        with torch.no_grad():
            out = net(rows.to(next(net.parameters()).device)).cpu().numpy().astype(np.float64)
        if not np.isfinite(out).all():
            raise came_apart("the network gives no finite numbers")
        return out

    def deployed(self, net: nn.Module, columns: list[int]) -> Deployed:
        """Return the encoder with the head on it, as it ships."""
        return DeployedFrozen(net, columns, self.encoder)

    def _at(self, index: int, view: int) -> Pick:
        return Pick(index, (self.recipe.seed, _VIEW + view, index) if view else None)

    def _features(
        self, faces: list[FaceSample], picks: list[Pick], augment: AugmentRecipe, *, mirrored: bool = False
    ) -> Rows:
        """Return features, float32 (N, size); what is not kept is computed."""
        keys = [self._key(faces[p.index], p, augment, mirrored) for p in picks]
        lacking = [i for i, key in enumerate(keys) if key not in self._kept]
        if lacking:
            places = self.corpus.places_of(faces)
            dataset = FaceDataset(faces, self.recipe, augment, self.corpus.regions, places)
            crops = _Cut(dataset, [picks[i] for i in lacking], mirrored)
            rows = features_of(
                self.encoder, crops, self.cache, keys=[keys[i] for i in lacking],
                on_progress=lambda done, total: self.setting.tell(Progress("features", done, total)),
            )  # fmt: skip
            for i, row in zip(lacking, rows, strict=True):
                self._kept[keys[i]] = row.astype(np.float16)
        return np.stack([self._kept[key] for key in keys]).astype(np.float32)

    def _key(self, face: FaceSample, pick: Pick, augment: AugmentRecipe, mirrored: bool) -> str:
        """Return what tells a crop apart: the file as it is now, the place in it, and what is done to it."""
        path, data = face.sample.path, self.recipe.data
        status = path.stat()
        how = None if pick.seed is None else (pick.seed, sorted(asdict(augment).items()))
        cut = (data.margin, data.side_px, data.cache_px, data.finder, data.mesher)
        return repr((str(path), status.st_size, status.st_mtime_ns, face.box, cut, how, mirrored))


class _Cut(Sequence[npt.NDArray[np.uint8]]):
    """Crops that are cut when they are asked for."""

    def __init__(self, dataset: FaceDataset, picks: list[Pick], mirrored: bool) -> None:
        self.dataset, self.picks, self.mirrored = dataset, picks, mirrored

    def __len__(self) -> int:
        return len(self.picks)

    @overload
    def __getitem__(self, number: int) -> npt.NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[npt.NDArray[np.uint8]]: ...
    def __getitem__(self, number: int | slice) -> Any:
        if isinstance(number, slice):
            return _Cut(self.dataset, self.picks[number], self.mirrored)
        pixels = self.dataset[self.picks[number]]["pixels"].numpy()
        return np.ascontiguousarray(pixels[:, ::-1]) if self.mirrored else pixels


class DeployedFrozen(Deployed):
    """The encoder and the head as they ship; as a module it lets ONNX Runtime encode.

    Args:
        net: The head.
        columns: See :class:`Deployed`.
        encoder: The encoder.
    """

    def __init__(self, net: nn.Module, columns: list[int], encoder: Encoder) -> None:
        super().__init__(net, columns)
        self.encoder = encoder

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rows = np.stack([self.encoder(crop) for crop in pixels.numpy()])
        out = self.net(torch.from_numpy(rows))[:, self.columns]
        return (out[:, 0], out[:, 1:])

    def to_proto(self) -> Any:
        """Return one ONNX model: the encoder for one crop after the other, and the head on its tokens."""
        main, x = _encoding(self.encoder)
        main.head(x, self.net, self.columns)
        return main.model(self.encoder, [(OUTPUTS[0], ["n"]), (OUTPUTS[1], ["n", len(self.columns) - 1])])


class ShippedEncoder(Encoder):
    """An encoder as it ships below a head: the same nodes in the same order, and so the same bits.

    An int8 graph rounds its activations again in each layer: what differs by a rounding error at the first block, as
    two ways to run one graph do, differs by a few percent at the last. A head must learn on what it is to see.
    """

    def __init__(self, name: str, *, patches: bool = False, threads: int = 1) -> None:
        super().__init__(name, patches=patches, threads=threads)
        main, x = _encoding(self)
        main.add("Identity", [x], "features")
        proto = main.model(self, [("features", ["n", self.size])])
        self._open(bytes(proto.SerializeToString()))
        self.digest = hashlib.sha256(f"shipped {self.digest}".encode()).hexdigest()

    def __call__(self, crop: npt.NDArray[np.uint8]) -> Rows:
        """See :class:`fakeweb.runtime.Encoder`."""
        self._check(crop)
        return np.asarray(self._session.run(["features"], {self._input: crop[None]})[0][0], np.float32)


def _encoding(encoder: Encoder) -> tuple[_Nodes, str]:
    """Return the nodes from ``pixels`` uint8 (n, S, S, 3) to features (n, size), and the name of these."""
    try:
        import onnx
    except ImportError as error:
        raise missing_extra("train", "a frozen encoder") from error
    plan = encoder.plan
    model = onnx.load_model_from_string(encoder.path.read_bytes())
    main = _Nodes(model)
    body = _Nodes(model, main.constants)
    body.add("Unsqueeze", ["crop", body.constant([0], np.int64)], model.graph.input[0].name)
    body.nodes += _needed(model.graph, plan.tokens)
    parts = [body.add("Gather", [t, body.constant(0, np.int64)], axis=1) for t in plan.tokens]
    if encoder.patches:
        parts += [body.mean_of_patches(t) for t in plan.tokens]
    joined = body.add("Concat", parts, axis=1)
    body.add("Reshape", [joined, body.constant([encoder.size], np.int64)], "features of one")
    x = main.add("Cast", ["pixels"], to=onnx.TensorProto.FLOAT)
    for kind, value in (("Div", 255), ("Sub", plan.mean), ("Div", plan.std)):
        x = main.add(kind, [x, main.constant(value)])
    x = main.add("Transpose", [x], perm=[0, 3, 1, 2])
    shapes = [("crop", [3, plan.side_px, plan.side_px])], [("features of one", [encoder.size])]
    return main, main.add("Scan", [x], body=body.graph("one", *shapes), num_scan_inputs=1)


class _Nodes:
    """Nodes of a graph under construction; constants are the whole model's."""

    def __init__(self, source: Any, constants: list[Any] | None = None) -> None:
        self.source, self.nodes = source, list[Any]()
        self.opset = next(o.version for o in source.opset_import if o.domain in ("", "ai.onnx"))
        self.constants: list[Any] = [] if constants is None else constants
        self._prefix = "main" if constants is None else "body"

    def add(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node; return its output's name."""
        from onnx import helper

        name = output or f"{self._prefix} value {len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Any, dtype: npt.DTypeLike = np.float32) -> str:
        """Add a constant; return its name."""
        from onnx import numpy_helper

        name = f"constant {len(self.constants)} of the head"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def mean_of_patches(self, tokens: str) -> str:
        """Return the mean of all tokens but the first, (1, width)."""
        bounds = [self.constant([v], np.int64) for v in (1, 1 << 30, 1)]
        patches = self.add("Slice", [tokens, *bounds])
        if self.opset >= 18:
            return self.add("ReduceMean", [patches, self.constant([1], np.int64)], keepdims=0)
        return self.add("ReduceMean", [patches], axes=[1], keepdims=0)

    def head(self, x: str, net: Any, columns: list[int]) -> None:
        """Add the head's layers, and the outputs of these columns."""
        for kind, value in (("Sub", net.mean), ("Div", net.std)):
            x = self.add(kind, [x, self.constant(value.numpy())])
        for layer in net.head:
            if isinstance(layer, nn.Linear):
                weights = [self.constant(w.detach().numpy()) for w in (layer.weight, layer.bias)]
                x = self.add("Gemm", [x, *weights], transB=1)
            elif isinstance(layer, nn.ReLU):
                x = self.add("Relu", [x])
        self.add("Gather", [x, self.constant(columns[0], np.int64)], OUTPUTS[0], axis=1)
        self.add("Gather", [x, self.constant(columns[1:], np.int64)], OUTPUTS[1], axis=1)

    def graph(
        self, name: str, inputs: list[tuple[str, list[Any]]], outputs: list[tuple[str, list[Any]]]
    ) -> Any:
        """Return the graph of floats."""
        from onnx import TensorProto, helper

        ends = [
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in some]
            for some in (inputs, outputs)
        ]
        return helper.make_graph(self.nodes, name, *ends)

    def model(self, encoder: Encoder, outputs: list[tuple[str, list[Any]]]) -> Any:
        """Return the whole model, which takes ``pixels``."""
        from onnx import TensorProto, helper

        graph, side = self.graph("frozen", [], outputs), encoder.plan.side_px
        graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", side, side, 3]))
        graph.initializer.extend([*self.source.graph.initializer, *self.constants])
        proto = helper.make_model(graph, opset_imports=list(self.source.opset_import))
        proto.ir_version = self.source.ir_version
        return proto


def _needed(graph: Any, outputs: Sequence[str]) -> list[Any]:
    """Return the nodes that these values come from, in order."""
    wanted, kept = set(outputs), []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]
