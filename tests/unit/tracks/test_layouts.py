"""Videos of every layout -> face tracks, with the labels, splits, groups and masks that the layout gave them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakeweb.datasets import read_samples
from fakeweb.errors import LayoutMismatch
from fakeweb.tracks import extract as extraction
from fakeweb.tracks.clips import parts_of
from fakeweb.tracks.extract import ExtractOptions, extract
from fakeweb.train.temporal.tracks import TrackSet
from fakeweb.types import Face

OPTIONS = ExtractOptions(frames=4, side_px=96)
FF = "original_sequences/youtube/c23/videos"
FAKE = "manipulated_sequences/Deepfakes"
DFD = "manipulated_sequences/DeepFakeDetection/c23/videos"
LAYOUTS = {
    "faceforensics": (
        [f"{FF}/{n}.mp4" for n in ("000", "001")]
        + [f"{FAKE}/c23/videos/000_001.mp4", "original_sequences/actors/c23/videos/01__walking.mp4"]
        + [f"{DFD}/01_02__walking__ABCDEF12.mp4"],
        {
            f"{s}.json": json.dumps(pairs)
            for s, pairs in (("train", [["000", "001"]]), ("val", []), ("test", []))
        },
    ),
    "celebdf": (
        ["Celeb-real/id0_0000.mp4", "YouTube-real/00170.mp4", "Celeb-synthesis/id0_id0_0000.mp4"],
        {"List_of_testing_videos.txt": "1 YouTube-real/00170.mp4\n"},
    ),
    "dfdcp": (
        ["method_A/12/12_12_A/12_12_A_1.mp4", "original_videos/12/12_A_1.mp4"],
        {
            "dataset.json": json.dumps(
                {
                    "method_A/12/12_12_A/12_12_A_1.mp4": {"label": "fake", "set": "train"},
                    "original_videos/12/12_A_1.mp4": {"label": "real", "set": "train"},
                }
            )
        },
    ),
    "dfdc": (
        ["dfdc_train_part_0/a.mp4", "dfdc_train_part_0/b.mp4"],
        {
            "dfdc_train_part_0/metadata.json": json.dumps(
                {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE", "original": "a.mp4"}}
            )
        },
    ),
    "fakeavceleb": (
        [
            "RealVideo-RealAudio/African/men/id00076/00109.mp4",
            "RealVideo-FakeAudio/African/men/id00076/00109_fake.mp4",
        ]
        + [f"FakeVideo-RealAudio/African/men/id00076/00109_id00076_{m}.mp4" for m in ("wavtolip", "faceswap")]
        + ["FakeVideo-FakeAudio/African/men/id00076/00109_2_id00076_fsgan_wavtolip.mp4"],
        {},
    ),
    "folders": (
        [
            "mine/train/real/" + "long/" * 60 + "ü.mp4",
            "mine/train/real/a.mp4",
            "mine/train/fake/a.mp4",
            "mine/val/swap/b.mov",
            "mine/val/swap/b.mp4",
        ],
        {},
    ),
}


class Centre:
    """A face in the middle of every frame."""

    name = "centre"

    def find(self, image):
        w, h = image.width, image.height
        return [Face((w * 0.3, h * 0.25, w * 0.7, h * 0.75), 0.9)]


@pytest.fixture(scope="module")
def clip(clip_maker, portrait):
    """The bytes of a clip, each time of another one."""
    face = portrait.pixels[20:220, 120:320]
    dice = np.random.default_rng(0)

    def make():
        frames = [face[i : i + 180, :180] * 0.8 + dice.uniform(0, 40) for i in range(6)]
        return clip_maker.encode([f.astype(np.uint8) for f in frames], fps=6)

    return make


@pytest.fixture(scope="module")
def white(clip_maker):
    """A mask: white on the left half."""
    frame = np.zeros((180, 180, 3), np.uint8)
    frame[:, :90] = 255
    return clip_maker.encode([frame] * 6, fps=6)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(extraction, "make_finder", lambda *_: Centre())


def planted(root: Path, files, lists, clip) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(clip())
    for name, text in lists.items():
        (root / name).write_text(text)
    return root


def extracted(root: Path, out: Path):
    samples, _, layout = read_samples(root)
    parts, pictures = parts_of(samples, root)
    return layout, samples, pictures, extract(parts, str(out), OPTIONS)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_tracks_know_what_the_layout_said_of_the_videos(layout, clip, tmp_path):
    root = planted(tmp_path / "set", *LAYOUTS[layout], clip)
    found, videos, _, done = extracted(root, tmp_path / "tracks")
    assert found == layout
    assert (done.done, done.failed) == (len(videos), 0)
    crops, problems, name = read_samples(tmp_path / "tracks")
    assert name == "tracks"
    assert not problems

    def said(samples):
        return {(s.source, s.split, s.group, s.label, s.kind) for s in samples}

    assert said(crops) == said(videos)
    assert len(crops) == 4 * len(videos)
    assert cv2.imread(str(crops[0].path)).shape == (96, 96, 3)
    again = extract(parts_of(videos, root)[0], str(tmp_path / "tracks"), OPTIONS)
    assert again == done
    tracks = TrackSet(str(tmp_path / "tracks"), source="x", val=0.2, min_face_px=0)
    assert len(tracks.clips) == sum(s.split != "test" for s in videos)


def test_fakeavceleb_is_judged_by_its_pictures(clip, tmp_path):
    root = planted(tmp_path, *LAYOUTS["fakeavceleb"], clip)
    samples, _, _ = read_samples(root)
    assert {(s.path.stem, s.label, s.kind) for s in samples} == {
        ("00109", 0, None),
        ("00109_fake", 0, None),
        ("00109_id00076_wavtolip", 1, "reenacted"),
        ("00109_id00076_faceswap", 1, "swap"),
        ("00109_2_id00076_fsgan_wavtolip", 1, "swap"),
    }
    assert {s.group for s in samples} == {"id00076"}


@pytest.mark.usefixtures("quick")
def test_mask_videos_are_cut_as_the_faces_are(clip, white, tmp_path):
    root = planted(tmp_path / "ff", *LAYOUTS["faceforensics"], clip)
    mask = root / FAKE / "masks/videos/000_001.mp4"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(white)
    extracted(root, tmp_path / "tracks")
    crops, _, _ = read_samples(tmp_path / "tracks")
    masked = [s for s in crops if s.mask]
    assert {s.path.parent.name for s in masked} == {"manipulated_sequences__Deepfakes__c23__videos__000_001"}
    shown = cv2.imread(str(masked[0].mask), cv2.IMREAD_GRAYSCALE)
    assert shown.shape == (96, 96)
    assert shown[:, :40].min() > 200
    assert shown[:, 56:].max() < 50
    (clips,) = [c for c in TrackSet(str(tmp_path / "tracks"), source="x", val=0.2, min_face_px=0).clips
                if "000_001" in c.name]  # fmt: skip
    assert len(clips.tracks[0].spans) == 4


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_extracted_is_said(clip, tmp_path):
    root = planted(tmp_path / "mine", *LAYOUTS["folders"], clip)
    (root / "mine/train/real/broken.mp4").write_bytes(b"\0\0\0\x20ftypisom" + b"\0" * 300)
    cv2.imwrite(str(root / "mine/train/real/still.jpg"), np.zeros((90, 90, 3), np.uint8))
    _, _, pictures, done = extracted(root, tmp_path / "tracks")
    assert (pictures, done.done, done.failed) == (1, 6, 1)
    _, problems, _ = read_samples(tmp_path / "tracks")
    assert "could not be read" in problems[0]
    assert "broken" in problems[0]
    with pytest.raises(LayoutMismatch, match="no videos"):
        parts_of([], root)


@pytest.mark.usefixtures("quick")
def test_a_table_may_name_videos_and_masks_elsewhere(clip, white, tmp_path):
    planted(tmp_path, ["elsewhere/a.mp4", "elsewhere/a.mov", "set/a.mp4"], {}, clip)
    (tmp_path / "elsewhere/mask.mp4").write_bytes(white)
    rows = ["path,label,mask", f"{tmp_path}/elsewhere/a.mp4,fake,{tmp_path}/elsewhere/mask.mp4"]
    (tmp_path / "set/mine.csv").write_text("\n".join([*rows, "../elsewhere/a.mov,real,", "a.mp4,real,"]))
    layout, _, _, done = extracted(tmp_path / "set", tmp_path / "tracks")
    crops, problems, _ = read_samples(tmp_path / "tracks")
    assert (layout, done.done, done.failed, problems) == ("csv", 3, 0, [])
    assert sum(s.label == 1 and s.mask is not None for s in crops) == 4
    assert len(crops) == 12
