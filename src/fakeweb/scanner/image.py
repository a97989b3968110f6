"""Scan one picture; clips go on to ``video.py``."""

from __future__ import annotations

import hashlib
import json
import numbers
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fakeweb.classifiers import DEFAULT_MODEL, ContentClassifier, OnnxClassifier
from fakeweb.errors import BadArgument, UsageError
from fakeweb.faces import align, measure, quality_of, share_inside
from fakeweb.media import Limits, Media, Pace, kind_of, read_image
from fakeweb.provenance import credentials_reader, look_at, read_trust
from fakeweb.runtime import Card
from fakeweb.scanner.decide import Rules, Seen, cautions_of, conclude, explained, too_small
from fakeweb.scanner.parts import (
    DEFAULT_FINDER,
    DEFAULT_MESHER,
    make_finder,
    make_mesher,
    mesher_of,
    models_of,
    overlooked,
)
from fakeweb.scanner.video import VideoProgress, VideoScan
from fakeweb.types import SCHEMA_VERSION, Classifier, Face, FaceFinder, FaceMesher, Image, Report

MAX_FACES = 500
"""At most so many faces of a picture are judged, the largest first; the rest are reported as uncertain."""


class Scanner:
    """Finds and judges the faces of pictures. Make one, use it for all, share it between threads.

    Args:
        finder: Name of a face finder, or an object with ``find``.
        finder_model: Model file for finders that need one.
        model: Name of a shipped model, path of a card, or an object with ``score``.
        threshold: Call faces fake from this P(fake) on, instead of the model's own threshold. It is used as it
            is, whatever their neighbours are like.
        limits: What is refused before decoding.
        max_faces: Judge at most so many faces of a picture, the largest first.
        mesher: Name of a face mesh, or an object with ``mesh``: it measures 468 points on every face, drops what is
            no face, and recognises prints. The finder uses the same one where it needs one. A name gives way to the
            ``mesher`` of a finder given as an object; None leaves faces as the finder gives them, and a finder that
            is given by name measures none.
        trust: File of certificates (PEM): content credentials signed by these count as trusted. None comes along.

    Raises:
        UnknownName: No finder or model of that name.
        ModelMissing, ModelCorrupt, ModelIncompatible: The model cannot be used.
        UsageError: ``threshold`` lies outside (0, 1].

    Example:
        >>> import numpy as np
        >>> Scanner().scan(np.zeros((64, 64, 3), np.uint8)).verdict.label
        'no_face'
    """

    def __init__(
        self,
        *,
        finder: str | FaceFinder = DEFAULT_FINDER,
        finder_model: str | Path | None = None,
        model: str | Path | Classifier = DEFAULT_MODEL,
        threshold: float | None = None,
        limits: Limits | None = None,
        max_faces: int = MAX_FACES,
        mesher: str | FaceMesher | None = DEFAULT_MESHER,
        trust: str | Path | None = None,
    ) -> None:
        self._made_from = {name: value for name, value in locals().items() if name != "self"}
        _check_number("threshold", threshold, numbers.Real, "0.9")
        _check_number("max_faces", max_faces, numbers.Integral, "100")
        if limits is not None and not isinstance(limits, Limits):
            raise BadArgument(
                f"limits must be Limits, got {limits!r}", hint="such as Limits(max_pixels=50_000_000)"
            )
        if threshold is not None and not 0 < threshold <= 1:
            raise UsageError(
                f"the threshold must lie above 0 and at most at 1, got {threshold}",
                hint="0.9 asks for more certainty than 0.5",
            )
        self.mesher: FaceMesher | None = make_mesher(mesher, finder)
        self.finder: FaceFinder = make_finder(finder, finder_model, self.mesher)
        self.classifier: Classifier = OnnxClassifier(model) if isinstance(model, str | Path) else model
        self.content = ContentClassifier()
        self.threshold = threshold
        self.limits = limits or Limits()
        self.max_faces = max_faces
        self.trust = read_trust(trust)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as what made it."""
        return partial(type(self), **self._made_from), ()

    def __copy__(self) -> Scanner:
        """Return a scanner of its own options with the same loaded parts."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def scan(self, source: Any, *, name: str | None = None, white: float | None = None) -> Report:
        """Read a picture or a clip and judge every face in it.

        Args:
            source: Path, bytes, binary file object, picture of Pillow, or RGB array (H, W, 3). What a file is, its
                content decides.
            name: What the report calls it, if not by its path.
            white: For arrays that are not uint8, the value that stands for white, such as 65535 or 1.0.

        Raises:
            MediaError: The picture or clip cannot be read.
            BadArgument: No picture, or an array of another layout or of a range that is not stated.
        """
        if kind_of(source) == "clip":
            return self.scan_video(source, name=name)
        started = time.perf_counter()
        media = read_image(source, limits=self.limits, name=name, white=white)
        return self.judge(media, read_s=time.perf_counter() - started)

    def scan_video(
        self,
        source: Any,
        *,
        pace: Pace | None = None,
        name: str | None = None,
        on_progress: Callable[[VideoProgress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        threads: int = 0,
    ) -> Report:
        """Read a clip, video or animated picture, and judge every person in it.

        Args:
            source: Path, bytes, or binary file object.
            pace: Which frames to look at; by default two a second up to a minute, at least 32, bursts beyond.
            name: What the report calls it, if not by its path.
            on_progress: Called after each frame.
            should_stop: Asked after each frame; True ends the scan, and the report is about what was seen.
            threads: Threads that decode; 0 leaves it to the decoder.

        Returns:
            The report: one face per person, numbered as its track, with a curve over time in ``timeline``.

        Raises:
            MediaError: The clip cannot be read, or holds no pictures.
        """
        return self.video_scan(threads).run(source, pace, name, on_progress, should_stop)

    def video_scan(self, threads: int = 0) -> VideoScan:
        """Return a scan of one clip, of which more can be asked than its report.

        Args:
            threads: Threads that decode; 0 leaves it to the decoder.
        """
        return VideoScan(
            self.finder,
            self.classifier,
            self.rules,
            limits=self.limits,
            mesher=self.mesher,
            max_faces=self.max_faces,
            threads=threads,
            trust=self.trust,
        )

    def judge(self, media: Media, *, read_s: float = 0.0) -> Report:
        """Judge every face of a picture that was read before.

        Args:
            media: From :func:`fakeweb.media.read_image`.
            read_s: Seconds that took, for the report's timings.

        Raises:
            ModelIncompatible: The model does not give what its card says.
        """
        started = time.perf_counter()
        faces = sorted(self.finder.find(media.image), key=lambda f: f.box)
        found = time.perf_counter()
        faces = measure(media.image, faces, self.mesher, done_by=mesher_of(self.finder))
        measured = time.perf_counter()
        rules = self.rules
        seen = self._see(media.image, faces, rules)
        results, verdict = conclude(seen, rules)
        scored = time.perf_counter()
        content = self.content.look(media.image)
        ended = time.perf_counter()
        origin = look_at(media.data, media.image, trust=self.trust) if media.data else None
        return Report(
            source=media.source,
            verdict=explained(verdict, content),
            width=media.image.width,
            height=media.image.height,
            faces=results,
            thresholds=rules.thresholds,
            finder=self.finder.name,
            models=models_of(self.classifier, self.finder, self.mesher),
            media_sha256=media.sha256,
            content=content,
            provenance=None if origin is None else origin.to_dict(),
            timings_s={
                "read": read_s,
                "find": found - started,
                **({} if self.mesher is None else {"mesh": measured - found}),
                "score": scored - measured,
                "content": ended - scored,
                "provenance": time.perf_counter() - ended,
            },
            warnings=(
                *media.warnings,
                *overlooked(self.finder, media.image, rules.least_px),
            ),
        )

    @property
    def rules(self) -> Rules:
        """What verdicts go by."""
        printed = None if self.mesher is None else self.mesher.max_printed
        return Rules.of(self.classifier, threshold=self.threshold, max_printed=printed)

    def digest(self) -> str:
        """Return the SHA-256 of all that decides what this scanner says of given bytes.

        Models (by what their cards decide, not by their names), options, and the version of the code: the key of
        whatever is kept of its answers.
        """
        from fakeweb import __version__

        told = {
            "code": __version__,
            "schema": SCHEMA_VERSION,
            "parts": [_digest_of(part) for part in (self.finder, self.mesher, self.classifier, self.content)],
            "threshold": self.threshold,
            "max_faces": self.max_faces,
            "limits": repr(self.limits),
            "origin": [credentials_reader(), self.trust],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _see(self, image: Image, faces: Sequence[Face], rules: Rules) -> list[Seen]:
        """Score the faces that are large enough, the largest first, and measure how well each can be seen."""
        model = self.classifier
        small = [too_small(face, rules.least_px) for face in faces]
        chosen = _largest(faces, [why is None for why in small], self.max_faces)
        scores = model.score([align(image, faces[i], model.side_px, margin=model.margin) for i in chosen])
        by_face = dict(zip(chosen, scores, strict=True))
        seen = []
        for i, (face, why) in enumerate(zip(faces, small, strict=True)):
            if i in by_face:
                quality = quality_of(image, face)
                score = rules.sized(face, by_face[i])
                seen.append(Seen(face, score, None, tuple(cautions_of(face, quality)), quality.inside))
            else:
                reason = why or f"not judged: more than {self.max_faces} faces"
                seen.append(Seen(face, unjudged=reason, inside=share_inside(image, face)))
        return seen


def _digest_of(part: object) -> str:
    """Return what tells a part from another: its card's digest, or its kind and name."""
    card = getattr(part, "card", None)
    kind = f"{type(part).__module__}.{type(part).__qualname__}"
    own = card.digest() if isinstance(card, Card) else getattr(part, "reference", getattr(part, "name", ""))
    return f"{kind}:{own}"


def _largest(faces: Sequence[Face], usable: Sequence[bool], most: int) -> list[int]:
    """Return the places of the largest usable faces, in order, at most ``most``."""
    places = [i for i, ok in enumerate(usable) if ok]
    places.sort(key=lambda i: -faces[i].width_px * faces[i].height_px)
    return sorted(places[:most])


def _check_number(name: str, value: object, kind: type, example: str) -> None:
    """Refuse what only looks like a number, such as text or a flag."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
        raise BadArgument(f"{name} must be a number, got {value!r}", hint=f"such as {name}={example}")
