"""Where models lie, and the proof that they are the right ones."""

import os
import shutil

import numpy as np
import pytest

from fakeweb.errors import ModelCorrupt, ModelIncompatible, ModelMissing, UnknownName
from fakeweb.runtime import find_card, library_version, list_cards, open_session, read_card, sha256_of, verify


@pytest.fixture
def card(tmp_path, tiny_model):
    return read_card(tiny_model(tmp_path))


def test_cards_are_listed_by_name(tmp_path, tiny_model):
    for name in ("zebra", "ant"):
        tiny_model(tmp_path, name)
    assert [c.name for c in list_cards(tmp_path)] == ["ant", "zebra"]
    assert list_cards(tmp_path / "empty") == []


def test_a_card_is_found_by_name_or_path(tmp_path, tiny_model):
    path = tiny_model(tmp_path, "ant")
    assert find_card("ant", tmp_path) == find_card(path) == find_card(str(path)) == read_card(path)


def test_an_unknown_model_suggests_the_nearest(tmp_path, tiny_model):
    tiny_model(tmp_path, "ant")
    with pytest.raises(UnknownName, match="no model is called 'ants'") as caught:
        find_card("ants", tmp_path)
    assert "did you mean 'ant'?" in caught.value.hint


@pytest.mark.parametrize("name", ["../ant", "sub/../ant", "/ant", ""])
def test_a_name_is_no_path(tmp_path, tiny_model, name):
    tiny_model(tmp_path, "ant")
    (tmp_path / "sub").mkdir()
    with pytest.raises(UnknownName):
        find_card(name, tmp_path / "sub")


def test_no_model_at_all(tmp_path):
    with pytest.raises(UnknownName) as caught:
        find_card("fast", tmp_path)
    assert "known: none" in caught.value.hint


def test_a_card_path_that_is_not_there(tmp_path):
    with pytest.raises(ModelMissing, match="no model card"):
        find_card(tmp_path / "my.json")


def test_an_intact_model_is_verified_and_opens(card, plain):
    verify(card)
    out = open_session(card).run(plain(128, 32, 32).pixels[None])
    assert set(out) == {"logit", "kinds"}
    assert out["logit"].shape == (1,)
    assert out["kinds"].shape == (1, 3)
    assert library_version()


def test_a_missing_file(card):
    card.path.unlink()
    with pytest.raises(ModelMissing, match=r"tiny@1 has no file at .*tiny\.onnx") as caught:
        open_session(card)
    assert "reinstall" in caught.value.hint


TAMPERING = {
    "one bit": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "a byte more": lambda data: data + b"\0",
    "cut off": lambda data: data[:-1],
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING.keys())
def test_a_tampered_file(card, tamper):
    card.path.write_bytes(tamper(card.path.read_bytes()))
    with pytest.raises(ModelCorrupt, match="not the file its card describes") as caught:
        open_session(card)
    assert card.sha256[:12] in str(caught.value)
    assert "export" in caught.value.hint


def test_a_file_that_changes_after_it_was_verified_is_seen(card):
    verify(card)
    data = card.path.read_bytes()
    card.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    stat = card.path.stat()
    os.utime(card.path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))  # clocks of file systems may be coarse
    with pytest.raises(ModelCorrupt):
        verify(card)


def test_the_checked_bytes_are_the_loaded_ones(card):
    assert verify(card) == card.path.read_bytes()
    assert sha256_of(card.path) == card.sha256


def test_a_model_may_be_moved_with_its_card(tmp_path, tiny_model):
    tiny_model(tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    verify(find_card("tiny", tmp_path / "there"))


@pytest.mark.parametrize("raw", [b"", b"garbage" * 50, b"\x08\x07"], ids=["empty", "garbage", "no graph"])
def test_garbage_with_the_right_hash_is_incompatible(tmp_path, tiny_model, raw):
    card = read_card(tiny_model(tmp_path, raw=raw))
    verify(card)
    with pytest.raises(ModelIncompatible, match=r"cannot load .*tiny\.onnx") as caught:
        open_session(card)
    assert "onnxruntime" in caught.value.hint


@pytest.mark.parametrize(
    "batch",
    [np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 3, 32, 32), np.uint8), np.zeros((1, 32, 32, 3), np.float32)],
    ids=lambda a: f"{a.dtype} {a.shape}",
)  # fmt: skip
def test_a_wrong_input_is_translated(card, batch):
    with pytest.raises(ModelIncompatible, match=f"does not take {batch.dtype}"):
        open_session(card).run(batch)
