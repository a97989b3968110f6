"""Names that programs leave in files, and the digital source types of IPTC and C2PA."""

from __future__ import annotations

import re
from typing import Final, Literal

Role = Literal["generator", "ai_editor", "editor", "converter"]

_NAMES: Final[tuple[tuple[str, str, Role], ...]] = (
    # pattern in lower case, name, what it does; the first that fits counts
    (r"stable[ -]?diffusion|\bsdxl\b|stability ai", "Stable Diffusion", "generator"),
    (r"automatic1111|stable-diffusion-webui|\bsd[ .-]?webui", "AUTOMATIC1111", "generator"),
    (r"comfyui", "ComfyUI", "generator"),
    (r"midjourney", "Midjourney", "generator"),
    (r"dall[-·.•∙ ]?e\b", "DALL-E", "generator"),
    (r"chatgpt|gpt-?4o|gpt-image|\bopenai\b", "OpenAI", "generator"),
    (r"\bsora\b", "Sora", "generator"),
    (r"firefly", "Adobe Firefly", "generator"),
    (r"novelai", "NovelAI", "generator"),
    (r"invokeai|invoke-ai", "InvokeAI", "generator"),
    (r"fooocus", "Fooocus", "generator"),
    (r"swarmui", "SwarmUI", "generator"),
    (r"draw things", "Draw Things", "generator"),
    (r"easy diffusion", "Easy Diffusion", "generator"),
    (r"\bflux(\.1|\.2|[ .-]?(dev|schnell|pro))|black forest labs", "FLUX", "generator"),
    (r"leonardo\.?ai|leonardo interactive", "Leonardo", "generator"),
    (r"ideogram", "Ideogram", "generator"),
    (r"recraft", "Recraft", "generator"),
    (r"bing image creator|microsoft designer|image creator from designer|microsoft responsible ai",
     "Microsoft Image Creator", "generator"),
    (r"edited with google ai|magic editor", "Google AI", "ai_editor"),
    (r"google (generative )?ai|google imagen|\bimagen[ -]?\d|gemini|nano banana", "Google AI", "generator"),
    (r"imagined with ai|meta ai|emu image", "Meta AI", "generator"),
    (r"\bgrok\b|\bxai\b", "Grok", "generator"),
    (r"runway(ml)?\b|gen-[34] (alpha|turbo)", "Runway", "generator"),
    (r"\bpika( labs|\.art)?\b", "Pika", "generator"),
    (r"\bkling( ?ai)?\b|kuaishou", "Kling", "generator"),
    (r"\bveo[ -]?\d|google veo", "Veo", "generator"),
    (r"luma (ai|dream machine)|dream machine", "Luma", "generator"),
    (r"hailuo|minimax", "Hailuo", "generator"),
    (r"heygen", "HeyGen", "generator"),
    (r"synthesia", "Synthesia", "generator"),
    (r"d-id\b.*(studio|creative)|\bd-id\.com", "D-ID", "generator"),
    (r"thispersondoesnotexist|stylegan", "StyleGAN", "generator"),
    (r"facefusion", "FaceFusion", "ai_editor"),
    (r"deepfacelab|deepfacelive", "DeepFaceLab", "ai_editor"),
    (r"\broop\b|\brope\b pearl", "roop", "ai_editor"),
    (r"\breface\b", "Reface", "ai_editor"),
    (r"faceapp", "FaceApp", "ai_editor"),
    (r"remini", "Remini", "ai_editor"),
    (r"facetune", "Facetune", "ai_editor"),
    (r"photoroom", "Photoroom", "ai_editor"),
    (r"topaz", "Topaz", "ai_editor"),
    (r"luminar", "Luminar", "ai_editor"),
    (r"galaxy ai|generative edit", "Galaxy AI", "ai_editor"),
    (r"photoshop lightroom|lightroom", "Lightroom", "editor"),
    (r"photoshop", "Photoshop", "editor"),
    (r"adobe premiere", "Premiere", "editor"),
    (r"after effects", "After Effects", "editor"),
    (r"camera raw", "Camera Raw", "editor"),
    (r"\bgimp\b", "GIMP", "editor"),
    (r"affinity photo", "Affinity Photo", "editor"),
    (r"pixelmator", "Pixelmator", "editor"),
    (r"snapseed", "Snapseed", "editor"),
    (r"picasa", "Picasa", "editor"),
    (r"paint\.net", "Paint.NET", "editor"),
    (r"\bcanva\b", "Canva", "editor"),
    (r"capture one", "Capture One", "editor"),
    (r"darktable", "darktable", "editor"),
    (r"rawtherapee", "RawTherapee", "editor"),
    (r"dxo (photo|optics|pure)", "DxO", "editor"),
    (r"\bvsco\b", "VSCO", "editor"),
    (r"meitu|beautyplus|\bairbrush\b", "Meitu", "editor"),
    (r"picsart", "Picsart", "editor"),
    (r"\bkrita\b", "Krita", "editor"),
    (r"photoscape", "PhotoScape", "editor"),
    (r"acdsee", "ACDSee", "editor"),
    (r"paint ?shop ?pro", "PaintShop Pro", "editor"),
    (r"final cut", "Final Cut", "editor"),
    (r"davinci resolve", "DaVinci Resolve", "editor"),
    (r"capcut|lemon8|\bvid:v\d", "CapCut or TikTok", "editor"),
    (r"kdenlive|\bmlt\b", "Kdenlive", "editor"),
    (r"\bimovie\b", "iMovie", "editor"),
    (r"imagemagick|graphicsmagick", "ImageMagick", "converter"),
    (r"handbrake", "HandBrake", "converter"),
    (r"\bgd-jpeg\b", "GD", "converter"),
    (r"^lav[fc]\d|ffmpeg", "FFmpeg", "converter"),
    (r"iso media file produced by google", "YouTube or Google", "converter"),
)  # fmt: skip
_COMPILED: Final = tuple((re.compile(pattern), name, role) for pattern, name, role in _NAMES)

SOURCE_TYPES: Final = {
    "trainedAlgorithmicMedia": "made by AI",
    "compositeWithTrainedAlgorithmicMedia": "partly made by AI",
    "compositeSynthetic": "put together, with parts that are synthetic",
    "algorithmicallyEnhanced": "improved by a program",
    "algorithmicMedia": "made by a program, not by a trained model",
    "virtualRecording": "a recording of a virtual scene",
    "trainedAlgorithmicData": "data made by AI",
    "digitalCapture": "taken by a digital camera",
    "computationalCapture": "taken by a digital camera, several frames put together",
    "multiFrameComputationalCapture": "taken by a digital camera, several frames put together",
    "negativeFilm": "digitised from a film",
    "positiveFilm": "digitised from a film",
    "print": "digitised from a print",
    "humanEdits": "edited by a person",
    "minorHumanEdits": "edited slightly by a person",
    "compositeCapture": "put together from several photographs",
    "composite": "put together from several parts",
    "digitalCreation": "made by a person with a program",
    "digitalArt": "made by a person with a program",
    "softwareImage": "made with a program",
    "dataDrivenMedia": "made from data",
    "screenCapture": "a picture of a screen",
    "empty": "begun empty",
}
"""Codes of IPTC's and C2PA's vocabularies, and what they say in plain words."""
GENERATED: Final = frozenset({"trainedAlgorithmicMedia"})
PARTLY_GENERATED: Final = frozenset({"compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"})
CAPTURED: Final = frozenset({"digitalCapture", "computationalCapture", "multiFrameComputationalCapture"})


def known(text: str) -> tuple[str, Role] | None:
    """Return name and role of the program that a field for programs names, or None.

    Example:
        >>> known("Adobe Photoshop 25.0 (Macintosh)")
        ('Photoshop', 'editor')
    """
    lower = text[:400].lower()
    return next(((name, role) for pattern, name, role in _COMPILED if pattern.search(lower)), None)


def source_type(text: str) -> str | None:
    """Return the code of a digital source type, given as a code or as an address; None where it is none we know.

    Example:
        >>> source_type("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")
        'trainedAlgorithmicMedia'
    """
    code = text.strip().rstrip("/").rpartition("/")[2]
    by_lower = {c.lower(): c for c in SOURCE_TYPES}
    return by_lower.get(code.lower())
