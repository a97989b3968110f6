"""Replicas of public data sets: trees of empty files, with the lists that come with them."""

import json

import pytest


@pytest.fixture
def tree(tmp_path):
    """Make empty files below ``data/`` and return it; a dict gives names with their text, bytes or JSON."""

    def build(*names):
        root = tmp_path / "data"
        root.mkdir(exist_ok=True)
        for entry in names:
            for name, content in (entry if isinstance(entry, dict) else {entry: b""}).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if not isinstance(content, str | bytes):
                    content = json.dumps(content)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return build


@pytest.fixture
def indexed():
    """Index a root: path below it -> (label, kind, split, group), in the order of the samples."""

    def run(layout, root):
        samples = list(layout.index(root))
        found = {s.path.relative_to(root).as_posix(): (s.label, s.kind, s.split, s.group) for s in samples}
        assert len(found) == len(samples)
        return found

    return run
