"""A folder of plugins on sys.path: real distributions, found by importlib.metadata."""

import importlib.metadata
import os
import subprocess
import sys
from functools import partial
from textwrap import dedent

import pytest

from howlkit.plugins import Plugins
from howlkit.plugins.discovery import RESTRICTION

HEAD = """
from dataclasses import dataclass
from typing import ClassVar
from howlkit.hookspecs import hookimpl
"""
AUGMENTER = """
@dataclass(frozen=True)
class Louder:
    '''Play it louder.

    By as much as you like.
    '''
    name: ClassVar[str] = "louder"
    by: int = 10
    def __call__(self, piece, rng):
        return piece
"""
REGISTER = """
@hookimpl
def register_augmenters(register):
    register(Louder)
"""
GOOD = HEAD + AUGMENTER + REGISTER


class Site:
    """A folder on sys.path in which distributions are installed as pip leaves them."""

    def __init__(self, folder):
        self.folder = folder

    def install(self, name, source, *, version="1.0", entry_points=None):
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(dedent(source))
        text = entry_points or f"[howlkit]\n{name.removeprefix('howlkit-')} = {module}\n"
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(text)

    def run(self, code, **environment):
        """Run code in a new process that sees this folder; return the finished process."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), **environment}
        command = [sys.executable, "-c", dedent(code)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv(RESTRICTION, raising=False)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    # The packages of plugins/, which are installed here too, are not part of the test.
    here = partial(importlib.metadata.distributions, path=[str(tmp_path)])
    monkeypatch.setattr(importlib.metadata, "distributions", here)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def the_failure(site, source):
    """Return the cause of a plugin's failure; check that a sound plugin still works."""
    site.install("howlkit-a-broken", source, version="0.3")
    site.install("howlkit-good", GOOD)
    loaded = Plugins.load(builtins=())
    assert [component.distribution for component in loaded.components] == ["howlkit-good"]
    (failure,) = loaded.failures
    assert (failure.entry_point, failure.distribution) == ("a-broken", "howlkit-a-broken")
    assert failure.version == "0.3"
    assert "\n" not in str(failure)
    return failure.cause
