"""What every task has in common: options of its own, errors out of worker processes, one process or several."""

import pytest

from fakeweb.errors import DatasetError, UnknownName, UsageError
from fakeweb.train import run

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnxscript", reason="needs the extra 'train'")

HEAD = 'name = "x"\nversion = "1"\ntitle = "t"\n'
RECIPES = {
    "classifier": HEAD,
    "finder": f'task = "finder"\n{HEAD}[data]\nfiles = ["a", "b"]\n',
    "mesh": f'task = "mesh"\n{HEAD}[data]\nlabels = "none.npz"\n',
    "video": f'task = "video"\n{HEAD}',
}


@pytest.fixture
def recipe(tmp_path):
    def write(task):
        path = tmp_path / f"{task}.toml"
        path.write_text(RECIPES.get(task, f'task = "{task}"\n{HEAD}'))
        return path

    return write


@pytest.mark.parametrize(
    ("task", "options", "named", "hint"),
    [
        ("mesh", {"weights": "missing.pt"}, "a mesh takes no option 'weights'", "no options of its own"),
        ("mesh", {"fold": "nofold"}, "a mesh takes no option 'fold'", "no options of its own"),
        ("finder", {"cache": "c"}, "a finder takes no option 'cache'", "it takes weights"),
        ("finder", {"weights": ["a.onnx", "b.onnx"]}, "a finder takes one 'weights', got 2", "one"),
        ("video", {"finder_model": "f.onnx"}, "a video takes no option 'finder_model'", "it takes weights"),
        ("video", {"mesher_model": "m"}, "a video takes no option 'mesher_model'", "it takes weights"),
        ("classifier", {"finder_modell": "f"}, "no option 'finder_modell'", "did you mean 'finder_model'"),
        ("classifier", {"teachers": ["t.pt"]}, "no option 'teachers'", "mesher_model, cache"),
    ],
)
def test_an_option_that_a_task_does_not_know_is_an_error(recipe, tmp_path, task, options, named, hint):
    with pytest.raises(UsageError, match=named) as caught:
        run(recipe(task), tmp_path, tmp_path / "out", **options)
    assert hint in caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("empty", [None, "", (), []])
def test_an_option_that_is_empty_counts_as_not_given(recipe, tmp_path, empty):
    with pytest.raises(UsageError, match="no device"):  # what comes next
        run(recipe("mesh"), tmp_path, tmp_path / "out", weights=empty, device="none")


def test_a_task_that_nobody_knows(recipe, tmp_path):
    with pytest.raises(UnknownName, match="no task is called 'meshes'") as caught:
        run(recipe("meshes"), tmp_path, tmp_path / "out")
    assert "classifier, content, finder, mesh, video" in caught.value.hint


@pytest.mark.parametrize("task", ["finder", "mesh", "video"])
def test_torchrun_is_refused_where_one_process_trains(recipe, tmp_path, monkeypatch, task):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="by one process"):
        run(recipe(task), tmp_path, tmp_path / "out")


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_sample_arrives_whole_out_of_a_worker(workers):
    from fakeweb.train.batches import load

    class Samples:
        def __getitem__(self, number):
            if number == 3:
                raise DatasetError("number three is gone", hint="bring it back")
            return number

    seen = []
    with pytest.raises(DatasetError, match="number three is gone") as caught:
        seen.extend(batch.tolist() for batch in load(Samples(), [[0, 1], [2, 3], [4, 5]], workers))
    assert seen == [[0, 1]]
    assert caught.value.hint == "bring it back"
