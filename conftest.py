"""What every test may use: labelled data, a portrait, a tiny model, and a picture that knows its coordinates."""

import hashlib
import importlib.util
import json
import secrets
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import configuration, settings

from fakeweb.types import Crop, Face, Image

REPOSITORY = Path(__file__).parent
TESTS = REPOSITORY / "tests"
TINY_DECISION = {
    "false_alarms": 0.02,
    "tail_rate": 0.1,
    "tail_logit": 0.0,
    "tail_scale": 0.5,
    "real": 0.3,
    "min_face_px": 20.0,
}

# the same examples everywhere, and no folder left behind in the checkout
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir(), "fakeweb-hypothesis"))
settings.register_profile("fakeweb", derandomize=True, database=None, deadline=None, max_examples=60)
settings.load_profile("fakeweb")


def pytest_addoption(parser):
    parser.addoption(
        "--data",
        type=Path,
        default=REPOSITORY.parent / "shared" / "data",
        help="folder with labelled pictures and their index.csv (default: ../shared/data)",
    )


def _module(name: str) -> ModuleType:
    """Load a helper that lies beside this file: with --import-mode=importlib tests are no package."""
    spec = importlib.util.spec_from_file_location(f"fakeweb_tests_{name}", TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def s3_endpoint() -> ModuleType:
    """What runs an S3 server on this machine, a process of its own."""
    pytest.importorskip("s3fs", reason="needs the extra 's3'")
    pytest.importorskip("moto.server", reason="needs moto, the endpoint the tests run")
    return _module("s3_endpoint")


@pytest.fixture(scope="session")
def s3_server(s3_endpoint):
    """An S3 server, with its credentials in the environment: its address."""
    with s3_endpoint.running() as address:
        yield address


@pytest.fixture(scope="session")
def fault_proxy():
    """A proxy that harms connections: ``fault_proxy(port)``; see ``tests/fault_proxy.py``."""
    return _module("fault_proxy").FaultProxy


@pytest.fixture
def bucket(s3_server):
    """An empty bucket: its address, such as ``s3://b0123``."""
    import s3fs

    name = f"b{secrets.token_hex(6)}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def data(request) -> Path:
    """The folder of labelled pictures."""
    folder = request.config.getoption("--data")
    if not (folder / "index.csv").is_file():
        pytest.skip(f"no labelled pictures at {folder}; give --data FOLDER")
    return folder


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    """A NASA portrait of 512 px with one face."""
    return REPOSITORY / "examples" / "collins.jpg"


@pytest.fixture(scope="session")
def portrait(portrait_path) -> Image:
    """The same, read."""
    from fakeweb.media import read_image

    return read_image(portrait_path).image


@pytest.fixture(scope="session")
def portrait_box() -> tuple[float, float, float, float]:
    """Where the portrait's face is, brow to chin and cheek to cheek, drawn by eye."""
    return (178.0, 62.0, 272.0, 176.0)


@pytest.fixture(scope="session")
def iou():
    """Intersection over union of two boxes."""

    def run(a, b) -> float:
        shared = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        common = float(np.prod(np.clip(shared, 0, None)))
        return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)

    return run


@pytest.fixture(scope="session")
def onnx_bytes() -> ModuleType:
    """The pure Python writer of ONNX files."""
    return _module("onnx_bytes")


@pytest.fixture(scope="session")
def clip_maker() -> ModuleType:
    """The maker of small real clips."""
    return _module("clip_maker")


@pytest.fixture(scope="session")
def provenance_maker() -> ModuleType:
    """The maker of files that say where they come from."""
    return _module("provenance_maker")


@pytest.fixture(scope="session")
def hdr_maker() -> ModuleType:
    """The maker of HDR pictures."""
    return _module("hdr_maker")


@pytest.fixture(scope="session")
def tiny_model(onnx_bytes):
    """Write a classifier whose logit is ``gain * mean brightness + bias``, and its card; return the card's path.

    With the defaults, P(fake) is 0.5 at brightness 128, and a card reads ``logit = brightness / 10 - 12.8``. The kind
    is that of the strongest colour: red swap, green retouch, blue generated. Further keywords replace fields of the
    card (``...`` leaves one out), so that broken ones can be made; ``raw`` replaces the bytes of the model. ``cells``
    gives it a map of evidence: the brightness of each part of the crop.
    """

    def write(folder: Path, name="tiny", *, side_px=32, gain=0.1, bias=-12.8, decision=None, raw=None,
              cells=0, **card) -> Path:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        content = raw
        if content is None:
            content = onnx_bytes.brightness_classifier(side_px, gain, bias, cells=cells)
        if cells:
            card.setdefault("evidence", {"side": cells})
        (folder / f"{name}.onnx").write_bytes(content)
        fields = {
            "card_version": 1,
            "name": name,
            "version": "1",
            "title": "brightness is suspicious",
            "task": "classifier",
            "file": f"{name}.onnx",
            "sha256": hashlib.sha256(content).hexdigest(),
            "licence": "CC0-1.0",
            "input": {"side_px": side_px, "margin": 1.0, "dtype": "uint8", "layout": "NHWC", "colour": "RGB"},
            "kinds": ["swap", "retouch", "generated"],
            "calibration": {"scale": 1.0, "bias": 0.0},
            "decision": decision if decision is ... else {**TINY_DECISION, **(decision or {})},
            "details": {},
            **card,
        }
        path = folder / f"{name}.json"
        path.write_text(json.dumps({k: v for k, v in fields.items() if v is not ...}), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def plain():
    """A picture of one colour: a brightness, or (red, green, blue)."""

    def build(colour, width=64, height=64) -> Image:
        return Image(np.full((height, width, 3), colour, np.uint8))

    return build


@pytest.fixture(scope="session")
def plain_crop():
    """A crop of one colour."""

    def build(colour, side_px=32) -> Crop:
        pixels = np.full((side_px, side_px, 3), colour, np.uint8)
        return Crop(pixels, Face((0, 0, side_px, side_px)), np.eye(2, 3, dtype=np.float32))

    return build


@pytest.fixture(scope="session")
def gradients():
    """A picture that knows its coordinates: red = x, green = y, both in pixels, blue flat; up to 256 px."""

    def build(width=256, height=256) -> Image:
        y, x = np.mgrid[0:height, 0:width]
        return Image(np.stack([x, y, np.full_like(x, 77)], -1).astype(np.uint8))

    return build


@pytest.fixture(scope="session")
def postgres_url():
    """The address of a real PostgreSQL server; skips where none is installed."""
    yield from _module("postgres_server").serve()


@pytest.fixture(scope="session")
def freeze_postgres(postgres_url):
    """Make the server stand still in a ``with`` block: it takes connections and says nothing."""
    return sys.modules["fakeweb_tests_postgres_server"].frozen


@pytest.fixture(scope="session")
def drawn_faces() -> ModuleType:
    """Drawn faces with meshes, and a finder and a mesh model that know them."""
    return _module("drawn_faces")


@pytest.fixture(scope="session")
def drawn_face(drawn_faces):
    """Draw a face: ``drawn_face(centre, width_px, turn_deg=, size=, seed=, grey=)`` -> (Image, Face)."""
    return drawn_faces.drawn_face


@pytest.fixture(scope="session")
def run_service(tmp_path_factory):
    """Start a service with settings: ``run_service(max_bytes=1000)``; all are ended after the tests."""
    pytest.importorskip("fastapi", reason="needs the extra 'server'")
    pytest.importorskip("httpx", reason="needs `just setup server`")
    module = _module("running_service")
    running = []

    def run(*, data_dir: Path | None = None, wait: bool = True, **settings):
        one = module.Running(data_dir or tmp_path_factory.mktemp("service") / "data", **settings)
        running.append(one)
        return one.start(wait=wait)

    yield run
    for one in running:
        if one.process.poll() is None:
            one.kill()
