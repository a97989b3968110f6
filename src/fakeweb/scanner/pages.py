"""A scanned picture or clip -> what an HTML page shows of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np

from fakeweb.media import Limits, encode_jpeg, read_image
from fakeweb.render import overlay
from fakeweb.render.page import MOST_CARDS, Shown, to_html
from fakeweb.render.report_words import About, rates_words
from fakeweb.render.sheet import Moment, cut_moment
from fakeweb.runtime import Card
from fakeweb.scanner.clip_output import contact_sheet_of
from fakeweb.types import Classifier, Image, Impact, Report

PICTURE_PX: Final = 1600
"""Longer side of the picture on a page of its own."""
ENTRY_PX: Final = 480
"""Longer side of a picture on a page of many."""
_QUALITY: Final = 86


def show_picture(
    image: Image,
    report: Report,
    *,
    side_px: int = PICTURE_PX,
    crops: bool = True,
    impact: Impact | None = None,
) -> Shown:
    """Prepare a scanned picture for a page: shrunk, drawn, faces cut out.

    Args:
        image: The picture that was scanned.
        report: Its report.
        side_px: Longer side of the picture on the page.
        crops: Whether to cut out the faces.
        impact: Where a reach was given.
    """
    drawn = overlay(image, report)
    changed = drawn is not image and not np.array_equal(drawn.pixels, image.pixels)
    inside = (report.provenance or {}).get("thumbnail") or {}
    inside_px = max(inside.get("width", 0), inside.get("height", 0)) if inside.get("differs") else 0
    return Shown(
        _light(report),
        encode_jpeg(shrunk(image, side_px), _QUALITY),
        encode_jpeg(shrunk(drawn, side_px), _QUALITY) if changed else None,
        encode_jpeg(shrunk(image, inside_px), _QUALITY) if inside_px else None,
        _crops(image, report) if crops else {},
        impact=impact,
    )


def show_clip(
    source: Any, report: Report, *, limits: Limits | None = None, impact: Impact | None = None
) -> Shown:
    """Prepare a scanned clip for a page: its telling moments.

    Args:
        source: The clip that was scanned; a file object must stand at its start again.
        report: Its report.
        limits: How much the clip may cost.
        impact: Where a reach was given.

    Raises:
        MediaError: The clip cannot be read.
        ValueError: The report is not of a clip.
    """
    sheet = contact_sheet_of(source, report, limits=limits)
    return Shown(_light(report), sheet=encode_jpeg(sheet, _QUALITY), impact=impact)


def html_of(
    source: Any,
    report: Report,
    *,
    classifier: Classifier | None = None,
    limits: Limits | None = None,
    impact: Impact | None = None,
) -> str:
    """Return the page of a scanned picture or clip: one HTML file that needs nothing beside it.

    Args:
        source: What was scanned; a file object must stand at its start again.
        report: Its report.
        classifier: What judged it, for the page's foot: how often it is wrong, where it fails.
        limits: How much it may cost.
        impact: Where a reach was given.

    Raises:
        MediaError: It cannot be read.
    """
    if report.video is not None:
        return to_html(show_clip(source, report, limits=limits, impact=impact), about(classifier))
    media = read_image(source, limits=limits or Limits(), name=report.source)
    return to_html(show_picture(media.image, report, impact=impact), about(classifier))


def what_is_kept(source: Any, report: Report, *, limits: Limits | None = None) -> bytes:
    """Return what the page of a scanned picture or clip needs of it, as JPEG: the picture, or its telling moments.

    Args:
        source: What was scanned; a file object must stand at its start again.
        report: Its report.
        limits: How much it may cost.

    Raises:
        MediaError: It cannot be read.
    """
    if report.video is not None:
        return encode_jpeg(contact_sheet_of(source, report, limits=limits), _QUALITY)
    return encode_jpeg(read_image(source, limits=limits or Limits(), name=report.source).image, _QUALITY)


def html_of_kept(
    kept: bytes,
    report: Report,
    *,
    classifier: Classifier | None = None,
    limits: Limits | None = None,
    impact: Impact | None = None,
) -> str:
    """Return the page that :func:`html_of` gives, of what was kept for it.

    Args:
        kept: From :func:`what_is_kept`, or the picture itself; empty where nothing was: then the page shows none.
        report: The report.
        classifier: As :func:`html_of` takes it.
        limits: The same.
        impact: The same.

    Raises:
        MediaError: It cannot be read.
    """
    if kept and report.video is None:
        return html_of(kept, report, classifier=classifier, limits=limits, impact=impact)
    return to_html(Shown(_light(report), sheet=kept or None, impact=impact), about(classifier))


def about(classifier: Classifier | None) -> About:
    """Return what stands at the foot of a page that this classifier's reports are shown on."""
    from fakeweb import __version__

    card = getattr(classifier, "card", None)
    details = card.details if isinstance(card, Card) else {}
    today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return About(__version__, tuple(str(t) for t in details.get("limits", ())), _rates(details), today)


def _rates(details: Mapping[str, Any]) -> str:
    """Say how often a model was wrong on faces it had not seen, by its card."""
    scores = dict(details.get("scores", {})).get("validation_B", {})
    try:
        alarms, found = float(scores["real_called_fake"]), float(scores["fake_called_fake"])
    except (KeyError, TypeError, ValueError):
        return ""
    return rates_words(alarms, found)


def _light(report: Report) -> Report:
    """Leave out what no page shows and takes the most room."""
    faces = tuple(replace(r, face=replace(r.face, mesh=None, points=None)) for r in report.faces)
    return replace(report, faces=faces)


def _crops(image: Image, report: Report) -> dict[int, bytes]:
    judged = sorted(range(len(report.faces)), key=lambda i: -(report.faces[i].verdict.p_fake or -1.0))
    return {
        i + 1: encode_jpeg(cut_moment(image, Moment(0, 0.0, report.faces[i].face.box, 0.0)), _QUALITY)
        for i in judged[:MOST_CARDS]
    }


def shrunk(image: Image, side_px: int) -> Image:
    """Return a picture whose longer side is at most ``side_px``."""
    scale = side_px / max(image.width, image.height)
    if scale >= 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return Image(np.asarray(cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA), np.uint8))
