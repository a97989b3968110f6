"""Batches: what is judged, written, repeated and refused."""

import csv
import io
import json
import os
import signal
import tarfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fakeweb.batch import Limits
from fakeweb.bulk import Destination, Judge, Options, Plan, Source, rows, run_batch
from fakeweb.bulk.follow import follow
from fakeweb.bulk.page import report_page
from fakeweb.bulk.watch import watch
from fakeweb.errors import MediaError, UsageError
from fakeweb.scanner import Scanner

pa = pytest.importorskip("pyarrow", reason="needs the extra 'batch'")
pq = pytest.importorskip("pyarrow.parquet")


def plan(album, out, **more):
    """A serial run with small shards."""
    return Plan(Source(str(album)), str(out), engine="serial", shard=5, **more)


@pytest.fixture(scope="module")
def done(album, tmp_path_factory):
    """A finished run: its plan and summary."""
    wanted = plan(album, tmp_path_factory.mktemp("done") / "out")
    return wanted, run_batch(wanted)


def test_every_file_has_one_row_and_every_bad_one_says_why(done, album, read):
    wanted, summary = done
    assert (summary.progress.done, summary.progress.failed) == (14, 2)
    rows = read(wanted.out)
    assert [r["path"] for r in rows] == sorted(str(p) for p in album.rglob("*.jpg"))
    dead = [r for r in rows if r["code"]]
    assert [(Path(r["path"]).name, r["code"], r["tries"]) for r in dead] == [
        ("cut.jpg", "media.unreadable", 1),
        ("text.jpg", "media.unsupported", 1),
    ]
    assert all(r["hint"] and r["verdict"] is None for r in dead)
    assert "cut.jpg" in Destination(wanted.out).storage.read("dead_letters.csv").decode()
    progress, held = Destination(wanted.out).progress()
    assert (progress.state, progress.done, held) == ("done", 14, False)


def test_verdicts_are_those_of_a_scan(done, read):
    scanner = Scanner()
    faces = read(done[0].out, "faces")
    for row in read(done[0].out):
        if row["code"] is None:
            report = scanner.scan(row["path"])
            assert (row["verdict"], row["p_fake"]) == (report.verdict.label, report.verdict.p_fake)
            assert row["sha256"] == report.media_sha256
            assert [f["p_fake"] for f in faces if f["id"] == row["id"]] == [
                f.verdict.p_fake for f in report.faces
            ]


def test_shards_say_what_made_them(done):
    part = Destination(done[0].out).parts("files")[0]
    metadata = pq.read_schema(f"{done[0].out}/{part}").metadata
    assert metadata[b"fakeweb.schema"] == b"1"
    assert "fast@" in json.loads(metadata[b"fakeweb.models"])[0]
    assert len(metadata[b"fakeweb.digest"]) == 64


def test_the_same_run_again_judges_nothing_and_new_files_alone_are_added(album, tmp_path, read):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes((album / "a" / "00.jpg").read_bytes())
    wanted = plan(folder, tmp_path / "out")
    run_batch(wanted)
    parts = Destination(wanted.out).parts("files")
    run_batch(wanted)
    assert Destination(wanted.out).parts("files") == parts
    (folder / "b.jpg").write_bytes((album / "b" / "01.jpg").read_bytes())
    assert run_batch(wanted).progress.done == 2
    assert len(read(wanted.out)) == 2


def test_another_model_or_schema_is_refused_and_nothing_overwritten(done, album, tmp_path, tiny_model, read):
    out = tmp_path / "out"
    run_batch(plan(album, out))
    before = {p: p.read_bytes() for p in out.rglob("*.parquet")}
    other = Options(model=str(tiny_model(tmp_path / "model")))
    with pytest.raises(UsageError, match=r"holds a run of fast@.*this one is of tiny@"):
        run_batch(plan(album, out, options=other))
    assert {p: p.read_bytes() for p in out.rglob("*.parquet")} == before
    run_batch(plan(album, out, options=other, new=True))
    assert len(read(out)) == 14
    foreign = out / "files" / "part-000009.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    with pytest.raises(UsageError, match=r"part-000009.parquet has the schema of something else"):
        run_batch(plan(album, out, options=other))
    foreign.write_bytes(b"damaged")
    with pytest.raises(UsageError, match=r"part-000009.parquet is no shard"):
        run_batch(plan(album, out, options=other))


def test_another_identity_is_refused_and_damaged_progress_is_told(album, tmp_path):
    source, out = Source(str(album / "a"), limit=1), tmp_path / "out"
    run_batch(replace(plan("", out), source=source))
    with pytest.raises(UsageError, match="holds a run of"):
        run_batch(replace(plan("", out), source=replace(source, identity="sha256")))
    for text in ("", "{}", "[]"):
        (out / "progress.json").write_text(text)
        with pytest.raises(UsageError, match="is damaged") as caught:
            Destination(str(out)).progress()
        assert caught.value.hint
    run_batch(replace(plan("", out), source=source))
    assert Destination(str(out)).progress()[0].done == 1


def test_dead_letters_are_tried_again_on_demand(album, tmp_path, read):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes((album / "a" / "cut.jpg").read_bytes())
    wanted = plan(folder, tmp_path / "out")
    assert run_batch(wanted).progress.failed == 1
    status = (folder / "a.jpg").stat()
    (folder / "a.jpg").write_bytes((album / "a" / "00.jpg").read_bytes()[: status.st_size])
    assert run_batch(replace(wanted, retry=True)).progress.failed == 1
    assert len(read(wanted.out)) == 1


@pytest.mark.parametrize("kind", ["zip", "tar", "txt", "csv", "tsv", "parquet", "glob"])
def test_sources(kind, album, tmp_path, read):
    names = ["a/00.jpg", "b/01.jpg", "b/text.jpg"]
    source, place = Source(str(tmp_path / f"list.{kind}")), tmp_path / f"list.{kind}"
    paths = [str(album / n) for n in names]
    if kind == "zip":
        with zipfile.ZipFile(place, "w") as packed:
            for name in [*names, "../b/03.jpg", "__x/notes.txt"]:
                packed.writestr(
                    name, (album / name.removeprefix("../")).read_bytes() if "jpg" in name else "x"
                )
    elif kind == "tar":
        with tarfile.open(place, "w") as packed:
            for name in names:
                packed.add(album / name, name)
    elif kind == "txt":
        place.write_text("\n".join([*paths, paths[0], "nowhere.jpg"]))
    elif kind == "csv":
        place.write_text("url;n\n" + "\n".join(f"{p};1" for p in paths))
        source = replace(source, column="url")
    elif kind == "tsv":
        place.write_text("n\tpath\n" + "\n".join(f"1\t{p}" for p in paths))
    elif kind == "parquet":
        pq.write_table(pa.table({"path": [*paths, None]}), place)
    else:
        source = Source(f"{album}/*/0[01].jpg")
    run_batch(replace(plan(album, tmp_path / "out"), source=source))
    rows = {r["path"].rpartition("/")[2]: r["verdict"] or r["code"] for r in read(tmp_path / "out")}
    assert {rows["00.jpg"], rows["01.jpg"]} <= {"real", "uncertain"}
    assert rows.get("text.jpg", "media.unsupported") == "media.unsupported"
    assert rows.get("nowhere.jpg", "media.unreadable") == "media.unreadable"


def test_sources_that_say_nothing(album, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.csv").write_text("url\nx.jpg\n")
    (tmp_path / "a.tar.gz").write_bytes(b"")
    (tmp_path / "b.zip").write_bytes(b"PK")
    rows = [
        (tmp_path / "empty", MediaError, "holds no picture or video"),
        (tmp_path / "missing", MediaError, "does not exist"),
        (tmp_path / "a.csv", UsageError, "has no column 'path'"),
        (tmp_path / "a.tar.gz", UsageError, "is compressed as a whole"),
        (tmp_path / "b.zip", MediaError, "is no whole archive"),
    ]
    for place, kind, words in rows:
        with pytest.raises(kind, match=words) as caught:
            run_batch(plan(place, tmp_path / "out"))
        assert caught.value.hint


def listed(place, **more):
    """What a source names, each behind the last slash, with its problem's code."""
    items = Source(str(place), **more).items()
    return {i.path.rpartition("/")[2]: i.problem and i.problem["code"] for i in items}


def test_archives_as_people_pack_them(album, tmp_path, read):
    picture = (album / "a" / "00.jpg").read_bytes()
    with tarfile.open(tmp_path / "dot.tar", "w") as packed:
        packed.add(album / "a", ".")
        device = tarfile.TarInfo("./device.jpg")
        device.type = tarfile.CHRTYPE
        packed.addfile(device)
    assert set(listed(tmp_path / "dot.tar")) == {p.name for p in (album / "a").iterdir()}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("./dot.jpg", "../up.jpg", ".hidden.jpg", "__MACOSX/._dot.jpg", "torn.jpg"):
            packed.writestr(name, picture)
        torn = packed.getinfo("torn.jpg")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    begin = torn.header_offset + 30 + len("torn.jpg")
    data[begin : begin + torn.compress_size] = b"\xff" * torn.compress_size
    (tmp_path / "a.zip").write_bytes(data)
    for identity in ("path", "sha256"):
        out = tmp_path / identity
        run_batch(replace(plan("", out), source=Source(str(tmp_path / "a.zip"), identity=identity)))
        rows = {r["path"].rpartition("/")[2]: r for r in read(out)}
        assert rows["torn.jpg"]["code"] == "media.unreadable"
        assert "cannot be unpacked" in rows["torn.jpg"]["message"]
        assert {r["code"] for n, r in rows.items() if n != "torn.jpg"} == {None}
    assert set(listed(tmp_path / "a.zip")) == {"dot.jpg", "up.jpg", "torn.jpg"}


def test_tables_and_lists_as_programs_write_them(album, tmp_path):
    path = str(album / "a" / "00.jpg")
    (tmp_path / "wide.txt").write_bytes(f"{path}\r\n".encode("utf-16"))
    (tmp_path / "wide.csv").write_bytes(f"path\r\n{path}\r\n".encode("utf-16"))
    (tmp_path / "bom.csv").write_bytes(f"path\n\n{path}\n".encode("utf-8-sig"))
    pq.write_table(
        pa.table({"path": [path.encode()], "n": [7], "s": [{"path": path}]}), tmp_path / "b.parquet"
    )
    for name in ("wide.txt", "wide.csv", "bom.csv", "b.parquet"):
        assert listed(tmp_path / name) == {"00.jpg": None}, name
    for column in ("n", "s"):
        with pytest.raises(UsageError, match=f"the column '{column}' of .* holds no text"):
            Source(str(tmp_path / "b.parquet"), column).items()
    (tmp_path / "long.csv").write_text(f"path,text\n{path},{'x' * 200_000}\n")
    with pytest.raises(MediaError, match="is no CSV file that can be read: field larger") as caught:
        Source(str(tmp_path / "long.csv")).items()
    assert "Parquet" in caught.value.hint


def test_links_that_lead_nowhere_keep_their_names(tmp_path):
    for name in ("this is me.jpg", "this is you.jpg"):
        (tmp_path / name).symlink_to("gone")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert listed(tmp_path) == {
        "a.jpg": None, "this is me.jpg": "media.unreadable", "this is you.jpg": "media.unreadable"
    }  # fmt: skip


def test_no_table_holds_formulas(tmp_path, monkeypatch):
    (tmp_path / "=1+1.jpg").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    run_batch(plan("*.jpg", "out"))
    assert "'=1+1.jpg" in "".join(follow(Destination("out"), form="csv"))
    assert (tmp_path / "out" / "dead_letters.csv").read_text().splitlines()[1].startswith("'=1+1.jpg,")


def test_limit_sample_and_identity_by_content(album, tmp_path):
    assert len(Source(str(album), limit=3).items()) == 3
    drawn = Source(str(album), sample=4).items()
    assert len(drawn) == 4
    assert drawn == Source(str(album), sample=4).items()
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes((album / "a" / "00.jpg").read_bytes())
    assert len(Source(str(folder)).items()) == 2
    same = Source(str(folder), identity="sha256")
    assert [Path(i.path).name for i in same.items()] == ["a.jpg"]
    assert same.skipped == 1


def test_engines_give_the_same_bytes(done, album, tmp_path, read):
    wanted = replace(done[0], engine="processes", workers=2, out=str(tmp_path / "out"), shard=3)
    run_batch(wanted)
    for table in ("files", "faces"):
        assert json.dumps(read(wanted.out, table)) == json.dumps(read(done[0].out, table))


def test_a_second_run_is_refused_and_a_dead_one_holds_nothing(album, tmp_path, start, read, wait_until):
    out = tmp_path / "out"
    first = start("batch", album, "--out", out, "--shard", 1)
    wait_until(lambda: (out / "files").is_dir())
    with pytest.raises(UsageError, match=rf"another run writes to .*process {first.pid}"):
        run_batch(plan(album, out))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    progress, held = Destination(str(out)).progress()
    assert (progress.state, held) == ("running", False)
    assert len(read(out)) < 14
    run_batch(plan(album, out))
    assert len({r["id"] for r in read(out)}) == len(read(out)) == 14
    assert len(read(out, "faces")) == 12
    assert not list(out.rglob(".fakeweb-*"))


def test_rows_follow_and_the_report_stands_alone(done, album):
    destination = Destination(done[0].out)
    lines = [json.loads(line) for line in follow(destination, "faces")]
    assert len(lines) == 12
    table = list(follow(destination, form="csv"))
    assert table[0].startswith("id,path,")
    assert len(table) == 15
    page = report_page(destination)
    assert "14 files, 12 faces" in page
    assert "data:image/jpeg;base64," in page
    assert "media.unsupported" in page
    assert "http" not in page.replace("http-equiv", "")
    with pytest.raises(UsageError, match="no table 'people'"):
        next(follow(destination, "people"))
    with pytest.raises(UsageError, match="there is no run in"):
        Destination(str(album)).progress()


def test_a_watched_folder_leaves_half_written_files_until_they_are_whole(album, tmp_path, read):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    whole = (album / "a" / "00.jpg").read_bytes()
    looks = 0

    def grow():
        nonlocal looks
        looks += 1
        if looks == 1:
            (folder / "a.jpg").write_bytes(whole)
        if looks <= 6:  # another file grows with each look
            (folder / "b.jpg").write_bytes(whole[: len(whole) * looks // 6])
        return looks > 10

    watch(plan(folder, out), every_s=0.05, should_stop=grow)
    assert [(Path(r["path"]).name, r["code"]) for r in read(out)] == [("a.jpg", None), ("b.jpg", None)]
    looks = 10
    watch(plan(folder, out), every_s=0.05, should_stop=grow)  # a restart judges nothing again
    assert len(read(out)) == 2


def _poison(options):
    """Make a judge for whom names are orders."""
    return _Poison(Judge(options))


class _Poison:
    def __init__(self, judge):
        self.judge = judge

    def __call__(self, item):
        name = Path(item.path).name
        if "hang" in name:
            time.sleep(3600)
        if "die" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "eat" in name:
            bytearray(4 << 30)
        if "raise" in name:
            raise RuntimeError("nobody foresaw this")
        return self.judge(item)


def test_a_poison_file_costs_itself_alone(album, tmp_path, read, monkeypatch):
    import fakeweb.bulk.run as room

    folder = tmp_path / "in"
    folder.mkdir()
    whole = (album / "a" / "00.jpg").read_bytes()
    for name in ("a", "die", "eat", "hang", "raise", "z"):
        (folder / f"{name}.jpg").write_bytes(whole)
    monkeypatch.setattr(room, "Judge", _poison)
    wanted = replace(
        plan(folder, tmp_path / "out"), engine="processes", workers=2, limits=Limits(20.0, 1 << 30, 2)
    )
    run_batch(wanted)
    assert {Path(r["path"]).name: (r["code"], r["tries"]) for r in read(wanted.out)} == {
        "a.jpg": (None, None),
        "die.jpg": ("batch.died", 2),
        "eat.jpg": ("batch.memory", 2),
        "hang.jpg": ("batch.time", 2),
        "raise.jpg": ("batch.raised", 1),
        "z.jpg": (None, None),
    }


def test_the_reference_tells_every_column():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "scale.md").read_text()
    assert f"schema {rows.SCHEMA}" in page
    for columns in rows.TABLES.values():
        lines = "\n".join(f"| `{name}` | {kind} |" for name, kind in columns.items()).split("\n")
        assert all(line in page for line in lines)


def test_odd_names_come_out_whole(album, tmp_path, read):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    names = (b"caf\xe9.jpg", b"two\nlines.jpg", b"a,b;c.jpg")
    for name in names:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(
            (album / "a" / "00.jpg").read_bytes()
        )
    run_batch(plan(folder, out))
    told = [Path(r["path"]).name for r in read(out)]
    assert told == ["a,b;c.jpg", r"caf\xe9.jpg", "two\nlines.jpg"]
    table = "\r\n".join(follow(Destination(str(out)), form="csv"))
    assert [Path(r["path"]).name for r in csv.DictReader(io.StringIO(table, newline=""))] == told
