"""Synthetic forgeries of real faces: pure functions of (image, face with mesh, rng) -> image, soft mask, kind.

=========== ====================================================================================================
kind        methods
=========== ====================================================================================================
swap        ``self_blend``; ``swap`` (needs donors)
reenacted   ``reenact``, ``lower_face``, ``local_affine``; ``mouth`` (needs donors)
retouch     ``smooth``, ``whiten``, ``eyes``, ``nose``, ``jaw``, ``lips``, ``lipstick``, ``bright``, ``make_up``,
            ``sharpen``; ``part`` (needs donors); ``retouch`` (some of them), ``beauty`` (a filter); ``gmic`` (needs it)
generated   ``grid``, ``peaks``; ``taef2``, ``vaelight``, ``span``, ``waifu2x`` (need fetched weights)
=========== ====================================================================================================

May import: numpy, OpenCV, :mod:`fakeweb.datasets` (splits), :mod:`fakeweb.media`, :mod:`fakeweb.runtime` (networks of
copies), :mod:`fakeweb.batch`, :mod:`fakeweb.registry`, :mod:`fakeweb.topology`, :mod:`fakeweb.types`,
:mod:`fakeweb.errors`. Methods find no faces and measure no mesh: whoever calls brings both.

How it works: :mod:`~fakeweb.forge.patch` cuts out the neighbourhood of a face and puts it back with an honest mask,
:mod:`~fakeweb.forge.warp` moves pixels with the mesh, :mod:`~fakeweb.forge.blend` matches colours and hides seams.
:mod:`~fakeweb.forge.traits` measures who looks like whom, :mod:`~fakeweb.forge.donors` lends by it,
:mod:`~fakeweb.forge.fit` lays a donor on a face, :mod:`~fakeweb.forge.broken` turns down what shows.

A new method is one class here, a subclass of :class:`~fakeweb.forge.method.Method` or ``DonorMethod``, and one line in
:mod:`fakeweb.registry`; it must pass ``tests/contracts/test_forge.py``. A new retouching step is one function in
``tone.py`` or ``liquify.py`` and one line in ``retouch.TONES`` or ``SHAPES``, a new decoder one class in ``copies.py``.

Example:
    >>> from fakeweb.registry import load
    >>> smooth = load("forge", "smooth")(strength=(0.4, 0.4))
    >>> smooth.kind
    'retouch'
"""

from fakeweb.forge.donors import DonorPool
from fakeweb.forge.forgery import ForgeMethod, Forgery
from fakeweb.forge.memory import keep_freed_memory
from fakeweb.forge.method import FULL, DonorMethod, Donors, Method, Strength
from fakeweb.forge.tracks import Flicker, forge_track

__all__ = [
    "FULL",
    "DonorMethod",
    "DonorPool",
    "Donors",
    "Flicker",
    "ForgeMethod",
    "Forgery",
    "Method",
    "Strength",
    "forge_track",
    "keep_freed_memory",
]
