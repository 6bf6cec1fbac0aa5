"""The files of the page, read once: a table by name, so that no request names a path."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["INDEX", "PageFile", "page_files"]

INDEX = "index.html"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""What a page may have; files of another kind are not served."""


@dataclass(frozen=True)
class PageFile:
    """A file as it is sent."""

    data: bytes
    media_type: str


def page_files() -> dict[str, PageFile]:
    """Return all files of the folder `page` by their names in it: "roll/canvas.js"."""
    return dict(_found(files("howlkit_studio") / "page", ""))


def _found(folder: Traversable, prefix: str) -> list[tuple[str, PageFile]]:
    found = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        suffix = name[name.rfind(".") :]
        if entry.is_dir():
            found += _found(entry, f"{name}/")
        elif suffix in TYPES:
            found.append((name, PageFile(entry.read_bytes(), TYPES[suffix])))
    return found
