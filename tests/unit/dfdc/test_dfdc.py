"""The pipeline end to end on the replica, and what a kill at any moment leaves."""

import csv
import hashlib
import io
import json
import shutil
import zipfile

import pytest

from fakeweb.classifiers import OnnxClassifier
from fakeweb.datasets.dfdc import DfdcLayout
from fakeweb.datasets.shards import read_shard, read_sidecars
from fakeweb.dfdc.eda import examples, read_clips, report, summarise
from fakeweb.dfdc.parts import find_parts
from fakeweb.dfdc.score_clips import ClipScore, figures, judge_shards, to_markdown
from fakeweb.dfdc.submit import Prediction, ScannerOptions, read_order, submit, to_csv
from fakeweb.dfdc.unpack import unpack_shards
from fakeweb.errors import DatasetError, LayoutMismatch, UsageError
from fakeweb.evaluate.pages import to_html
from fakeweb.media.storage import Storage
from fakeweb.tracks import extract as extraction
from fakeweb.tracks.extract import ExtractOptions, extract

OPTIONS = ExtractOptions(frames=4, clips_per_shard=3, side_px=96)


def tree(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def extracted(tmp_path_factory, replica):
    out = tmp_path_factory.mktemp("tracks")
    with pytest.MonkeyPatch.context() as patch:
        import importlib.util
        import sys
        from pathlib import Path

        spec = importlib.util.spec_from_file_location(
            "dfdc_conftest", Path(__file__).with_name("conftest.py")
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        patch.setattr(extraction, "make_finder", lambda *_: module.Centre())
        done = extract(find_parts([str(replica)]), str(out), OPTIONS)
    assert (done.done, done.total, done.failed) == (7, 7, 1)
    return out


class TestParts:
    def test_links_in_circles_are_told_and_the_rest_is_found(self, replica, tmp_path):
        (tmp_path / "part").symlink_to(replica / "dfdc_train_part_1", target_is_directory=True)
        (tmp_path / "self.mp4").symlink_to("self.mp4")
        told = []
        (part,) = find_parts([str(tmp_path)], on_obstacle=told.append)
        assert [c.name for c in part.clips] == ["bb0.mp4", "bb1.mp4", "bb2.mp4"]
        assert [o.why for o in told] == ["a link that leads back to itself"]

    def test_zip_files_and_folders_give_labels_and_originals(self, replica):
        zipped, folder = find_parts([str(replica)])
        assert (zipped.name, folder.name) == ("dfdc_train_part_00", "dfdc_train_part_1")
        assert [(c.name, c.label, c.original) for c in zipped.clips] == [
            ("aa0.mp4", 0, None),
            ("aa1.mp4", 1, "aa0.mp4"),
            ("aa2.mp4", 1, "aa0.mp4"),
            ("aa3.mp4", 0, None),
        ]
        with zipped.reader() as reader:
            assert reader.read(zipped.clips[0])[4:8] == b"ftyp"

    def test_a_zip_file_may_be_named(self, replica):
        (part,) = find_parts([str(replica / "dfdc_train_part_00.zip")])
        assert len(part.clips) == 4

    def test_nothing_there_and_broken_archives(self, tmp_path):
        with pytest.raises(LayoutMismatch):
            find_parts([str(tmp_path)])
        (tmp_path / "p.zip").write_bytes(b"PK\3\4 cut off")
        with pytest.raises(DatasetError, match="not a whole zip"):
            find_parts([str(tmp_path)])

    def test_two_parts_of_one_name(self, replica):
        with pytest.raises(LayoutMismatch, match="two parts"):
            find_parts([str(replica), str(replica)])


class TestExtract:
    def test_every_clip_stands_in_one_shard_once(self, extracted):
        sidecars = read_sidecars(Storage(extracted))
        assert sorted(sidecars) == [
            "shards/dfdc_train_part_00-0000",
            "shards/dfdc_train_part_00-0001",
            "shards/dfdc_train_part_1-0000",
        ]
        clips = [c["clip"] for s in sidecars.values() for c in s["clips"]]
        assert sorted(clips) == ["aa0.mp4", "aa1.mp4", "aa2.mp4", "aa3.mp4", "bb0.mp4", "bb1.mp4", "bb2.mp4"]
        assert not (extracted / "pending").exists()

    def test_a_shard_holds_tracks_with_their_crops(self, extracted):
        store = Storage(extracted)
        name = "shards/dfdc_train_part_00-0000"
        samples = list(read_shard(store, name, read_sidecars(store)[name]))
        assert [s.key for s in samples] == [f"dfdc_train_part_00_aa{i}_1" for i in range(3)]
        assert all(len(s.crops) == 4 == len(s.meta["time_s"]) for s in samples)
        assert (samples[1].meta["label"], samples[1].meta["original"]) == (1, "aa0.mp4")
        assert samples[0].crops[0][:2] == b"\xff\xd8"

    def test_a_second_run_changes_nothing(self, extracted, replica, quick, monkeypatch):
        before = tree(extracted)
        monkeypatch.setattr(extraction, "look_at", None)  # would fail if a clip were looked at again
        done = extract(find_parts([str(replica)]), str(extracted), OPTIONS)
        assert (done.done, done.failed) == (7, 1)
        assert tree(extracted) == before

    def test_other_options_or_other_clips_are_refused(self, extracted, replica, quick, tmp_path):
        with pytest.raises(UsageError, match="other options"):
            extract(find_parts([str(replica)]), str(extracted), ExtractOptions(frames=5, clips_per_shard=3))
        other = tmp_path / "dfdc_train_part_1"
        other.mkdir()
        (other / "zz.mp4").write_bytes(b"x")
        with pytest.raises(UsageError, match="other clips"):
            extract(find_parts([str(tmp_path)]), str(extracted), OPTIONS)

    def test_a_damaged_shard_is_refused(self, extracted, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(extracted, copy)
        tar = copy / "shards" / "dfdc_train_part_1-0000.tar"
        data = bytearray(tar.read_bytes())
        data[len(data) // 2] ^= 1
        tar.write_bytes(bytes(data))
        with pytest.raises(DatasetError, match="not the file its sidecar describes"):
            unpack_shards(str(copy), tmp_path / "frames")

    @pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
    def test_killed_at_every_write_it_ends_in_the_same_bytes(
        self, extracted, replica, quick, tmp_path, monkeypatch, after
    ):
        """Each run dies at its third write (or removal): all moments come up. Looking at a clip is never repeated
        once its record is written, and the end is bit for bit that of a run that was left alone."""
        out = tmp_path / "out"
        looked: list[str] = []
        look, write, remove = extraction.look_at, Storage.write, Storage.remove

        def note(content, clip, *rest):
            looked.append(clip.name)
            return look(content, clip, *rest)

        class Killed(BaseException):
            pass

        budget = 0

        def deadly(function):
            def run(self, name, *args):
                nonlocal budget
                budget -= 1
                if budget < 0 and not after:
                    raise Killed
                function(self, name, *args)
                if budget < 0 and after:
                    raise Killed

            return run

        monkeypatch.setattr(extraction, "look_at", note)
        monkeypatch.setattr(Storage, "write", deadly(write))
        monkeypatch.setattr(Storage, "remove", deadly(remove))
        deaths = 0
        while True:
            budget = 3
            try:
                extract(find_parts([str(replica)]), str(out), OPTIONS)
                break
            except Killed:
                deaths += 1
                assert deaths < 100
        assert deaths > 8
        assert tree(out) == tree(extracted)
        written = 7  # records; a clip is looked at again only where the kill came before its record
        assert len(looked) <= written + deaths

    def test_files_that_a_kill_left_half_written_are_swept_away(self, extracted, replica, quick, tmp_path):
        """A kill between the writing of a temporary file and its renaming leaves it beside the place it was for."""
        out = tmp_path / "out"
        shutil.copytree(extracted, out)
        half = [out / "shards" / ".fakeweb-1.tmp", out / "pending" / "some-0000" / ".fakeweb-2.tmp"]
        for path in half:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"ha")
        extract(find_parts([str(replica)]), str(out), OPTIONS)
        assert tree(out) == tree(extracted)
        assert not (out / "pending").exists()

    def test_two_processes_give_the_same_shards(self, replica, tmp_path):
        options = ExtractOptions(frames=2, side_px=64)
        parts = find_parts([str(replica / "dfdc_train_part_1")])
        for workers, name in ((1, "one"), (2, "two")):
            extract(parts, str(tmp_path / name), options, workers=workers)
        assert tree(tmp_path / "one") == tree(tmp_path / "two")


class TestEda:
    def test_counts(self, extracted):
        found = summarise(read_clips(str(extracted)))
        assert (found["clips"], found["unreadable"]) == (7, 1)
        assert found["labels"] == {"real": 4, "fake": 3}
        assert found["faces_per_clip"] == {0: 1, 1: 5}
        assert (found["without_a_face"], found["dark_clips"]) == (1, 1)
        assert (found["originals"], found["fakes_per_original"]["most"]) == (1, 2)

    def test_the_report_names_what_could_not_be_read(self, extracted):
        blocks, plots = report(read_clips(str(extracted)), examples(str(extracted)))
        text = to_html(blocks)
        assert "dfdc_train_part_1/bb2.mp4" in text
        assert all(plot.svg.startswith(b"<svg") for plot in plots)
        assert text.count("data:image/svg+xml") == len(plots)

    def test_faces_of_each_label_are_shown(self, extracted):
        shown = examples(str(extracted), 2)
        assert {label: len(faces) for label, faces in shown.items()} == {"real": 2, "fake": 2}
        assert shown["real"][0].pixels.shape == (96, 96, 3)
        _, plots = report(read_clips(str(extracted)), shown)
        assert plots[0].svg.count(b"data:image/jpeg") == 2


class TestJudge:
    def test_every_clip_gets_a_score_or_none(self, extracted, tiny_model, tmp_path):
        classifier = OnnxClassifier(tiny_model(tmp_path))
        scores = {s.clip: s for s in judge_shards(str(extracted), classifier)}
        assert len(scores) == 7
        assert scores["bb1.mp4"].p_fake is None
        assert scores["bb2.mp4"].p_fake is None
        assert all(0 <= scores[f"aa{i}.mp4"].p_fake <= 1 for i in range(4))
        found = figures(list(scores.values()))
        assert found["without_a_judged_face"] == 2
        assert sum(v for k, v in found["by_faces"]["1"].items() if "_as_" in k) == 5
        assert "| 1 |" in to_markdown(found, "tiny@1")

    def test_figures_of_known_scores(self):
        def clip(label, faces, p):
            return ClipScore("c", "p", label, faces, (p,), p)

        scores = [clip(0, 1, 0.1), clip(1, 1, 0.9), clip(0, 2, 0.8), clip(1, 3, 0.2), clip(1, 4, 0.7)]
        found = figures([*scores, ClipScore("n", "p", 0, 0, (), None)])
        assert found["by_faces"]["1"]["accuracy"] == 1.0
        assert found["by_faces"]["2"] == {
            "real_as_real": 0, "real_as_fake": 1, "fake_as_real": 0, "fake_as_fake": 0, "accuracy": 0.0,
            "precision": 0.0, "recall": None,
        }  # fmt: skip
        assert found["by_faces"]["3 and more"]["accuracy"] == 0.5
        assert found["auc"] == pytest.approx(4 / 6)
        import math

        want = -sum(map(math.log, (0.9, 0.9, 0.2, 0.2, 0.7, 0.5))) / 6
        assert found["log_loss"] == pytest.approx(want)

    def test_crops_that_are_too_tight_are_refused(self, extracted, tiny_model, tmp_path):
        card = {"side_px": 32, "margin": 2.0, "dtype": "uint8", "layout": "NHWC", "colour": "RGB"}
        with pytest.raises(DatasetError, match="margin"):
            judge_shards(str(extracted), OnnxClassifier(tiny_model(tmp_path, input=card)))


class TestUnpack:
    def test_the_layout_reads_what_was_unpacked(self, extracted, tmp_path):
        assert unpack_shards(str(extracted), tmp_path) == 20
        assert unpack_shards(str(extracted), tmp_path) == 0
        samples = list(DfdcLayout().index(tmp_path))
        assert len(samples) == 20
        assert {s.label for s in samples} == {0, 1}
        assert len({s.group for s in samples if s.path.parent.name in ("aa0", "aa1", "aa2")}) == 1


class TestSubmit:
    @pytest.fixture
    def options(self, tiny_model, tmp_path):
        return ScannerOptions("haar", None, str(tiny_model(tmp_path)), 3)

    def test_one_line_per_clip_with_probabilities_held(self, replica, tmp_path, options):
        out = tmp_path / "submission.csv"
        predictions = submit(find_parts([str(replica)]), out, options)
        rows = list(csv.DictReader(io.StringIO(out.read_text())))
        assert [r["filename"] for r in rows] == sorted(p.filename for p in predictions)
        assert len(rows) == 7
        assert all(0.01 <= float(r["label"]) <= 0.99 for r in rows)
        by_name = {p.filename: p for p in predictions}
        assert by_name["bb2.mp4"].p_fake is None
        assert "damaged" in by_name["bb2.mp4"].note
        assert [p.name for p in tmp_path.glob("*.journal")] == []

    def test_killed_it_goes_on_and_scans_nothing_twice(self, replica, tmp_path, options, monkeypatch):
        from fakeweb.dfdc import submit as module

        out = tmp_path / "submission.csv"
        parts = find_parts([str(replica / "dfdc_train_part_00.zip")])
        seen: list[str] = []
        scan = module._ClipScanner.__call__

        def note(self, task):
            if len(seen) in (1, 3) and task.clip.name not in seen[-1:]:
                seen.append("dead")
                raise KeyboardInterrupt
            seen.append(task.clip.name)
            return scan(self, task)

        monkeypatch.setattr(module._ClipScanner, "__call__", note)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                submit(parts, out, options)
            assert not out.exists()
        journal = tmp_path / "submission.csv.journal"
        journal.write_bytes(journal.read_bytes() + b'{"filename": "aa3')  # a line that was cut off
        assert len(submit(parts, out, options)) == 4
        assert sorted(s for s in seen if s != "dead") == ["aa0.mp4", "aa1.mp4", "aa2.mp4", "aa3.mp4"]

    def test_a_journal_of_another_model_is_refused(self, replica, tmp_path, options):
        out = tmp_path / "submission.csv"
        out.with_name("submission.csv.journal").write_text(json.dumps({"options": {"model": "other"}}) + "\n")
        with pytest.raises(UsageError, match="other options"):
            submit(find_parts([str(replica)]), out, options)

    def test_the_order_of_a_sample_submission(self, tmp_path, replica, options):
        sample = tmp_path / "sample_submission.csv"
        sample.write_text("filename,label\naa2.mp4,0.5\naa0.mp4,0.5\n")
        out = tmp_path / "s.csv"
        submit(find_parts([str(replica)]), out, options, order=read_order(sample))
        assert [line.split(",")[0] for line in out.read_text().splitlines()] == [
            "filename",
            "aa2.mp4",
            "aa0.mp4",
        ]
        with pytest.raises(LayoutMismatch, match=r"zz\.mp4"):
            submit(find_parts([str(replica)]), out, options, order=["zz.mp4"])

    def test_csv(self):
        text = to_csv([Prediction("a.mp4", 1.0), Prediction("b.mp4", None), Prediction("c.mp4", 0.25)])
        assert text == "filename,label\na.mp4,0.990000\nb.mp4,0.500000\nc.mp4,0.250000\n"


def test_a_clip_damaged_inside_its_zip_is_an_error_of_that_clip(replica, tmp_path, quick):
    data = bytearray((replica / "dfdc_train_part_00.zip").read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        offset = archive.getinfo("dfdc_train_part_0/aa1.mp4").header_offset
    data[offset + 400] ^= 0xFF
    (tmp_path / "dfdc_train_part_00.zip").write_bytes(bytes(data))
    out = tmp_path / "out"
    done = extract(find_parts([str(tmp_path / "dfdc_train_part_00.zip")]), str(out), OPTIONS)
    assert (done.done, done.failed) == (4, 1)
    errors = {c["clip"]: c["error"] for c in read_clips(str(out))}
    assert "cannot be unpacked" in errors["aa1.mp4"]
    assert errors["aa0.mp4"] is None
