"""Face tracks that ``fakeweb data extract`` wrote, as pictures: each crop of each track is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Final

from fakeweb.datasets.layout import LeftOut, TolerantLayout
from fakeweb.datasets.samples import Sample
from fakeweb.datasets.shards import read_shard, read_sidecars
from fakeweb.datasets.splits import split_of_group
from fakeweb.errors import DatasetError, readable
from fakeweb.media import write_atomically
from fakeweb.media.storage import Storage

_FRAMES: Final = ".frames"


def unpack_crops(
    out: str, folder: Path, *, on_shard: Callable[[int, int], None] | None = None
) -> tuple[dict[str, dict[str, Any]], int]:
    """Write every crop as ``PART/CLIP/TRACK_NN.jpg``, a mask beside it as ``TRACK_NN.mask.png``.

    Shards that are unpacked already are left alone.

    Args:
        out: What ``fakeweb data extract --out`` wrote.
        folder: Where to; made if needed.
        on_shard: Called with (done, total).

    Returns:
        The sidecars by the shard's name, and how many crops were written now.

    Raises:
        DatasetError: No shard, or a damaged one.
    """
    store = Storage(out)
    sidecars = dict(sorted(read_sidecars(store).items()))
    if not sidecars:
        raise DatasetError(f"no shards in {out}", hint="run `fakeweb data extract` first")
    written = 0
    for number, (name, sidecar) in enumerate(sidecars.items(), 1):
        part = str(sidecar["about"]["part"])
        mark = folder / ".unpacked" / f"{PurePosixPath(name).name}.{sidecar['sha256'][:16]}"
        if not mark.exists():
            for sample in read_shard(store, name, sidecar):
                target = folder / part / PurePosixPath(str(sample.meta["clip"])).stem
                for i, crop in enumerate(sample.crops):
                    stem = f"{sample.meta['track']}_{i:02}"
                    write_atomically(target / f"{stem}.jpg", crop)
                    if sample.masks:
                        write_atomically(target / f"{stem}.mask.png", sample.masks[i])
                    written += 1
            write_atomically(mark, b"")
        if on_shard is not None:
            on_shard(number, len(sidecars))
    return sidecars, written


class TracksLayout(TolerantLayout):
    """A folder of ``fakeweb data extract``: labels, splits, groups and masks are those its layout gave the videos.

    The crops are unpacked beside the shards, into ``.frames``, when they are first asked for. A clip without a label
    (of a test set) is left out.
    """

    name = "tracks"
    looked_for: ClassVar[str] = "extraction.json and shards of face tracks"
    hint: ClassVar[str] = "run `fakeweb data extract` first"

    def _samples(self, root: Path, left_out: LeftOut) -> Iterator[Sample]:
        if not (root / "extraction.json").is_file():
            return
        folder = root / _FRAMES
        try:
            sidecars, _ = unpack_crops(str(root), folder)
        except OSError as error:
            raise DatasetError(
                f"the crops cannot be unpacked into {folder}: {error.strerror}",
                hint="copy the shards to where you may write",
            ) from error
        for sidecar in sorted(sidecars.values(), key=lambda s: str(s["about"]["part"])):
            part = str(sidecar["about"]["part"])
            for clip in sorted(sidecar["clips"], key=lambda c: PurePosixPath(c["clip"]).stem):
                name = f"{part}/{clip['clip']}"
                if clip["error"]:
                    left_out.add("clips that could not be read", name)
                elif clip["label"] is None:
                    left_out.add("clips without a label", name)
                elif not clip["tracks"]:
                    left_out.add("clips without a face", name)
                else:
                    yield from _crops(folder / part / PurePosixPath(clip["clip"]).stem, clip)


def _crops(folder: Path, clip: dict[str, Any]) -> Iterator[Sample]:
    label = int(clip["label"])
    source = str(clip.get("source", "dfdc"))  # only DFDC's own extraction leaves it out
    group = readable(str(clip.get("group") or clip["original"] or clip["clip"]))
    kind = clip.get("kind") or ("swap" if source == "dfdc" and label else None)
    split = clip.get("split") or split_of_group(source, group)
    for track in clip["tracks"]:
        for i in range(len(track["frames"])):
            path = folder / f"{track['track']}_{i:02}.jpg"
            mask = path.with_suffix(".mask.png")
            yield Sample(path, label, kind, split, group, source, mask if label and mask.is_file() else None)
