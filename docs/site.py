"""What the site adds to the pages: files of the repository's root, and links that lead out of the docs become names."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

_ROOT_PAGES = {
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie in the repository's root."""
    for name, path in _ROOT_PAGES.items():
        files.append(File.generated(config, name, content=Path(path).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Turn links to files that are no pages into their paths; a site has no source tree to lead to."""
    here = posixpath.dirname(page.file.src_uri)
    root = page.file.src_uri in _ROOT_PAGES

    def led(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        path = posixpath.normpath(posixpath.join("" if root else f"docs/{here}", target))
        inside = path.removeprefix("docs/") if path.startswith("docs/") else None
        inside = inside or next((name for name, file in _ROOT_PAGES.items() if file == path), None)
        if inside is None or files.get_file_from_path(inside) is None:
            return f"{text} (`{path}`)" if path not in text else text
        return f"[{text}]({posixpath.relpath(inside, here or '.')}{anchor})"

    return _LINK.sub(led, markdown)
