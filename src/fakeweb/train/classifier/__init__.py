"""Training of a classifier: real or fake, which kind, and where; the task of recipes that name none.

``task`` what the loop needs, ``crops`` batches of faces and what a network says of them, ``finish`` calibration,
figures and export.
"""
