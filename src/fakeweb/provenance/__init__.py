"""Where a file says it comes from: content credentials, metadata, traces of saving -> signals, never a vote.

Nothing here looks at faces and nothing here enters P(fake): the signals stand beside the verdict, in plain words.
What a file says about itself is easily removed and easily forged, so absence means unknown, and says so. Nothing is
ever fetched: addresses named in a file are reported, not visited. ::

    blocks.py       a file's container -> its blocks of metadata, bounded; no pixel is decoded
    exif.py, xmp.py, iptc.py, texts.py   one block each -> what it says
    credentials.py  the border to c2pa: Content Credentials (C2PA), read and validated
    compression.py  quantiser tables, traces of an earlier JPEG;  thumbnail.py  the small picture kept inside
    names.py        known generators, editors and digital source types
    conclude.py     all that -> signals, contradictions, a label's text
    look.py         the way in: :func:`look_at` for pictures, :func:`look_at_clip` for clips

May import: numpy, OpenCV, the standard library, ``fakeweb.media``, ``fakeweb.types``, ``fakeweb.errors``. c2pa is this
room's heavy guest: it is imported inside a function, once a file has content credentials. A new kind of metadata
is one file that turns a block into a frozen value, one field in :class:`Found`, and its sentences in ``conclude.py``.
"""

from __future__ import annotations

from fakeweb.provenance.credentials import credentials_reader
from fakeweb.provenance.look import look_at, look_at_clip, read_trust
from fakeweb.provenance.values import Provenance, Signal

__all__ = ["Provenance", "Signal", "credentials_reader", "look_at", "look_at_clip", "read_trust"]
