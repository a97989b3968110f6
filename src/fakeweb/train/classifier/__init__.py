"""Training of a classifier: real or fake, which kind, and where; ``task = "classifier"``, also where a recipe names none.

``task`` what the loop needs, ``crops`` batches of faces and what a network says of them, ``finish`` calibration,
figures and export.
"""
