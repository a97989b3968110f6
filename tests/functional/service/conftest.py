"""The service that most tests share."""

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'server'")
pytest.importorskip("httpx", reason="needs `just setup server`")

import httpx

from fakeweb.media import encode_jpeg
from fakeweb.types import Image


@pytest.fixture(scope="session")
def service(run_service):
    """The service most tests share."""
    return run_service()


@pytest.fixture
def api(service) -> httpx.Client:
    """HTTP to the shared service."""
    with httpx.Client(base_url=service.url, timeout=300) as client:
        yield client


@pytest.fixture(scope="session")
def jpeg(portrait_path) -> bytes:
    """The portrait's bytes."""
    return portrait_path.read_bytes()


@pytest.fixture(scope="session")
def small(portrait):
    """Small portraits that differ in their bytes: ``small(7)``."""

    def make(number: int) -> bytes:
        pixels = portrait.pixels[20:220, 130:330].copy()
        pixels[0, 0] = number % 256, number // 256 % 256, number // 65536
        return encode_jpeg(Image(pixels), 90)

    return make
