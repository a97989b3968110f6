"""Ordered map over many items: serial or in processes.

May import: the standard library, :mod:`fakeweb.errors`. A new way to run (on a cluster, say) is one file here with a
generator of the same signature as :func:`ordered_map`.
"""

from fakeweb.batch.processes import ordered_map

__all__ = ["ordered_map"]
