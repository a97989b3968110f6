"""What an installation costs: bytes on disk, seconds to import."""

import io
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import fakeweb

ROOT = Path(__file__).parents[2]
MB = 1_000_000


def test_the_wheel_stays_below_22_mb():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in sorted(Path(fakeweb.__file__).parent.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                wheel.write(path, path.relative_to(ROOT))
    assert 10 * MB < len(packed.getvalue()) < 22 * MB


def test_importing_takes_no_time():
    code = "import time; t = time.process_time(); import fakeweb; print(time.process_time() - t)"
    times_s = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
        for _ in range(3)
    ]
    assert min(times_s) < 0.35


@pytest.mark.slow
def test_the_base_install_on_disk_stays_below_530_mb(tmp_path):
    """Needs the network, as any installation does."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
    used = sum(
        p.stat().st_blocks * 512 for p in (tmp_path / "venv").rglob("*") if p.is_file() and not p.is_symlink()
    )
    assert used < 530 << 20
