"""Parallel maps over many items: in order, in killable processes, on a cluster.

May import: the standard library, Ray (its guest), :mod:`fakeweb.errors`. A new way to run is one file here with a
generator of the signature of :func:`ordered_map` or :func:`guarded_map`::

    processes   ordered_map: results in the order of the items; a worker that dies ends the map
    guarded     guarded_map: results as they come; limits of time and memory per item, whose worker is killed
    on_ray      ray_map: the same on Ray's actors

What is run over a million files stands in :mod:`fakeweb.bulk`.
"""

from fakeweb.batch.guarded import Limits, Lost, guarded_map
from fakeweb.batch.on_ray import ray_map
from fakeweb.batch.processes import ordered_map

__all__ = ["Limits", "Lost", "guarded_map", "ordered_map", "ray_map"]
