"""Reports, faces and pictures in a notebook: small pieces of HTML with their own styles and no scripts."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Final

import cv2
import numpy as np

from fakeweb.render.origin import label_line, origin_lines
from fakeweb.render.words import percent, rarity_words, stretch_words
from fakeweb.types import FaceResult, Image, Report

_MOST: Final = 12
_SIDE_PX: Final = 900
_COLOURS: Final = {"fake": "#b3162a", "real": "#14665f", "uncertain": "#5d606b", "no_face": "#5d606b"}


def report_html(report: Report) -> str:
    """Return verdict, faces and origin of a report; its picture is shown by ``fakeweb.overlay(picture, report)``."""
    verdict = report.verdict
    faces = sorted(
        report.faces, key=lambda r: -1.0 if r.verdict.p_fake is None else r.verdict.p_fake, reverse=True
    )
    more = f"<p>and {len(faces) - _MOST} more</p>" if len(faces) > _MOST else ""
    lines = [*verdict.reasons, *(f"warning: {w}" for w in report.warnings)]
    told = "".join(
        f"<li>{escape(line)}</li>"
        for line in filter(None, (*origin_lines(report), label_line(report.provenance)))
    )
    noun = "people" if report.video is not None else "faces"
    return (
        f'<div style="border-left:5px solid {_COLOURS[verdict.label]};padding-left:.8em">'
        f"<b>{escape(report.source)}: {_head(verdict.label, verdict.p_fake)}</b>, {len(report.faces)} {noun}"
        f"{''.join(f'<p>{escape(line)}</p>' for line in lines)}"
        f"{''.join(map(faceresult_html, faces[:_MOST]))}{more}{f'<p>origin</p><ul>{told}</ul>' if told else ''}</div>"
    )


def faceresult_html(result: FaceResult) -> str:
    """Return one face as a card: verdict, how rare the score is, why."""
    verdict = result.verdict
    kind = result.score.kind if result.score is not None and verdict.label == "fake" else None
    lines = [
        rarity_words(result.rarity) if result.rarity is not None and verdict.label != "real" else "",
        *verdict.reasons,
        f"looks manipulated {stretch_words(result)}" if result.stretches else "",
    ]
    box = " ".join(f"{v:.0f}" for v in result.face.box)
    return (
        f'<div style="border:1px solid #8886;border-radius:6px;padding:.4em .7em;margin:.3em 0">'
        f'<b style="color:{_COLOURS[verdict.label]}">{_head(verdict.label, verdict.p_fake)}</b>'
        f"{f' {escape(kind)}' if kind else ''} <small>[{box}]</small>"
        f"{''.join(f'<br>{escape(line)}' for line in lines if line)}</div>"
    )


def image_html(image: Image) -> str:
    """Return a picture, shrunk to at most 900 px."""
    scale = min(1.0, _SIDE_PX / max(image.width, image.height))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    pixels = image.pixels if scale == 1 else cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(np.asarray(pixels), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90]
    )
    text = b64encode(data.tobytes()).decode()
    return f'<img alt="{image.width} x {image.height} px" src="data:image/jpeg;base64,{text}">'


def _head(label: str, p_fake: float | None) -> str:
    return label.replace("_", " ") + ("" if p_fake is None else f" {percent(p_fake)}")
