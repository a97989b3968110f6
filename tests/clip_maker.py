"""Small real clips for the tests: every frame carries its number as black and white blocks that survive encoding."""

import io
from fractions import Fraction

import numpy as np

BITS = 10


def numbered(number: int, width: int = 160, height: int = 120) -> np.ndarray:
    """Return uint8 RGB with the number along the top edge, and red growing to the right, green downwards."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * x // width, 255 * y // height, np.full_like(x, 90)], -1).astype(np.uint8)
    block = width // BITS
    for bit in range(BITS):
        pixels[: height // 5, bit * block : (bit + 1) * block] = 255 if number >> bit & 1 else 0
    return pixels


def number_in(pixels: np.ndarray) -> int:
    """Read the number back."""
    height, width = pixels.shape[:2]
    block = width // BITS
    blocks = [
        pixels[height // 20 : height // 7, b * block + block // 4 : (b + 1) * block - block // 4].mean()
        for b in range(BITS)
    ]
    return sum(1 << bit for bit, value in enumerate(blocks) if value > 127)


def encode(
    frames,
    *,
    fps=10,
    times_ms=None,
    container="mp4",
    codec="libx264",
    pix_fmt="yuv420p",
    gop=12,
    rotation=0,
    aspect=None,
    sound_s=0.0,
    options=None,
    tags=None,
) -> bytes:
    """Encode uint8 RGB pictures; ``times_ms`` gives each its time, for variable rates."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        frames = iter(frames)
        first = next(frames)
        stream = output.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], pix_fmt
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        stream.options = (
            {"preset": "ultrafast", **(options or {})} if codec.startswith("libx26") else options or {}
        )
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        sound = output.add_stream("aac", rate=44100) if sound_s else None
        for number, pixels in enumerate(_chain(first, frames)):
            layout = "rgb48le" if pixels.dtype == np.uint16 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
            frame = frame.reformat(format=pix_fmt)
            for name, value in (tags or {}).items():
                setattr(frame, name, value)
            if times_ms is not None:
                frame.pts, frame.time_base = times_ms[number], Fraction(1, 1000)
            else:
                frame.pts, frame.time_base = number, Fraction(1, 1) / Fraction(fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            _beep(output, sound, sound_s)
    return file.getvalue()


def place_of(data: bytes, frame: int) -> int:
    """Return where in a file the data of a frame begin, counted in decoding order."""
    import av

    with av.open(io.BytesIO(data)) as container:
        return [p.pos for p in container.demux(video=0) if p.size][frame]


def sound_only(seconds=1.0, container="mp4") -> bytes:
    """Return a file with nothing but a tone."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        _beep(output, output.add_stream("aac", rate=44100), seconds)
    return file.getvalue()


def _chain(first, rest):
    yield first
    yield from rest


def _beep(output, stream, seconds) -> None:
    import av

    time = np.arange(int(44100 * seconds)) / 44100
    wave = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    for start in range(0, len(wave), 1024):
        part = wave[start : start + 1024]
        frame = av.AudioFrame.from_ndarray(part[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, start
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
