"""Examples in docstrings do what they say, those of howlkit and of the packages in plugins/."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [ROOT / "howlkit", *sorted(ROOT.glob("plugins/*/howlkit_*"))]
EXAMPLE = re.compile(r"^\s*>>> ", re.MULTILINE)


def modules_with_examples():
    """Yield the name of each such module and how many examples it has; nothing is imported."""
    for package in PACKAGES:
        for file in sorted(package.rglob("*.py")):
            examples = len(EXAMPLE.findall(file.read_text(encoding="utf-8")))
            if examples:
                path = file.relative_to(package.parent).with_suffix("")
                name = ".".join(path.parts).removesuffix(".__init__")
                yield pytest.param(name, examples, id=name)


@pytest.mark.parametrize(("name", "examples"), list(modules_with_examples()))
def test_examples_do_what_they_say(name, examples):
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert not result.failed
    # doctest finds none in the text below a value, and none in an object that has no __doc__.
    assert result.attempted == examples, "an example was not run"
