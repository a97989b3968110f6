"""The page to hand on: nothing is loaded, nothing runs but its own line, every text is escaped, no path is told."""

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace

import pytest

from fakeweb.demo.words import to_html as demo_html
from fakeweb.render import to_json, to_text
from fakeweb.render.notebook import report_html
from fakeweb.render.page import Shown, album_to_html, to_html
from fakeweb.render.page_style import SCRIPT, STYLE
from fakeweb.render.report_words import About, explain, quote
from fakeweb.render.rows import COLUMNS, report_row, rows, to_csv
from fakeweb.render.words import file_name
from fakeweb.types import Impact, Rarity

EVIL = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
def suspicious(build):
    return build.report(
        [
            build.face("real", (10, 10, 60, 60), 0.04),
            build.face("fake", (100, 10, 160, 80), 0.97, kind="swap", reasons=("stands out",)),
            build.face("uncertain", (200, 10, 260, 80), 0.5),
        ],
        source="/home/me/secret/photo.jpg",
        warnings=("its colour profile is damaged",),
    )


def test_policy_names_the_hashes_of_what_is_there(suspicious):
    page = to_html(Shown(suspicious, b"\xff\xd8\xff", b"\xff\xd8\xff"), About("1.0"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'")
    for text, tag in ((STYLE, "style"), (SCRIPT, "script")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert f"<{tag}>{text}</{tag}>" in page
    assert " style=" not in page.replace("</style>", "")
    assert not re.search(r"\son\w+=", page), "no handlers"
    assert set(re.findall(r'src="([a-z:/]+)', page)) == {"data:image/jpeg"}


def test_every_text_is_escaped(build):
    told = {
        "version": 1,
        "signals": [{"place": "exif", "says": "edited", "text": EVIL}],
        "contradictions": [EVIL],
        "digital_source_type": EVIL,
        "label_text": EVIL,
        "thumbnail": {"jpeg": EVIL},
    }
    odd = build.report(
        [build.face("uncertain", (0, 0, 9, 9), reasons=(EVIL,))],
        source=f"{EVIL}.jpg", warnings=(EVIL,), models=(EVIL,), finder=EVIL, provenance=told,
    )  # fmt: skip
    shown = Shown(odd, b"\xff\xd8\xff")
    for page in (
        to_html(shown, About(EVIL, (EVIL,), EVIL, EVIL)),
        album_to_html(EVIL, [shown], About("1"), failed=[EVIL]),
    ):
        assert "<img src=x" not in page
        assert "alert(1)&gt;" in page


def test_names_and_never_paths(suspicious):
    for page in (to_html(Shown(suspicious), About("1")), album_to_html("a", [Shown(suspicious)], About("1"))):
        assert "secret" not in page
        assert "photo.jpg" in page


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("C:\\Users\\me\\a.jpg", "a.jpg"),
        ("https://example.org/x/b.png?token=geheim#c", "b.png"),
        ("-", "-"),
        ("<array>", "<array>"),
        ("/", "/"),
    ],
)
def test_file_names(source, name):
    assert file_name(source) == name


def test_cards_come_by_rarity_and_many_are_cut(build):
    many = build.report([build.face("real", (i, 0, i + 9, 9), i / 1000) for i in range(111)])
    page = to_html(Shown(many), About("1"))
    assert page.count('<article class="card') == 60
    assert page.index("Face 111:") < page.index("Face 110:")
    assert "and 51 more, with lower or no scores" in page
    assert page.count(" later") == 56, "in print, four stand for all"


def test_a_sentence_to_quote(suspicious):
    text = quote(suspicious, About("1.0", rates="It is often wrong."))
    assert text.startswith(
        'FakeWeb 1.0 (model m@1) on "photo.jpg": This looks manipulated, score P(fake) 90 %'
    )
    assert "It is often wrong. A score is an estimate and no proof." in text
    assert suspicious.media_sha256 in text


def test_rates_of_the_model_are_not_told_of_a_line_of_one_s_own(suspicious):
    about = About("1.0", rates="It is often wrong.")
    moved = replace(suspicious, thresholds=replace(suspicious.thresholds, source="user"))
    assert "often wrong" in to_html(Shown(suspicious), about)
    for text in (quote(moved, about), to_html(Shown(moved), about), explain(moved, about)):
        assert "often wrong" not in text


def test_the_explanation_says_what_the_page_says(suspicious):
    report = replace(suspicious, provenance={"version": 1, "signals": [], "contradictions": ["a and b"]})
    text = explain(report, About("1.0", limits=("Never on cats.",)), Impact(4.5, "critical", 99_999.0))
    assert text.startswith("photo.jpg: This looks manipulated, P(fake) 90 %. 3 faces, 1 looks manipulated")
    assert (
        "Face 2: fake, P(fake) 97 %. If manipulated, most likely: another person's face. Stands out." in text
    )
    assert "- contradiction: a and b" in text
    assert "Impact critical (4.5): about 99,999 people may see it." in text
    assert "For viewers: A face may have been swapped." in text
    assert "- Never on cats." in text
    assert text.endswith(quote(report, About("1.0")))
    assert "secret" not in text


def test_of_real_faces_no_rarity_is_said(build):
    rare = Rarity(240.0, (110.0, 900.0), 3310)
    for label, told in (("real", False), ("uncertain", True), ("fake", True)):
        report = build.report([replace(build.face(label, (0, 0, 9, 9), 0.5), rarity=rare)])
        for text in (
            explain(report, About("1")),
            quote(report, About("1")),
            to_html(Shown(report), About("1")),
            report_html(report),
            to_text(report),
            demo_html(report),
        ):
            assert ("1 in 240" in text) is told, label


def test_of_many_faces_the_rarest_are_explained(build):
    text = explain(
        build.report([build.face("real", (i, 0, i + 9, 9), i / 1000) for i in range(50)]), About("1")
    )
    assert text.count("Face ") == 12
    assert "And 38 more" in text


def test_an_empty_album_says_so():
    page = album_to_html("album", [], About("1"), failed=["a.jpg is empty"])
    assert "0 shown: nothing" in page
    assert "Not read: a.jpg is empty" in page


def test_rows_for_data_frames(suspicious):
    table = rows([suspicious, suspicious])
    assert [row["face_label"] for row in table] == ["real", "fake", "uncertain"] * 2
    assert {type(v) for row in table for v in row.values()} <= {str, int, float, type(None)}
    assert (table[1]["kind"], table[1]["x0"]) == ("swap", 100.0)


def test_a_table_runs_no_formulas(build):
    odd = build.report([], source="=HYPERLINK(1)", warnings=("@x", "é\udcff"))
    text = to_csv([report_row(odd), {"source": "-1+2.jpg", "verdict": "failed"}])
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["source"], second["source"]) == ("'=HYPERLINK(1)", "'-1+2.jpg")
    assert first["warnings"] == "'@x; é\\xff"
    assert set(first) == set(COLUMNS)


def test_no_cell_is_run_where_a_semicolon_ends_it(build):
    text = to_csv(
        [report_row(build.report([], source="x;=1+1.jpg", warnings=("a", "\uff1d1", "\x1b[2J\x9b2J\u202e")))]
    )
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["source"] == "x;'=1+1.jpg"
    assert row["warnings"] == "a;' \uff1d1; \\x1b[2J\\x9b2J\\u202e", (
        "a terminal that shows the table obeys nothing"
    )


def forms(report):
    """Every form of a report in words."""
    page, shown = to_html(Shown(report), About("1")), [Shown(report)]
    album = album_to_html("a", shown, About("1"))
    return [to_text(report), explain(report, About("1")), page, album, report_html(report), demo_html(report)]


def test_every_form_says_unknown_and_the_label_in_the_same_words(build):
    nothing = build.report([], provenance={"version": 1, "signals": [], "contradictions": []})
    for text in forms(nothing):
        assert "nknown: nothing in the file says where it comes from" in text
        assert "labelled" not in text
    told = {
        "version": 1,
        "signals": [],
        "label_text": "AI generated",
        "digital_source_type": "trainedAlgorithmicMedia",
    }
    for text in forms(build.report([], provenance=told)):
        assert "By its own words it could be labelled AI generated (trainedAlgorithmicMedia)." in text


def test_what_strangers_wrote_is_bounded_in_every_form(build):
    signals = [{"says": "edited", "text": f"{n}\n\x1b[2J\u202e" + "x" * 5000} for n in range(300)]
    told = {"version": 1, "signals": signals, "contradictions": ["b\nc"], "label_text": "A\nB"}
    for text in forms(build.report([], provenance=told)):
        assert len(text) < 40_000
        assert "nd 281 more notes" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "b c" in text
        assert "A B" in text


def test_a_name_turns_no_text_around_it_and_commands_no_terminal(build):
    odd = build.report([], source="/secret/a\x9b31m\u202egpj.exe")
    for text in (to_html(Shown(odd), About("1")), explain(odd, About("1")), to_json(odd)):
        assert "\u202e" not in text
        assert "\x9b" not in text
    assert json.loads(to_json(odd))["source"] == odd.source
