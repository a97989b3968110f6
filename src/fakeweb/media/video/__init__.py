"""Clips -> :class:`~fakeweb.types.Frame`: videos by PyAV, animated pictures by Pillow, each decoded once and in order.

::

    kind.kind_of       what a source is by its content: a picture, a clip, or something else
    material.py        a source as a seekable file with its SHA-256
    clip.open_clip     the whole clip's timestamps and keyframes, without decoding a frame
    pace.choose        which frames to look at: evenly, so many a second, all, or bursts over a long clip
    clip.Clip.read     those frames, upright sRGB, in one forward pass
    write.rewrite_clip the same clip with other pixels, sound kept; write.encode_clip: pictures to a new clip

A new kind of container is one line in ``kind.py``; a new way to choose frames is one function in ``pace.py``.
"""

from __future__ import annotations

from fakeweb.media.video.clip import Clip, ClipInfo, open_clip, read_frames
from fakeweb.media.video.kind import VIDEO_SUFFIXES, kind_of
from fakeweb.media.video.pace import Choice, Pace
from fakeweb.media.video.write import encode_clip, rewrite_clip

__all__ = [
    "VIDEO_SUFFIXES",
    "Choice",
    "Clip",
    "ClipInfo",
    "Pace",
    "encode_clip",
    "kind_of",
    "open_clip",
    "read_frames",
    "rewrite_clip",
]
