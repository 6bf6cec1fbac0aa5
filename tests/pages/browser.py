"""The browser and node, in which pages are tested.

    python -m tests.pages.browser     says in a line what is missing, if anything is

CHROMIUM names a browser; else chromium or google-chrome is looked for. The packages of node come
from the lock file: npm ci --prefix tests/pages.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium():
    """The path of a browser; None if there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def missing():
    """What is missing, and how to get it; "" if nothing is."""
    if chromium() is None:
        return "no Chromium was found: install it, or name it in CHROMIUM"
    if shutil.which("node") is None:
        return "no node was found: install nodejs and npm"
    if not (HERE / "node_modules").is_dir():
        return "node's packages are missing: npm ci --prefix tests/pages"
    return ""


def node(*arguments, **environment):
    """Run node in this folder; returns what it did."""
    return subprocess.run(
        ["node", *map(str, arguments)],
        cwd=HERE,
        env={**os.environ, "CHROMIUM": str(chromium()), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


if __name__ == "__main__":
    if missing():
        print(f"The tests of pages are skipped: {missing()}", file=sys.stderr)
