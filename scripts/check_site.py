"""Check that every link inside a built site leads to a file that is there, and to an anchor in it.

    python scripts/check_site.py build/docs

Sphinx checks the links that it resolves; this reads the pages that came out, pictures and the links
of raw HTML included. Links to other sites are not followed. Exits 1 if a link leads nowhere.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag leads to, and what can lead to it."""
        for name, value in attrs:
            if name in ("href", "src", "data") and value:
                self.links.add(value)
            elif value and (name == "id" or (tag == "a" and name == "name")):
                self.anchors.add(value)


def broken(site: Path) -> list[str]:
    """Return a line for each link that leads nowhere."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            there = target.is_file()
            if there and anchor and target in pages:
                there = anchor in pages[target].anchors
            if not there:
                found.append(f"{path.relative_to(site.resolve())}: {link} leads nowhere")
    return found


def main() -> int:
    """Check the site that the command line names."""
    site = Path(sys.argv[1])
    lines = broken(site) if (site / "index.html").is_file() else [f"{site} is no built site"]
    print("\n".join(lines) or "every link inside the site leads somewhere")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
