"""Evaluation of classifiers on labelled data: protocols, tables and reports. Extra ``evaluate``.

May import: scikit-learn and matplotlib (its guests), numpy, OpenCV, :mod:`fakeweb.scanner`, :mod:`fakeweb.forge`,
:mod:`fakeweb.faces`, :mod:`fakeweb.classifiers`, :mod:`fakeweb.datasets`, :mod:`fakeweb.runtime`, :mod:`fakeweb.media`,
:mod:`fakeweb.batch`, :mod:`fakeweb.registry`, :mod:`fakeweb.metrics`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`.
Importing it loads none of the guests::

    protocol   what is judged, decided before the first score
    score_picture, score_video   one sample -> one row per model and view; scores keeps the rows of a killed run
    degrade    views of a picture, for robustness; conditions: what a face looks like; matched: fakes without own reals
    figures    all tables of one evaluation, out of the rows and :mod:`fakeweb.metrics`
    shallow    the baseline every model must beat; leaks: what handling alone gives away
    across     several data sets and models in one table
    folds      cross-validation by held-out source; people: persons who stand under several groups
    inspect    what is in a data set, good and bad; files: facts of its pictures
    report, pages, plots   figures -> Markdown and HTML

A new figure goes into :mod:`fakeweb.metrics` and the table of ``figures``, new damage into ``degrade.CURVES``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakeweb.errors import missing_extra

if TYPE_CHECKING:
    from pathlib import Path

    from fakeweb.evaluate.protocol import Protocol
    from fakeweb.evaluate.run import Evaluation, OnProgress


def need_guests(wanted: str) -> None:
    """See that scikit-learn and matplotlib are there.

    Args:
        wanted: What for, such as ``"fakeweb evaluate"``.

    Raises:
        MissingExtra: They are not.
    """
    try:
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise missing_extra("evaluate", wanted) from error


def evaluate(
    protocol: Protocol, out: Path, *, workers: int = 1, on_progress: OnProgress | None = None
) -> Evaluation:
    """Score the samples a protocol chooses, and write scores, figures and reports; see :mod:`.run`.

    Raises:
        MissingExtra: scikit-learn or matplotlib is not installed.
    """
    need_guests("fakeweb evaluate")
    from fakeweb.evaluate.run import evaluate as run

    return run(
        protocol, out, workers=workers, on_progress=on_progress or (lambda _stage, _done, _total: None)
    )
