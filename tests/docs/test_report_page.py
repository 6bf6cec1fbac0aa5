"""docs/report.md: its options exist, and its pictures are there."""

import re
from pathlib import Path

import pytest

from howlkit.commands.report import command

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "report.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    howlkit report (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_the_options_of_the_page_exist(line):
    known = {name for option in command.params for name in option.opts}
    assert set(re.findall(r"--[a-z]+", line.partition("#")[0])) <= known


def test_the_pictures_of_the_page_are_there_and_small():
    pictures = re.findall(r"\]\((pictures/[^)]*)\)", PAGE)
    assert len(pictures) == 3
    assert all((DOCS / picture).stat().st_size < 100_000 for picture in pictures)
