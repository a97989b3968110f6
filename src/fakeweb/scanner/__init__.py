"""Detection pipeline: media in, :class:`fakeweb.types.Report` out. One :class:`Scanner` serves everybody.

May import: :mod:`fakeweb.faces`, :mod:`fakeweb.classifiers`, :mod:`fakeweb.provenance`, :mod:`fakeweb.media`,
:mod:`fakeweb.render`, :mod:`fakeweb.runtime`, :mod:`fakeweb.registry`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.

``image.py`` scans pictures, ``video.py`` clips, ``moments.py`` makes one logit of a person's many, ``decide.py``
turns measurements into verdicts, ``parts.py`` brings finder and mesher together, ``clip_output.py`` draws a scanned
clip. The room is not called ``scan``, because :func:`fakeweb.scan` is a
function (docs/decisions/0002).
"""

from fakeweb.classifiers import DEFAULT_MODEL
from fakeweb.scanner.clip_output import contact_sheet_of, overlay_clip
from fakeweb.scanner.image import Scanner
from fakeweb.scanner.pages import html_of
from fakeweb.scanner.parts import DEFAULT_FINDER, make_finder
from fakeweb.scanner.video import VideoProgress

__all__ = [
    "DEFAULT_FINDER",
    "DEFAULT_MODEL",
    "Scanner",
    "VideoProgress",
    "contact_sheet_of",
    "html_of",
    "make_finder",
    "overlay_clip",
]
