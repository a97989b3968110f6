"""Bytes <-> :class:`~fakeweb.types.Image`: reading, limits, inputs, writing, downloads.

Everything that enters FakeWeb as a picture enters here, and nothing below this room needs to distrust a byte
again: what comes out is upright sRGB, checked, hashed, and either complete or an error of
:mod:`fakeweb.errors`. A picture takes four steps::

    source.load          path, bytes, file object -> bytes, within the limit for bytes
    sniff.sniff          what the bytes really are; videos, SVG, PDF ... are turned away by name
    formats.<name>       reads the container itself: size (against the limits), completeness, orientation,
                         colour profile; leaves a stream without metadata
    decode + colour      Pillow decodes that stream; ICC -> sRGB, 16 -> 8 bit, alpha -> white, orientation

May import: numpy, OpenCV, the standard library, :mod:`fakeweb.types`, :mod:`fakeweb.errors`. Pillow and
pillow-heif are this room's heavy guests: they are imported inside functions only, so that importing this package
loads neither.

A *place* is a local path or an address such as ``s3://bucket/a.jpg`` (``address.py``); ``read_image``,
``write_atomically`` and ``expand_inputs`` take both, ``storage.py`` is the border to fsspec, ``staging.py`` for what
needs a real folder.

Files of folders are found by ``walk.py`` and looked at by ``glance.py``; ``expand.py`` is both for a command line.
What FakeWeb draws bears the mark of ``mark.py``. Addresses that a stranger names are checked in ``url.py``, requests
that a stranger's page makes a browser send in ``browsers.py``.

A new picture format is one file in ``formats/`` and one line in its table; a new kind of source is one branch
in ``source.py``.
"""

from __future__ import annotations

from fakeweb.media.browsers import check_host, check_origin
from fakeweb.media.cost import NO_COST, Cost, decoding_cost
from fakeweb.media.expand import Expansion, expand_inputs
from fakeweb.media.glance import PICTURE_SUFFIXES
from fakeweb.media.limits import Limits
from fakeweb.media.read import Media, Source, read_image
from fakeweb.media.url import fetch_url
from fakeweb.media.video import (
    VIDEO_SUFFIXES,
    Choice,
    Clip,
    ClipInfo,
    Pace,
    encode_clip,
    kind_of,
    open_clip,
    read_frames,
    rewrite_clip,
)
from fakeweb.media.write import encode_jpeg, encode_png, write_atomically

__all__ = [
    "NO_COST",
    "PICTURE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Choice",
    "Clip",
    "ClipInfo",
    "Cost",
    "Expansion",
    "Limits",
    "Media",
    "Pace",
    "Source",
    "check_host",
    "check_origin",
    "decoding_cost",
    "encode_clip",
    "encode_jpeg",
    "encode_png",
    "expand_inputs",
    "fetch_url",
    "kind_of",
    "open_clip",
    "read_frames",
    "read_image",
    "rewrite_clip",
    "write_atomically",
]
