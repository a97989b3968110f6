"""Demo page, made with Gradio: one picture in, its verdict and overlay out.

What it does: ``fakeweb demo`` shows :class:`~fakeweb.scanner.Scanner` to somebody who has never seen a terminal. It
is for one computer and a few people; what others are to use is :mod:`fakeweb.server`. Nothing leaves the computer: no
telemetry, no fonts or scripts from elsewhere, and what was put in is deleted.

May import: :mod:`fakeweb.scanner` and everything below it; Gradio and Starlette, which comes with it, are its guests
(extra ``demo``) and are imported only by its submodules.

Where to add a file: what is shown stands in ``page.py``, what is said in ``words.py``, the pictures to try in
``examples.py``.
"""

from __future__ import annotations

from importlib.util import find_spec

from fakeweb.errors import missing_extra

__all__ = ["run"]


def run(*, port: int = 7860, share: bool = False, model: str | None = None) -> None:
    """Show the page until the process is told to stop.

    Args:
        port: Port on this computer to listen on.
        share: Whether Gradio also opens a public address, which goes through its makers' servers.
        model: Name of a model or path of a card; None: the shipped one.

    Raises:
        MissingExtra: The extra ``demo`` is not installed.
        UsageError: The port is taken.
        ModelError: The model is missing or broken.
    """
    if find_spec("gradio") is None:
        raise missing_extra("demo", "fakeweb demo")
    from fakeweb.demo import page

    page.run(port=port, share=share, model=model)
