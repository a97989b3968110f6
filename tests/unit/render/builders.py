"""Reports for the tests of this room."""

import numpy as np

from fakeweb.types import Face, FaceResult, Report, Score, Thresholds, Verdict

THRESHOLDS = Thresholds(real=0.3, fake=0.6)


def face(label, box, p=None, *, kind=None, points=None, mesh=None, reasons=(), **score):
    default = {"fake": 0.95, "real": 0.05, "uncertain": 0.5}[label]
    p = default if p is None else p
    kinds = None if kind is None else {kind: 1.0}
    result = Score(p, 0.0, "m@1", kinds=kinds, **score)
    return FaceResult(Face(box, 0.9, points=points, mesh=mesh), Verdict(label, p, reasons), result)


def report(faces, width=320, height=240, **more):
    verdict = Verdict("fake", 0.9) if faces else Verdict("no_face")
    values = {
        "source": "photo.jpg",
        "verdict": verdict,
        "width": width,
        "height": height,
        "faces": tuple(faces),
        "thresholds": THRESHOLDS,
        "finder": "haar",
        "models": ("m@1",),
        "media_sha256": "0" * 64,
    }
    return Report(**{**values, **more})


def frontal_points(box):
    """Five points where an average face has them in this box."""
    x0, y0, x1, y1 = box
    share = np.array([(0.265, 0.388), (0.735, 0.388), (0.5, 0.589), (0.297, 0.735), (0.703, 0.735)])
    return np.array((x0, y0)) + share * (x1 - x0, y1 - y0)
