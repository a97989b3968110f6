"""Parameters that generators leave in text chunks, comments and EXIF."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fakeweb.media.limits import one_line
from fakeweb.provenance.names import known
from fakeweb.provenance.values import Generation

_MAX_PROMPT: Final = 2000
_MAX_VALUE: Final = 200
_MAX_KEYS: Final = 40
_STEPS: Final = re.compile(r"\bSteps: ?\d+, ")
_PAIR: Final = re.compile(r'\s*(\w[\w \-/]{0,40}):\s*("(?:\\.|[^"\\]){0,400}"|[^,]{0,400})(?:,|$)')
_MIDJOURNEY: Final = re.compile(r"Job ID: ?[0-9a-f]{8}-|--v(ersion)? \d|--niji\b", re.IGNORECASE)
_SAMPLERS: Final = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")


def read_generation(texts: Iterable[tuple[str, str]]) -> Generation | None:
    """Recognise the parameters of a generator.

    Args:
        texts: Keyword and text, such as PNG's ``parameters``; of EXIF ``UserComment``, ``ImageDescription``, ``Make``,
            ``Model``, ``Artist``.
    """
    by_key: dict[str, str] = {}
    for key, text in texts:
        by_key.setdefault(key.lower(), text)
    for reader in (_comfy, _novelai, _invoke, _swarm, _automatic, _midjourney, _draw_things, _grok):
        found = reader(by_key)
        if found is not None:
            return Generation(found[0], {k: v for k, v in list(found[1].items())[:_MAX_KEYS] if v})
    return None


_Found = tuple[str, dict[str, str]] | None


def _comfy(texts: Mapping[str, str]) -> _Found:
    for key, mark in (("prompt", ""), ("workflow", ""), ("model", "prompt:"), ("make", "workflow:")):
        text = texts.get(key, "")
        if not text.startswith(mark or "{"):
            continue
        graph = _json(text.removeprefix(mark))
        nodes = graph.get("nodes") if isinstance(graph.get("nodes"), list) else list(graph.values())
        if isinstance(nodes, list) and any(
            isinstance(n, dict) and ("class_type" in n or "type" in n) for n in nodes
        ):
            return "ComfyUI", _comfy_parameters(graph)
    return None


def _comfy_parameters(graph: Mapping[str, Any]) -> dict[str, str]:
    """Return what the sampler's node was given, and the first text it leads to."""
    found: dict[str, str] = {}
    for node in list(graph.values())[:500]:
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if not isinstance(inputs, dict):
            continue
        kind = str(node.get("class_type", ""))
        if kind in _SAMPLERS:
            for name in ("seed", "noise_seed", "steps", "cfg", "sampler_name"):
                if isinstance(inputs.get(name), int | float | str):
                    found.setdefault(name, _short(inputs[name]))
        for name, target in (("ckpt_name", "model"), ("unet_name", "model"), ("text", "prompt")):
            if isinstance(inputs.get(name), str):
                found.setdefault(target, one_line(inputs[name], _MAX_PROMPT))
    return found


def _automatic(texts: Mapping[str, str]) -> _Found:
    """Read the lines of AUTOMATIC1111 and its relatives: prompt, negative prompt, a list of settings."""
    for key in ("parameters", "usercomment", "comment", "description", "imagedescription"):
        text = texts.get(key, "")
        match = _STEPS.search(text)
        if match is None:
            continue
        prompt, _, negative = text[: match.start()].partition("Negative prompt:")
        wanted = {"prompt": prompt, "negative prompt": negative}
        found = {k: one_line(v.strip(), _MAX_PROMPT) for k, v in wanted.items()}
        for pair in list(_PAIR.finditer(text[match.start() : match.start() + 4000]))[:_MAX_KEYS]:
            found.setdefault(pair[1].strip().lower(), _short(pair[2].strip('" ')))
        version = found.get("version", "")
        name = known(version) or known(texts.get("software", ""))
        return (
            name[0] if name and name[1] == "generator" else "Stable Diffusion (AUTOMATIC1111's form)"
        ), found
    return None


def _novelai(texts: Mapping[str, str]) -> _Found:
    if "novelai" not in texts.get("software", "").lower():
        return None
    data = _json(texts.get("comment", ""))
    found = _some(data, "seed", "steps", "scale", "sampler")
    prompt = one_line(texts.get("description", "") or str(data.get("prompt", "")), _MAX_PROMPT)
    return "NovelAI", {"prompt": prompt, "model": _short(texts.get("source", "")), **found}


def _invoke(texts: Mapping[str, str]) -> _Found:
    for key in ("invokeai_metadata", "sd-metadata", "dream"):
        if key in texts:
            data = _json(texts[key])
            model = data.get("model")
            name = model.get("name", model.get("model_name", "")) if isinstance(model, dict) else model
            prompt = data.get("positive_prompt", "" if data else texts[key])
            found = _some(data, "seed", "steps", "cfg_scale", "scheduler")
            return "InvokeAI", {
                "prompt": one_line(str(prompt), _MAX_PROMPT),
                "model": _short(name or ""),
                **found,
            }
    return None


def _swarm(texts: Mapping[str, str]) -> _Found:
    for key in ("parameters", "usercomment"):
        data = _json(texts.get(key, "")).get("sui_image_params")
        if isinstance(data, dict):
            found = _some(data, "model", "seed", "steps", "cfgscale", "sampler")
            return "SwarmUI", {"prompt": one_line(str(data.get("prompt", "")), _MAX_PROMPT), **found}
    scheme = texts.get("fooocus_scheme")
    return ("Fooocus", {"prompt": one_line(texts.get("parameters", ""), _MAX_PROMPT)}) if scheme else None


def _midjourney(texts: Mapping[str, str]) -> _Found:
    for key in ("description", "imagedescription", "comment"):
        text = texts.get(key, "")
        if _MIDJOURNEY.search(text):
            prompt, _, job = text.partition("Job ID:")
            return "Midjourney", {"prompt": one_line(prompt.strip(), _MAX_PROMPT), "job": _short(job.strip())}
    return None


def _draw_things(texts: Mapping[str, str]) -> _Found:
    data = _json(texts.get("usercomment", ""))
    if "c" in data and "sampler" in data and "seed" in data:
        found = _some(data, "model", "seed", "steps", "scale", "sampler")
        return "Draw Things", {"prompt": one_line(str(data["c"]), _MAX_PROMPT), **found}
    return None


def _grok(texts: Mapping[str, str]) -> _Found:
    """Recognise the signature that xAI's Grok writes, beside an artist that is a UUID."""
    signed = texts.get("imagedescription", "").startswith("Signature: ")
    uuid = re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", texts.get("artist", ""))
    return ("Grok", {}) if signed and uuid else None


def aigc_label(texts: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the mark that Chinese law (GB 45438) asks of generators, and who set it; None where there is none.

    Args:
        texts: Keyword and text; the mark is JSON with ``Label`` under the keyword ``AIGC``, or within a comment.

    Returns:
        ``1`` (is generated), ``2`` (may be) or ``3`` (is suspected to be), and the producer.
    """
    for key, text in texts:
        if "aigc" not in key.lower() and '"AIGC"' not in text[:4000]:
            continue
        data = _json(text)
        data = data["AIGC"] if isinstance(data.get("AIGC"), dict) else data
        label = str(data.get("Label", ""))
        if label in ("1", "2", "3"):
            return label, _short(data.get("ContentProducer", ""))
    return None


def _json(text: str) -> dict[str, Any]:
    """Parse a JSON object; an empty one where it is none."""
    text = text.strip("\0 \n")
    if not text.startswith("{"):
        return {}
    try:
        data = json.loads(text.replace("NaN", "null"))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _some(data: Mapping[str, Any], *keys: str) -> dict[str, str]:
    return {key: _short(data[key]) for key in keys if key in data}


def _short(value: object) -> str:
    return one_line(str(value), _MAX_VALUE)
