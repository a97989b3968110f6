"""Where a fake was touched, as far as a data set tells. numpy and OpenCV only.

Rules, by source (``data.masks`` in a recipe): ``pair`` compares with the real picture of the same group, if the two
show the same moment; ``parts`` reads four digits at the end of the group's name (left eye, right eye, nose, mouth);
``whole`` says everything; ``file`` opens the sample's own mask; ``none`` says nothing. Without a rule, a sample
that has a mask file uses it, and other fakes say nothing. A real face was touched nowhere.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.datasets import Sample
from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.media import read_image
from fakeweb.types import Box, Image, UInt8Array

_ALIGNED = 8.0  # largest median difference, in grey levels, around faces of the same moment
_ALIKE = 0.5  # least correlation of the details there
_FLAT = 1.0  # standard deviation, in grey levels, under which there are no details
_UNTOUCHED = 0.004  # least share of a touched picture
_DIGITS = re.compile(r"_([01]{4})$")
_EYE = (0.22, 0.14)
# centre and half axes in units of the box, brow to chin and cheek to cheek
_PARTS = (
    ((0.30, 0.36), _EYE),
    ((0.70, 0.36), _EYE),
    ((0.50, 0.56), (0.20, 0.20)),
    ((0.50, 0.79), (0.28, 0.14)),
)


def touched(sample: Sample, rule: str, image: Image, box: Box, real: Path | None) -> UInt8Array | None:
    """Return where a fake was touched.

    Args:
        sample: A fake.
        rule: One of the rules above; empty: none was given.
        image: Its picture.
        box: Its face.
        real: The only real picture of the same group, if there is one.

    Returns:
        uint8 (H, W) over the picture, 255 where touched; or None where unknown.

    Raises:
        DatasetError: A mask file cannot be read or has another shape.
    """
    if rule == "whole":
        return np.full((image.height, image.width), 255, np.uint8)
    if rule == "parts":
        return part_mask(sample.group, image, box)
    if rule == "pair":
        return None if real is None else pair_mask(image, _read(real))
    if rule in ("file", "") and sample.mask is not None:
        return _file_mask(sample.mask, image)
    return None


def pair_mask(fake: Image, real: Image) -> UInt8Array | None:
    """Return where two pictures of the same moment differ; None where they show different moments.

    The difference is smoothed, what the whole picture differs by (light, encoder) is subtracted, and what is left
    is closed to a region.
    """
    if fake.pixels.shape != real.pixels.shape:
        return None
    difference = np.abs(fake.pixels.astype(np.float32) - real.pixels).mean(2)
    side = max(difference.shape)
    inner = np.zeros(difference.shape, bool)
    border = [max(1, n // 8) for n in difference.shape]
    inner[border[0] : -border[0], border[1] : -border[1]] = True
    ground = float(np.median(difference[~inner]))
    if ground > _ALIGNED or not _alike(fake, real, ~inner):
        return None
    soft = cv2.GaussianBlur(difference, (0, 0), side / 45)
    sure = np.clip((soft - 1.5 * ground - 3) / 8, 0, 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side // 8 | 1,) * 2)
    return np.rint(255 * cv2.morphologyEx(sure, cv2.MORPH_CLOSE, kernel)).astype(np.uint8)


def untouched(mask: UInt8Array | None) -> bool:
    """Tell whether a mask by ``pair`` says that nothing was touched."""
    return mask is not None and float(mask.mean()) < 255 * _UNTOUCHED


def part_mask(name: str, image: Image, box: Box) -> UInt8Array | None:
    """Return ellipses over the parts that a name such as ``hard_9_1101.jpg`` tells.

    Whose left is meant is not known: if one eye was touched, both are half sure.
    """
    found = _DIGITS.search(Path(name).stem)
    if found is None:
        return None
    parts = [float(digit) for digit in found[1]]
    parts[:2] = [sum(parts[:2]) / 2] * 2
    x0, y0, x1, y1 = box
    mask = np.zeros((image.height, image.width), np.uint8)
    for sure, (centre, half) in zip(parts, _PARTS, strict=True):
        if sure:
            middle = (round(x0 + centre[0] * (x1 - x0)), round(y0 + centre[1] * (y1 - y0)))
            axes = (max(1, round(half[0] * (x1 - x0))), max(1, round(half[1] * (y1 - y0))))
            cv2.ellipse(mask, middle, axes, 0, 0, 360, round(255 * sure), -1)
    return mask


def _alike(fake: Image, real: Image, ring: npt.NDArray[np.bool_]) -> bool:
    """Tell whether the details around the face lie in the same places; a ring without details cannot say no."""
    planes = []
    for image in (fake, real):
        grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        soft = cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / 200)  # what encoders leave alone
        details = (soft - cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / 28))[ring]
        planes.append(details - details.mean())
    if min(plane.std() for plane in planes) < _FLAT:
        return True
    return float(np.corrcoef(planes[0], planes[1])[0, 1]) > _ALIKE


def _file_mask(path: Path, image: Image) -> UInt8Array:
    pixels = _read(path).pixels
    if pixels.shape != image.pixels.shape:
        raise DatasetError(
            f"the mask {path} has {pixels.shape[1]} x {pixels.shape[0]} px, its picture {image.width} x {image.height}",
            hint="a mask covers its whole picture, white where it was touched",
        )
    return np.ascontiguousarray(pixels[..., 0])


def _read(path: Path) -> Image:
    try:
        return read_image(path).image
    except FakeWebError as error:
        raise DatasetError(error.message, hint="restore the file, or take it out of the data set") from error
