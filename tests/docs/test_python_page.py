"""docs/python.md: its blocks run in order, in one namespace, and print what the page says."""

import contextlib
import doctest
import io
import re
from pathlib import Path

from howlkit.music import chorales, midi

PAGE = Path(__file__).parents[2] / "docs/python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)

QUICK = "steps=3"
"""Stands in for the minutes of the page."""


def blocks():
    """Yield the line, the code and the output (or "") of each block."""
    text = PAGE.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        yield text.count("\n", 0, found.start()) + 2, found[1], found[2] or ""


def test_the_page_does_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_midi").mkdir()
    for number, piece in enumerate(chorales.load()[:20]):
        midi.write(piece, tmp_path / "my_midi" / f"{number:02d}.mid")
    midi.write(chorales.load()[0], tmp_path / "mine.mid")
    namespace, checker = {"__name__": "page"}, doctest.OutputChecker()
    ran = 0
    for line, code, expected in blocks():
        source = "\n" * (line - 1) + code.replace("minutes=10", QUICK)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(source, str(PAGE), "exec"), namespace)
        shown = out.getvalue()
        assert checker.check_output(expected, shown, doctest.ELLIPSIS), f"line {line}: {shown}"
        ran += 1
    assert ran == PAGE.read_text(encoding="utf-8").count("```python") > 10
