"""Picks in, tensors out: reading, forging and degrading faces, each reproducible from its pick alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from fakeweb.errors import DatasetError, FakeWebError
from fakeweb.faces import align
from fakeweb.faces.main_face import middle_inside
from fakeweb.forge import Forgery
from fakeweb.media import read_image
from fakeweb.train.augment import augmented_pair, mask_crop
from fakeweb.train.classifier.forging import Forger
from fakeweb.train.classifier.plan import Pick
from fakeweb.train.classifier.prepare import FaceSample
from fakeweb.train.classifier.regions import Regions
from fakeweb.train.recipe import AugmentRecipe, Recipe
from fakeweb.types import KINDS, Box, Face, Image, UInt8Array

NO_KIND = -100
_TOUCHED = 0.005
"""Where crops are zoomed, a fake's crop of which a smaller share was touched counts as real."""

Item = dict[str, Any]


class FaceDataset(Dataset):
    """Turns picks into tensors.

    An item holds ``pixels`` uint8 (S, S, 3), ``label`` and ``kind``; with an evidence map also ``mask``, float32
    (h, w) in [0, 1], and ``known``: whether the mask is; with a teacher ``taught``, NaN where it was not asked.

    Args:
        faces: The faces that picks number.
        recipe: The recipe.
        augment: The degradation; None: the recipe's.
        regions: Their kept regions; None: pictures are opened each time.
        places: Number of each face's region; None: the same as the face's.
        forger: Forges the picks that name a method.
    """

    def __init__(
        self,
        faces: Sequence[FaceSample],
        recipe: Recipe,
        augment: AugmentRecipe | None = None,
        regions: Regions | None = None,
        places: Sequence[int] | None = None,
        forger: Forger | None = None,
    ) -> None:
        self.faces, self.recipe, self.regions = faces, recipe, regions
        self.augment = recipe.augment if augment is None else augment
        self.places = range(len(faces)) if places is None else places
        self.map_side = -(-recipe.data.side_px // recipe.evidence.stride) if recipe.evidence.weight else 0
        self.forger = forger

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, pick: Pick) -> Item:
        sample = self.faces[pick.index].sample
        label, kind, taught = int(sample.label or 0), sample.kind, pick.taught
        image, box, mask = self._picture(pick)
        if (forgery := self._forgery(pick)) is not None:
            image, mask = forgery.image, np.rint(255 * forgery.mask).astype(np.uint8)
            label, kind = 1, forgery.kind
        data = self.recipe.data
        if pick.seed is None:
            pixels = align(image, Face(box), data.side_px, margin=data.margin).pixels.copy()
            mask = None if mask is None else mask_crop(mask, Face(box), data.side_px, data.margin)
        else:
            rng = np.random.default_rng(pick.seed)
            pixels, mask = augmented_pair(image, mask, box, data.side_px, data.margin, self.augment, rng)
            if self.augment.zoom and mask is not None and np.mean(mask > 127) < _TOUCHED:
                label, kind, taught = 0, None, None
        number = KINDS.index(kind) if kind in KINDS else NO_KIND
        item: Item = {"pixels": torch.from_numpy(pixels), "label": label, "kind": number}
        if self.map_side:
            item |= {"mask": torch.from_numpy(self._cells(mask)), "known": mask is not None}
        if self.recipe.loss.teacher:
            item["taught"] = np.float32(np.nan if taught is None else taught)
        return item

    def plain(self, pick: Pick, side_px: int) -> UInt8Array:
        """Return a pick's crop before it is degraded, forged if it is to be, uint8 RGB (S, S, 3)."""
        image, box, _ = self._picture(pick)
        forgery = self._forgery(pick)
        image = image if forgery is None else forgery.image
        return align(image, Face(box), side_px, margin=self.recipe.data.margin).pixels

    def _forgery(self, pick: Pick) -> Forgery | None:
        """Return what the forge makes of a pick's face, if it is to be forged."""
        if pick.method is None or self.forger is None or self.regions is None:
            return None
        return self.forger(pick.method, self.regions[self.places[pick.index]], pick.seed or ())

    def _picture(self, pick: Pick) -> tuple[Image, Box, UInt8Array | None]:
        """Return the picture or region, the face in it, and the mask over it where one is needed and known."""
        face = self.faces[pick.index]
        if self.regions is not None:
            region = self.regions[self.places[pick.index]]
            mask = None
            if self.map_side and region.mask is not None:
                size = region.pixels.shape[1::-1]
                mask = np.asarray(cv2.resize(region.mask, size, interpolation=cv2.INTER_LINEAR), np.uint8)
            return Image(region.pixels), region.box, mask
        try:
            image = read_image(face.sample.path).image
        except FakeWebError as error:
            raise _changed(error.message) from error
        if not middle_inside(face.box, image):
            raise _changed(f"{face.sample.path} is smaller than it was")
        return image, face.box, None

    def _cells(self, mask: UInt8Array | None) -> np.ndarray:
        """Average a mask over the cells of the map; float32 (h, w)."""
        side = self.map_side
        if mask is None:
            return np.zeros((side, side), np.float32)
        shrink = cv2.INTER_AREA if mask.shape[0] >= side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(mask, (side, side), interpolation=shrink), np.float32) / 255


def _changed(why: str) -> DatasetError:
    return DatasetError(
        f"a picture changed since its face was found: {why}",
        hint="restore it, or delete faces-*.csv in the output folder and begin anew",
    )
