"""FaceForensics++, FaceShifter and DeepFakeDetection."""

import pytest

from fakeweb.datasets import split_of_group
from fakeweb.datasets.faceforensics import METHODS, FaceForensicsLayout
from fakeweb.errors import LayoutMismatch

MADE, YOUTUBE, ACTORS = "manipulated_sequences", "original_sequences/youtube", "original_sequences/actors"
SPLITS = {"train.json": [["071", "054"]], "val.json": [["001", "002"]], "test.json": [["100", "101"]]}
KINDS = {"Deepfakes": "swap", "Face2Face": "reenacted", "FaceSwap": "swap", "NeuralTextures": "reenacted",
         "FaceShifter": "swap", "DeepFakeDetection": "swap"}  # fmt: skip
FIVE = [m for m in METHODS if m != "DeepFakeDetection"]


def actor(split, skip=0):
    return [f"{n:02}" for n in range(1, 29) if split_of_group("dfd", f"{n:02}") == split][skip]


@pytest.mark.parametrize("where", ["", "splits/"])
def test_the_official_split_holds_for_both_directions_and_both_originals(tree, indexed, where):
    lists = {where + name: pairs for name, pairs in SPLITS.items()}
    names = [
        f"{MADE}/{m}/c23/videos/{v}.mp4" for m in FIVE for v in ("054_071", "071_054", "002_001", "100_101")
    ]
    names += [f"{YOUTUBE}/c23/videos/{v}.mp4" for v in ("054", "071", "001", "101")]
    layout = FaceForensicsLayout(methods=FIVE)
    group = {"0": ("train", "054_071"), "1": ("test", "100_101")}
    for name, (label, kind, split, found) in indexed(layout, tree(lists, *names)).items():
        method, video = name.split("/")[1], name.split("/")[-1][:-4]
        assert (label, kind) == ((0, None) if method == "youtube" else (1, KINDS[method]))
        want = ("val", "001_002") if video[:2] == "00" else group[video[0]]
        assert (split, found) == want
    assert layout.problems == []
    assert len(indexed(layout, tree())) == len(names)


def test_without_lists_pairs_stay_together_and_nothing_is_test(tree, indexed):
    pairs = [(f"{n:03}", f"{n + 1:03}") for n in range(0, 80, 2)]
    names = [f"{YOUTUBE}/c23/videos/{v}.mp4" for pair in pairs for v in pair]
    names += [f"{MADE}/Deepfakes/c23/videos/{a}_{b}.mp4" for a, b in pairs]
    names += [f"{MADE}/FaceSwap/c23/videos/{b}_{a}.mp4" for a, b in pairs]
    layout = FaceForensicsLayout(methods=("Deepfakes", "FaceSwap"))
    found = indexed(layout, tree(*names))
    assert {g for *_, g in found.values()} == {"_".join(p) for p in pairs}
    assert {s for _, _, s, _ in found.values()} == {"train", "val"}
    assert all(s == split_of_group("faceforensics", g) for _, _, s, g in found.values())
    assert layout.problems == ["no official split, so groups are split by hash and nothing is test: "
                               "train.json, val.json, test.json"]  # fmt: skip


def test_originals_alone_are_paired_by_the_lists(tree, indexed):
    root = tree(SPLITS, *(f"{YOUTUBE}/c23/videos/{v}.mp4" for v in ("054", "071")))
    assert {g for *_, g in indexed(FaceForensicsLayout(), root).values()} == {"054_071"}


def test_videos_in_no_list_or_across_two_are_left_out(tree, indexed):
    lists = {k: v for k, v in SPLITS.items() if k != "val.json"}
    root = tree(lists, f"{YOUTUBE}/c23/videos/054.mp4", f"{YOUTUBE}/c23/videos/001.mp4",
                f"{MADE}/FaceSwap/c23/videos/054_100.mp4")  # fmt: skip
    layout = FaceForensicsLayout(methods=["FaceSwap"])
    assert indexed(layout, root) == {f"{YOUTUBE}/c23/videos/054.mp4": (0, None, "train", "054_071")}
    assert layout.problems == [
        "lists of the official split that are not there: val.json",
        f"in none of the split files, or across two: {MADE}/FaceSwap/c23/videos/054_100.mp4, "
        f"{YOUTUBE}/c23/videos/001.mp4",
    ]


def test_deepfakedetection_goes_by_actor(tree, indexed):
    a, b, v = actor("train"), actor("train", 1), actor("val")
    real, fake = f"{ACTORS}/c23/videos/{a}__exit_hall.mp4", f"{MADE}/DeepFakeDetection/c23/videos/"
    same, across = f"{fake}{a}_{b}__exit_hall__0ZUWTR9S.mp4", f"{fake}{v}_{a}__exit_hall__0ZUWTR9S.mp4"
    root = tree(SPLITS, real, same, across, f"{ACTORS}/c23/videos/{v}__talking.mp4")
    layout = FaceForensicsLayout(methods=["DeepFakeDetection"])
    assert indexed(layout, root) == {
        same: (1, "swap", "train", a),
        real: (0, None, "train", a),
        f"{ACTORS}/c23/videos/{v}__talking.mp4": (0, None, "val", v),
    }
    assert {s.source for s in layout.index(root)} == {"dfd"}
    assert layout.problems == [f"fakes of two people on both sides of the split: {across}"]


def test_methods_and_compressions_can_be_chosen(tree, indexed):
    names = [f"{MADE}/{m}/{c}/videos/054_071.mp4" for m in FIVE for c in ("raw", "c23", "c40")]
    names += [f"{YOUTUBE}/{c}/videos/054.mp4" for c in ("raw", "c23", "c40")]
    root = tree(*names, f"{ACTORS}/c23/videos/01__exit_hall.mp4")
    layout = FaceForensicsLayout(methods=["Face2Face"], compressions=["c40", "raw"])
    assert list(indexed(layout, root)) == [
        f"{MADE}/Face2Face/c40/videos/054_071.mp4",
        f"{MADE}/Face2Face/raw/videos/054_071.mp4",
        f"{YOUTUBE}/c40/videos/054.mp4",
        f"{YOUTUBE}/raw/videos/054.mp4",
    ]
    assert {name.split("/")[2] for name in indexed(FaceForensicsLayout(), root)} == {"c23"}


def test_the_wrong_compression_is_named(tree):
    with pytest.raises(LayoutMismatch, match="no faceforensics data set") as caught:
        list(
            FaceForensicsLayout().index(
                tree(f"{YOUTUBE}/raw/videos/054.mp4", f"{YOUTUBE}/c40/videos/054.mp4")
            )
        )
    assert "not among the compressions c23: c40, raw" in caught.value.hint


@pytest.mark.parametrize("folder", ["images", "frames", "faces"])
def test_frames_and_their_masks(tree, indexed, folder):
    fake = f"{MADE}/Deepfakes/c23/{folder}/054_071"
    masks = f"{MADE}/Deepfakes/masks/images/054_071"
    root = tree(f"{fake}/0000.png", f"{fake}/0001.png", f"{masks}/0001.png", f"{YOUTUBE}/c23/{folder}/054/0001.png",
                f"{YOUTUBE}/c23/videos/054.mp4", f"{MADE}/Deepfakes/c23/videos/054_071.mp4")  # fmt: skip
    samples = {s.path.relative_to(root).as_posix(): s.mask for s in FaceForensicsLayout().index(root)}
    assert samples == {
        f"{fake}/0000.png": None,
        f"{fake}/0001.png": root / masks / "0001.png",
        f"{YOUTUBE}/c23/{folder}/054/0001.png": None,
    }


def test_masks_of_videos_and_masks_beside_the_frames(tree):
    video, mask = f"{MADE}/FaceSwap/c23/videos/054_071.mp4", f"{MADE}/FaceSwap/masks/videos/054_071.mp4"
    root = tree(video, mask, f"{MADE}/Face2Face/c23/videos/054_071.mp4", f"{MADE}/Deepfakes/c23/masks/054_071/3.png",
                f"{MADE}/Deepfakes/c23/frames/054_071/3.png")  # fmt: skip
    videos = {s.path: s.mask for s in FaceForensicsLayout(form="videos").index(root)}
    assert videos == {root / video: root / mask, root / MADE / "Face2Face/c23/videos/054_071.mp4": None}
    frames = [s.mask for s in FaceForensicsLayout().index(root)]
    assert frames == [root / MADE / "Deepfakes/c23/masks/054_071/3.png"]


def test_missing_parts_and_strange_names_are_told(tree, indexed):
    root = tree(SPLITS, f"{YOUTUBE}/c23/videos/054.mp4", f"{YOUTUBE}/c23/videos/own.mp4",
                f"{MADE}/Mine/c23/videos/054_071.mp4", "loose.mp4")  # fmt: skip
    layout = FaceForensicsLayout()
    assert list(indexed(layout, root)) == [f"{YOUTUBE}/c23/videos/054.mp4"]
    assert layout.problems[:2] == [
        f"in no folder of FaceForensics++: loose.mp4, {MADE}/Mine/c23/videos/054_071.mp4",
        f"not named like the videos of FaceForensics++: {YOUTUBE}/c23/videos/own.mp4",
    ]
    assert layout.problems[2].startswith("parts without a file: actors")


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train.json": '[["071",\n"054"],\n['}, "train.json:3: broken JSON"),
        ({"val.json": {"071": "054"}}, "val.json:1: holds no list of pairs"),
        ({"test.json": [["071", "054", "001"]]}, "is no pair of videos"),
        ({"test.json": [[71, 54]]}, "is no pair of videos"),
        (SPLITS | {"test.json": [["100", "071"]]}, "the video 071 stands in train.json too"),
    ],
)
def test_broken_lists_are_refused(tree, lists, message):
    with pytest.raises(LayoutMismatch) as caught:
        list(FaceForensicsLayout().index(tree(lists, f"{YOUTUBE}/c23/videos/054.mp4")))
    assert message in str(caught.value)


@pytest.mark.parametrize("options", [{"methods": ["DeepFakes"]}, {"methods": "Deepfakes"}, {"methods": []},
                                     {"compressions": ["c0"]}, {"compressions": "c23"}, {"form": "both"}])  # fmt: skip
def test_unknown_options_are_a_programmers_mistake(options):
    with pytest.raises(ValueError, match="must be"):
        FaceForensicsLayout(**options)
