"""The page itself, and the server that Gradio puts it on."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read while Gradio is imported

import gradio
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from fakeweb.demo.examples import examples
from fakeweb.demo.words import to_html
from fakeweb.errors import FakeWebError, Forbidden, UsageError
from fakeweb.media import check_host, check_origin, read_image
from fakeweb.render import overlay
from fakeweb.scanner import DEFAULT_MODEL, Scanner, VideoProgress, overlay_clip

KEPT_S = 600
"""Pictures that were put in are deleted after so long, and all of them at the end."""

_STEP = 0.01
_INTRO = """# Was this face manipulated?
Put in a picture or a video: FakeWeb looks at every face, draws a mesh over those that look manipulated, and says how
sure it is. What you put in goes no further than this computer and is deleted within minutes."""
_TRY = "No picture at hand? One of these is genuine, four we forged ourselves. FakeWeb does not notice every forgery."
_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:"
)
_CSS = """
.answer h2 { margin: 0 0 .3em; padding-left: .6em; border-left: 8px solid #8b93a1; }
.answer.fake h2 { border-color: #e5283a; }
.answer.uncertain h2 { border-style: dashed; border-width: 0 0 0 8px; }
.answer ol { padding: 0; list-style: none; }
.answer li { margin: .7em 0; }
.answer ol li > * { display: block; }
.scale { height: 9px; border-radius: 5px; background: #d7dae0; overflow: hidden; margin: .3em 0; }
.scale i { display: block; height: 100%; background: #8b93a1; }
li.fake .scale i { background: #e5283a; }
.caption-label { white-space: normal !important; max-width: 100% !important; font-size: 0.72rem; line-height: 1.25; }
.answer .caveat { opacity: .8; font-size: .9em; border-top: 1px solid #8b93a155; padding-top: .6em; margin-top: 1em; }
"""


def make_page(scanner: Scanner, pictures: Sequence[tuple[Path, str]]) -> Any:
    """Return Gradio's Blocks over a scanner.

    Args:
        scanner: What judges, with its model's own threshold.
        pictures: Pictures to try, and what they are.
    """
    own = scanner.classifier.thresholds().fake
    with gradio.Blocks(title="FakeWeb", analytics_enabled=False, delete_cache=(60, KEPT_S)) as page:
        gradio.Markdown(_INTRO)
        with gradio.Tab("Picture"):
            _picture_tab(scanner, pictures, own)
        with gradio.Tab("Video"):
            _video_tab(scanner)
    return page


def _picture_tab(scanner: Scanner, pictures: Sequence[tuple[Path, str]], own: float) -> None:
    """Put in a picture or choose an example, see the answer beside it."""
    with gradio.Row():
        with gradio.Column():
            given = gradio.Image(
                type="filepath", image_mode=None, label="Picture", sources=["upload", "clipboard"], height=420
            )
            gradio.Markdown(_TRY)
            shown = [(str(path), text) for path, text in pictures]
            samples = gradio.Gallery(
                shown, columns=3, height="auto", allow_preview=False, show_label=False, interactive=False
            )
            with gradio.Accordion("Move the line", open=False):
                label = "Call a face manipulated from this suspicion on"
                line = gradio.Slider(0.01, 0.99, value=own, step=_STEP, label=label)
        with gradio.Column():
            answer = gradio.HTML()
            drawn = gradio.Image(
                label="With what was found",
                format="png",
                interactive=False,
                buttons=["download", "fullscreen"],
            )
            strength = gradio.Slider(0, 100, value=100, step=1, label="Strength of the mesh, in per cent")
            with gradio.Accordion("The whole report", open=False):
                whole = gradio.JSON(show_label=False)
    samples.select(_choosing(pictures), None, given, api_name=False)
    changes = [given.change, line.release, strength.release]
    gradio.on(
        changes, _answering(scanner, own), [given, line, strength], [drawn, answer, whole], api_name="scan"
    )


def _video_tab(scanner: Scanner) -> None:
    """Put in a video, see it with what was found, and the answer."""
    with gradio.Row():
        with gradio.Column():
            given = gradio.Video(label="Video", sources=["upload"], height=420)
            strength = gradio.Slider(
                0, 100, value=100, step=1, label="Strength of the mesh in the video, in per cent"
            )
            start = gradio.Button("Check the video", variant="primary")
        with gradio.Column():
            answer = gradio.HTML()
            drawn = gradio.Video(label="With what was found", interactive=False, height=420)
    start.click(_watching(scanner), [given, strength], [drawn, answer], api_name="scan_video")


def _choosing(pictures: Sequence[tuple[Path, str]]) -> Callable[[Any], str]:
    """Return what gives the path of the example that was clicked."""

    def choose(event: gradio.SelectData) -> str:
        return str(pictures[event.index][0])

    return choose


def _watching(scanner: Scanner) -> Callable[..., tuple[str | None, str]]:
    """Return what the page calls for a video."""

    def watch(
        path: str | None,
        strength: float,
        progress: Any = gradio.Progress(),  # noqa: B008
    ) -> tuple[str | None, str]:
        """Judge a video and draw what was found so strongly, in per cent, into a file that is deleted as it is."""
        if path is None:
            return None, ""

        def tell(at: VideoProgress) -> None:
            progress(at.done / max(1, at.total))

        try:
            report = scanner.scan_video(path, name=Path(path).name, on_progress=tell)
            drawn = Path(path).with_suffix(".fakeweb.mp4")
            mesher = scanner.mesher or getattr(scanner.finder, "mesher", None)
            overlay_clip(
                path,
                report,
                drawn,
                opacity=strength / 100,
                limits=scanner.limits,
                mesher=mesher,
                on_progress=tell,
            )
            return str(drawn), to_html(report)
        except FakeWebError as error:
            raise gradio.Error(f"{error} {error.hint}", print_exception=False) from error

    return watch


def _answering(scanner: Scanner, own: float) -> Callable[[str | None, float, float], tuple[Any, str, Any]]:
    """Return what the page calls for each picture; ``own`` is the model's own threshold."""

    def scan(path: str | None, line: float, strength: float) -> tuple[Any, str, dict[str, Any] | None]:
        """Judge one picture, the bytes as they were put in, and draw what was found so strongly, in per cent."""
        if path is None:
            return None, "", None
        try:
            judge = copy(scanner)
            judge.threshold = None if abs(line - own) < _STEP else line
            media = read_image(Path(path), limits=scanner.limits, name=Path(path).name)
            report = judge.judge(media)
            drawn = overlay(media.image, report, opacity=strength / 100)
            return drawn.pixels, to_html(report), report.to_dict()
        except FakeWebError as error:
            raise gradio.Error(f"{error} {error.hint}", print_exception=False) from error

    return scan


def run(*, port: int, share: bool, model: str | None) -> None:
    """Show the page until SIGTERM or Ctrl-C; see :func:`fakeweb.demo.run`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that pictures are deleted then, too
    scanner = Scanner(model=model or DEFAULT_MODEL)
    with tempfile.TemporaryDirectory(prefix="fakeweb-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder, "put-in"))
        own = Path(folder, "examples")
        own.mkdir()
        page = make_page(scanner, examples(own))
        try:
            page.launch(
                server_name="127.0.0.1",
                server_port=port,
                share=share,
                allowed_paths=[str(own)],
                max_file_size=scanner.limits.max_bytes,
                footer_links=[],
                ssr_mode=False,
                theme=_theme(),
                css=_CSS,
                app_kwargs={"middleware": [Middleware(_Fence, any_host=share)]},
            )
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used: {error}", hint="name another with --port"
            ) from error
        finally:
            page.close()


def _theme() -> Any:
    """Return Gradio's plain theme with the fonts of the computer, so that none is fetched."""
    return gradio.themes.Default(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], primary_hue="blue"
    )


class _Fence:
    """Answers pages of its own alone, and tells browsers to load nothing from anywhere else.

    Args:
        app: What is behind it.
        any_host: Whether it may be called by any name, as it is through Gradio's servers.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], *, any_host: bool = False) -> None:
        self._app = app
        self._any_host = any_host

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def fenced(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", _POLICY)]
            await send(message)

        try:
            if not self._any_host:
                check_host(scope["headers"], (), scope["server"][0])
            check_origin(scope["method"], scope["headers"])
        except Forbidden as error:
            await PlainTextResponse(f"{error}\n", 403)(scope, receive, fenced)
            return
        await self._app(scope, receive, fenced)
