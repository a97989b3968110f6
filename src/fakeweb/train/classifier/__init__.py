"""Training of a classifier: real or fake, which kind, and where; the task of recipes that name none.

Of a face until it is learned from::

    prepare    where it stands in its picture, found once; corpus: all of them, sorted into train, A and B
    regions    its surroundings, kept; masks: where a fake was touched; meshes: of the reals that are forged
    plan       which faces stand in which batch; loader: picks into tensors; forging: reals made fake on the way
    heads      what stands on a network; losses; crops: batches, and what a network says of them
    task       what the loop needs; finish: calibration and figures; export: ONNX and card
"""
