"""HDR and other light in real files: sRGB pictures coded anew as PQ, HLG or linear, in PNG, AVIF, HEIC."""

import io
import struct
import zlib

import numpy as np

PQ, HLG = 16, 18
BT2020, P3 = 9, 12
_WHITE_NITS = 203
_TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def linear(pixels: np.ndarray) -> np.ndarray:
    """Return the light of uint8 sRGB: float64, 1 is white."""
    code = pixels / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def hdr(pixels: np.ndarray, transfer: int) -> np.ndarray:
    """Return codes in [0, 1] that show uint8 sRGB with white at 203 nits, in BT.2020."""
    nits = linear(pixels) @ _TO_2020.T * _WHITE_NITS
    if transfer == PQ:
        root = (nits.clip(0) / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375
    scene = (nits.clip(0) / 1000) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def png(codes: np.ndarray, *chunks: tuple[bytes, bytes], depth: int = 16) -> bytes:
    """Write codes in [0, 1], (H, W, 3), as a PNG with further chunks in front of the pixels."""
    samples = (codes.clip(0, 1) * (2**depth - 1)).round().astype(">u2" if depth == 16 else "u1")
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in samples))
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, 2, 0, 0, 0)
    every = [(b"IHDR", head), *chunks, (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in every
    )


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    """Return a PNG's chunk of code points."""
    return b"cICP", bytes((primaries, transfer, 0, 1))


def avif(codes: np.ndarray, primaries: int, transfer: int) -> bytes:
    """Write codes in [0, 1] as an AVIF of 8 bits with code points."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray((codes.clip(0, 1) * 255).round().astype(np.uint8)).save(
        file, "AVIF", quality=98, subsampling="4:4:4"
    )
    data = bytearray(file.getvalue())
    struct.pack_into(">HH", data, data.index(b"colrnclx") + 8, primaries, transfer)
    return bytes(data)


def heic(codes: np.ndarray, primaries: int, transfer: int) -> bytes:
    """Write codes in [0, 1] as a HEIC of 10 bits with code points."""
    import pillow_heif

    samples = (codes.clip(0, 1) * 65535).round().astype(np.uint16)
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", samples.shape[1::-1], samples.tobytes()).save(
        file,
        quality=98,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=9,
        full_range_flag=1,
    )
    return file.getvalue()
