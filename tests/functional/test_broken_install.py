"""What a user sees where a package of the base install is missing or broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fakeweb

ROOT = Path(__file__).parents[2]


def run(tmp_path, sitecustomize, *arguments):
    (tmp_path / "sitecustomize.py").write_text(sitecustomize)
    source = str(Path(fakeweb.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-m", "fakeweb", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), source))},
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("onnxruntime", "onnxruntime"),
        ("cv2", "opencv-python-headless"),
        ("PIL", "pillow"),
        ("numpy", "numpy"),
        ("typer", "typer"),
    ],
)
def test_a_missing_package_is_one_line_that_says_what_to_install(module, package, tmp_path):
    result = run(
        tmp_path, f"import sys\nsys.modules[{module!r}] = None\n", "scan", ROOT / "examples" / "collins.jpg"
    )
    assert result.returncode == 3
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert f"the package {package} is missing or broken" in result.stderr
    assert f"-m pip install --force-reinstall --no-deps {package})" in result.stderr


def test_a_clip_without_its_decoder(tmp_path, clip_maker):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(clip_maker.encode(clip_maker.numbered(i) for i in range(3)))
    result = run(tmp_path, "import sys\nsys.modules['av'] = None\n", "scan", clip)
    assert result.returncode == 3
    assert result.stderr.startswith("error: the package av is missing or broken")


def test_the_folder_that_another_opencv_leaves_behind(tmp_path):
    """``pip uninstall opencv-python`` beside the headless one takes the files of both, and leaves an empty folder."""
    empty = "import sys, types\nsys.modules['cv2'] = types.ModuleType('cv2')\n"
    result = run(tmp_path, empty, "scan", ROOT / "examples" / "collins.jpg")
    assert result.returncode == 3
    assert len(result.stderr.splitlines()) == 1
    assert "the package opencv-python-headless is missing or broken" in result.stderr


def test_a_library_of_the_system_that_is_missing(tmp_path):
    broken = tmp_path / "onnxruntime"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('libgomp.so.1: cannot open shared object file')\n")
    result = run(tmp_path, "", "scan", ROOT / "examples" / "collins.jpg")
    assert result.returncode == 3
    assert "onnxruntime is missing or broken: libgomp.so.1: cannot open shared object file" in result.stderr


def test_a_mistake_of_ours_is_not_explained_away(tmp_path):
    code = "import sys\nsys.modules['fakeweb.render'] = None\n"
    result = run(tmp_path, code, "scan", ROOT / "examples" / "collins.jpg")
    assert "Traceback" in result.stderr
