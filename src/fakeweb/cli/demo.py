"""``fakeweb demo``."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """
For one computer and a few people; what others are to use is `fakeweb serve`. No telemetry, nothing is loaded from
elsewhere, and pictures are deleted within minutes. Needs the extra 'demo'.

**Examples**

* fakeweb demo

* fakeweb demo --port 9000 --model runs/mine/fast.json
"""


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this computer.")] = 7860,
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="Also open a public address for 72 hours; pictures then pass through Gradio's servers.",
        ),
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="Name of a model or path of a card.", show_default="fast")
    ] = None,
) -> None:
    """Try FakeWeb in the browser: put in a picture, see the verdict and the mesh."""
    from fakeweb import demo as room

    room.run(port=port, share=share, model=model)
