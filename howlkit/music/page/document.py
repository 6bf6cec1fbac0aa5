"""A whole page as one file: its elements, its style, its script and its data.

Nothing is fetched, and nothing else runs: the policy in the page (Content Security Policy, level 3)
names the hashes of its one script and its one style. Data stand in blocks that no browser runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from howlkit.music.page.script_bundle import SCRIPTS, bundle

__all__ = ["Document", "shown"]

_STYLES = Path(__file__).parent / "style"

_LONGEST = 200  # characters of a name

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
<noscript><p>This page plays music where JavaScript may run.</p></noscript>
</main>
{data}
<script type="module">{script}</script>
</body>
</html>
"""


@dataclass(frozen=True)
class Document:
    """A page.

    title: any text. body: HTML; whoever makes it has escaped what is not from howlkit (`shown`).
    data: JSON-ready blocks, by the id that the script asks for. script: the name of a module in
    script/; styles: names of files in style/.
    """

    title: str
    body: str
    script: str
    data: Mapping[str, object] = field(default_factory=dict)
    styles: tuple[str, ...] = ("page",)

    def html(self) -> str:
        """Return the text of the page."""
        script = "\n" + bundle(SCRIPTS / f"{self.script}.js")
        style = "\n" + "\n".join(
            (_STYLES / f"{name}.css").read_text(encoding="utf-8") for name in self.styles
        )
        return _PAGE.format(
            policy=_policy(script, style),
            title=shown(self.title),
            style=style,
            body=self.body,
            data="\n".join(_block(name, value) for name, value in self.data.items()),
            script=script,
        )


def shown(text: object) -> str:
    r"""Return text of other people as HTML that shows it and does nothing.

    What is not printable becomes a blank: control characters, escape sequences of terminals, line
    breaks, and the characters that turn the direction of writing around.

    >>> shown("<b>a\u202eb\x1b[1m")
    '&lt;b&gt;a b [1m'
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in str(text))
    if len(plain) > _LONGEST:
        plain = plain[: _LONGEST - 1] + "…"
    return escape(plain.strip())


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "media-src blob:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _block(name: str, value: object) -> str:
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'
