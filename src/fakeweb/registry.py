"""Plug-in registry: ``kind -> name -> "module:attribute"``, plus the entry points of other packages.

Adding a built-in plug-in takes one file in its room and one line here. A third party adds
``[project.entry-points."fakeweb.finder"]`` with ``name = "package.module:attribute"`` to its own package and
needs nothing of ours. Nothing is imported before it is asked for.

Imports: :mod:`fakeweb.errors` only.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from fakeweb.errors import BrokenPlugin, UnknownName

BUILT_IN: dict[str, dict[str, str]] = {
    "adaptation": {"examples": "fakeweb.adapt:adapt"},
    "calibration": {"groups": "fakeweb.workshop.calibrate:calibrate"},
    "conversion": {
        "clip-float": "fakeweb.train.made.encoders:clip_float",
        "dinov2-float": "fakeweb.train.made.encoders:dinov2_float",
        "ncnn": "fakeweb.train.made.ncnn:to_onnx",
        "taef2": "fakeweb.train.made.taesd:taef2",
        "vaelight": "fakeweb.train.made.vaelight:vaelight",
    },
    "finder": {
        "fakeweb": "fakeweb.faces.own:OwnFinder",
        "haar": "fakeweb.faces.haar:HaarFinder",
        "mediapipe": "fakeweb.faces.mediapipe_finder:MediaPipeFinder",
        "mtcnn": "fakeweb.faces.mtcnn_finder:MtcnnFinder",
        "yunet": "fakeweb.faces.yunet:YuNetFinder",
    },
    "forge": {
        "self_blend": "fakeweb.forge.swap:SelfBlend",
        "swap": "fakeweb.forge.swap:Swap",
        "reenact": "fakeweb.forge.reenact:Reenact",
        "lower_face": "fakeweb.forge.reenact:LowerFace",
        "local_affine": "fakeweb.forge.reenact:LocalAffine",
        "mouth": "fakeweb.forge.mouth:MouthTransfer",
        "smooth": "fakeweb.forge.retouch:Smooth",
        "whiten": "fakeweb.forge.retouch:Whiten",
        "eyes": "fakeweb.forge.retouch:Eyes",
        "nose": "fakeweb.forge.retouch:Nose",
        "jaw": "fakeweb.forge.retouch:Jaw",
        "lips": "fakeweb.forge.retouch:Lips",
        "lipstick": "fakeweb.forge.retouch:Lipstick",
        "bright": "fakeweb.forge.retouch:Bright",
        "make_up": "fakeweb.forge.retouch:MakeUp",
        "sharpen": "fakeweb.forge.retouch:Sharpen",
        "gmic": "fakeweb.forge.gmic:GmicRetouch",
        "part": "fakeweb.forge.part:PartSwap",
        "retouch": "fakeweb.forge.retouch:Retouch",
        "beauty": "fakeweb.forge.retouch:Beauty",
        "grid": "fakeweb.forge.spectral:Grid",
        "peaks": "fakeweb.forge.spectral:Peaks",
        "taef2": "fakeweb.forge.copies:Taef2",
        "vaelight": "fakeweb.forge.copies:VaeLight",
        "span": "fakeweb.forge.copies:Span",
        "waifu2x": "fakeweb.forge.copies:Waifu2x",
    },
    "layout": {
        "index": "fakeweb.datasets.index:IndexLayout",
        "folders": "fakeweb.datasets.folders:FolderLayout",
        "csv": "fakeweb.datasets.csv_index:CsvLayout",
        "celebdf": "fakeweb.datasets.celebdf:CelebDfLayout",
        "cnndetection": "fakeweb.datasets.cnndetection:CnnDetectionLayout",
        "dfdc": "fakeweb.datasets.dfdc:DfdcLayout",
        "dfdcp": "fakeweb.datasets.dfdcp:DfdcpLayout",
        "faceforensics": "fakeweb.datasets.faceforensics:FaceForensicsLayout",
        "fakeavceleb": "fakeweb.datasets.fakeavceleb:FakeAvCelebLayout",
        "folders140k": "fakeweb.datasets.folders140k:Folders140kLayout",
        "tracks": "fakeweb.datasets.tracks:TracksLayout",
        "wilddeepfake": "fakeweb.datasets.wilddeepfake:WildDeepfakeLayout",
    },
    "mesh": {
        "fakeweb": "fakeweb.faces.mesh:OnnxMesher",
        "mediapipe": "fakeweb.faces.mediapipe_mesh:MediaPipeMesher",
    },
    "net": {
        "mobilenet_v2": "fakeweb.train.nets.mobilenet_v2:build",
        "dct": "fakeweb.train.nets.frequency:build_dct",
        "srm": "fakeweb.train.nets.frequency:build_srm",
        "timm": "fakeweb.train.nets.timm_net:build",
    },
    "task": {
        "classifier": "fakeweb.train.classifier.task:ClassifierTask",
        "content": "fakeweb.train.content.task:ContentTask",
        "finder": "fakeweb.train.finder.task:FinderTask",
        "mesh": "fakeweb.train.mesh.task:MeshTask",
        "video": "fakeweb.train.temporal.task:TemporalTask",
    },
}

_LEFT = {
    ("forge", "reconstruct"): "it left the package for research/ of the sources. ",
    ("task", "autoencoder"): "it stayed in version 0.8.0. ",
}
"""Where built-in names of earlier versions went."""


def names(kind: str) -> list[str]:
    """Return every known name of one kind, sorted: built-in and third-party.

    Args:
        kind: ``adaptation``, ``calibration``, ``conversion``, ``finder``, ``forge``, ``layout``, ``mesh``, ``net`` or
            ``task``.
    """
    return sorted({*BUILT_IN[kind], *(e.name for e in entry_points(group=f"fakeweb.{kind}"))})


def load(kind: str, name: str) -> Any:
    """Import and return the object behind a name; a third party may not take a built-in name.

    Args:
        kind: ``adaptation``, ``calibration``, ``conversion``, ``finder``, ``forge``, ``layout``, ``mesh``, ``net`` or
            ``task``.
        name: A name out of :func:`names`.

    Raises:
        UnknownName: There is no such name; the hint lists those that exist and the nearest one.
        BrokenPlugin: Another package brings it, and it fails to import.

    Example:
        >>> load("finder", "haar").__name__
        'HaarFinder'
    """
    target = BUILT_IN[kind].get(name)
    if target is None:
        for entry in entry_points(group=f"fakeweb.{kind}"):
            if entry.name == name:
                return _loaded(kind, entry)
        known = names(kind)
        near = difflib.get_close_matches(name, known, n=1)
        guess = _LEFT.get((kind, name)) or (f"did you mean '{near[0]}'? " if near else "")
        raise UnknownName(f"no {kind} is called '{name}'", hint=f"{guess}known: {', '.join(known)}")
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _loaded(kind: str, entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:  # whatever other people's code raises
        owner = entry.dist.name if entry.dist is not None else "?"
        reason = str(error).partition("\n")[0] or "no reason given"
        raise BrokenPlugin(
            f"the {kind} '{entry.name}' of the package {owner} cannot be loaded: {type(error).__name__}: {reason}",
            hint=f"update or uninstall {owner}",
        ) from error
