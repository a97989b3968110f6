"""``fakeweb version``."""

from __future__ import annotations

import platform

from fakeweb import __version__
from fakeweb.cli.console import write


def version() -> None:
    """Print the versions that matter when something goes wrong."""
    import cv2
    import numpy as np

    from fakeweb.runtime import library_version

    write(f"fakeweb {__version__}")
    write(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    write(f"numpy {np.__version__}, opencv {cv2.__version__}, onnxruntime {library_version()}")
