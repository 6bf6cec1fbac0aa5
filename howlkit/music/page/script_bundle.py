"""JavaScript modules as one script, so that a page is one file that works from a disk.

A browser does not load modules from file:// addresses. So the modules that an entry imports are put
one behind the other, each once, after those that it imports itself, without the lines `import` and
the word `export`. They share one scope then: names at the top of modules must differ, which the
tests of the pages would notice.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["SCRIPTS", "bundle"]

SCRIPTS = Path(__file__).parent / "script"
"""The folder of the modules that ship."""

_IMPORT = re.compile(r'^import\s[^;]*?from\s+"(\.{1,2}/[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(function|class|const)\b)", re.MULTILINE)


def bundle(entry: Path) -> str:
    """Return the text of a module and of all that it imports, as one module.

    >>> "import" in bundle(SCRIPTS / "time_text.js"), "clock" in bundle(SCRIPTS / "timeline.js")
    (False, True)
    """
    done: dict[Path, str] = {}
    _add(entry.resolve(), done)
    return "\n".join(done.values())


def _add(module: Path, done: dict[Path, str]) -> None:
    """Add the modules that a module imports, then itself."""
    text = module.read_text(encoding="utf-8")
    for name in _IMPORT.findall(text):
        imported = (module.parent / name).resolve()
        if imported not in done:
            _add(imported, done)
    done[module] = _EXPORT.sub("", _IMPORT.sub("", text))
