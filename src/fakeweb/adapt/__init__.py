"""A model of one's own from ten examples: a small correction to a shipped model, and the reasons why not.

Learned without torch: logistic regression under a strong prior, on features that the model has already (MAP). It
refuses to flatter: figures are of examples that were not learned from, and of the faces the model was validated on, of
which a summary is kept, no row per face::

    examples    folders, tables, exports of the review queue -> labelled files; what gives their classes away
    see         a picture -> logit and features of its main face
    summary     what is kept of a model's validation; summarise makes it from cached features
    fit         the correction; line: calibration, thresholds, and what it costs elsewhere
    graft       the correction put onto an ONNX file
    run         all of it: examples -> card, or nothing

May import: numpy, :mod:`fakeweb.evaluate`, :mod:`fakeweb.train`, :mod:`fakeweb.scanner`, :mod:`fakeweb.faces`,
:mod:`fakeweb.classifiers`, :mod:`fakeweb.datasets`, :mod:`fakeweb.provenance`, :mod:`fakeweb.runtime`,
:mod:`fakeweb.media`, :mod:`fakeweb.metrics`, :mod:`fakeweb.types`, :mod:`fakeweb.errors`; of evaluate and train only
what needs none of their guests.
"""

from fakeweb.adapt.run import Adapted, adapt

__all__ = ["Adapted", "adapt"]
