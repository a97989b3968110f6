"""One clip as it is taught: decoded, degraded alike in all its frames, perhaps re-ordered, perhaps forged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fakeweb import registry
from fakeweb.datasets.shards import decode_crop
from fakeweb.faces import align
from fakeweb.forge import Flicker, forge_track
from fakeweb.train.augment import augmented_crop
from fakeweb.train.temporal.recipe import TemporalRecipe
from fakeweb.train.temporal.tracks import ClipTracks, TrackRef, TrackSet
from fakeweb.types import Face, FaceMesher, Image, UInt8Array


class ClipMaker:
    """Turns clips into network input.

    Args:
        tracks: Where the crops are read.
        recipe: How.
        mesher: Measures faces to be forged; None takes the recipe's, if any is to be forged.
    """

    def __init__(self, tracks: TrackSet, recipe: TemporalRecipe, mesher: FaceMesher | None = None) -> None:
        self.tracks, self.recipe = tracks, recipe
        self._methods = [registry.load("forge", name)() for name in recipe.data.forge]
        if self._methods and mesher is None:
            mesher = registry.load("mesh", recipe.data.mesher)()
        self._mesher = mesher

    def plain(self, clip: ClipTracks) -> tuple[UInt8Array, int]:
        """Return a clip as it is: uint8 RGB (K, T, S, S, 3) and how many of the K tracks there are."""
        data = self.recipe.data
        made = [
            np.stack([self._cut(image, track) for image in self._frames(track)])
            for track in clip.tracks[: data.tracks_per_clip]
        ]
        return self._stacked(made)

    def taught(
        self, clip: ClipTracks, rng: np.random.Generator, *, forge: bool, reorder: float = 0.0
    ) -> tuple[UInt8Array, int, int]:
        """Return a degraded clip, how many tracks it has, and its label.

        Args:
            clip: Real or fake.
            rng: Decides all.
            forge: Whether to forge its first track, where it is real; one that cannot be measured stays real.
            reorder: Probability that the frames of a real clip are put in another order.
        """
        recipe, label, made = self.recipe, clip.label, []
        for number, track in enumerate(clip.tracks[: recipe.data.tracks_per_clip]):
            frames = self._frames(track)
            if forge and number == 0 and clip.label == 0 and self._methods:
                forged = self._forged(frames, track, rng)
                if forged is not None:
                    frames, label = forged, 1
            if label == 0 and rng.random() < reorder:
                frames = [frames[i] for i in rng.permutation(len(frames)).tolist()]
            seed = int(rng.integers(2**62))  # the same for all frames: a camera does not change between them
            made.append(np.stack([self._degraded(image, track, seed, i) for i, image in enumerate(frames)]))
        pixels, count = self._stacked(made)
        return pixels, count, label

    def _frames(self, track: TrackRef) -> list[Image]:
        return [decode_crop(data) for data in self.tracks.crops(track, self.recipe.data.frames)]

    def _cut(self, image: Image, track: TrackRef) -> UInt8Array:
        data = self.recipe.data
        return align(image, Face(track.in_crop), data.side_px, margin=data.margin).pixels

    def _degraded(self, image: Image, track: TrackRef, seed: int, number: int) -> UInt8Array:
        """Degrade one frame as all others of its clip, but for the noise, which is new in each."""
        recipe = self.recipe
        rng = np.random.default_rng(seed)
        still = replace(recipe.augment, noise=0.0)
        pixels = augmented_crop(image, track.in_crop, recipe.data.side_px, recipe.data.margin, still, rng)
        if np.random.default_rng(seed + 1).random() >= recipe.augment.noise:
            return pixels
        level = np.random.default_rng(seed + 2).uniform(1, 9)
        noise = np.random.default_rng([seed, number]).normal(0, level, pixels.shape)
        return np.clip(pixels + noise, 0, 255).astype(np.uint8)

    def _forged(self, frames: list[Image], track: TrackRef, rng: np.random.Generator) -> list[Image] | None:
        """Forge one person through a track, flicker included; None where the mesh does not find the face."""
        mesher = self._mesher
        if mesher is None:
            return None
        measured = [mesher.mesh(image, [Face(track.in_crop)])[0] for image in frames]
        if any(face.mesh is None for face in measured):
            return None
        method = self._methods[int(rng.integers(len(self._methods)))]
        flicker = Flicker(mesh=float(rng.uniform(0.002, 0.012)), colour=float(rng.uniform(0.5, 4.0)))
        pairs = list(zip(frames, measured, strict=True))
        return [forged.image for forged in forge_track(method, pairs, rng, flicker)]

    def _stacked(self, made: list[UInt8Array]) -> tuple[UInt8Array, int]:
        """Stack tracks to (K, T, S, S, 3), the missing ones black."""
        data = self.recipe.data
        out = np.zeros((data.tracks_per_clip, data.frames, data.side_px, data.side_px, 3), np.uint8)
        out[: len(made)] = np.stack(made)
        return out, len(made)
