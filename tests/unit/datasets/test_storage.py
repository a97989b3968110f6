"""Places of files: what is said of those that cannot be read; object storage itself is tested in ``dfdc``."""

import sys

import pytest

from fakeweb.datasets.storage import Storage
from fakeweb.errors import MissingExtra, UsageError


def test_object_storage_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match="reading s3:// places needs the extra 's3'"):
        Storage("s3://bucket/clips")
    assert Storage("/nowhere").names() == []


def test_a_web_address_is_no_place():
    with pytest.raises(UsageError, match="no folder and no object storage"):
        Storage("https://example.org/clips")
