"""Published classifiers to measure beside ours, run from their own weight files by a few lines of numpy.

Nothing of theirs is shipped: whoever wants the comparison brings the files. Both keep the
:class:`fakeweb.types.Classifier` contract, so that they are judged on the very same crops. A new one is one file here
and one line in ``_KNOWN``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from baselines.classnseg import read_classnseg
from baselines.mesonet import read_mesonet
from fakeweb.errors import ModelMissing
from fakeweb.types import Classifier

_KNOWN: dict[str, Callable[[Path], Classifier]] = {
    "Meso4_DF.h5": read_mesonet,
    "Meso4_F2F.h5": read_mesonet,
    "MesoInception_DF.h5": read_mesonet,
    "MesoInception_F2F.h5": read_mesonet,
    "classnseg_full_encoder_46.pt": read_classnseg,
}


def read_baselines(folder: Path) -> list[Classifier]:
    """Read every published classifier whose weight file lies in a folder.

    Args:
        folder: Holds files named as in ``_KNOWN``; others are passed over.

    Raises:
        ModelMissing: None of them is there.
        ModelCorrupt: A file is not what its name says.
        ImportError: h5py is not installed; `just setup evaluate` brings it.
    """
    found = [read(folder / name) for name, read in _KNOWN.items() if (folder / name).is_file()]
    if not found:
        raise ModelMissing(f"no published classifier in {folder}", hint=f"known files: {', '.join(_KNOWN)}")
    return found
