"""What a release needs to agree; docs/releasing.md is the recipe."""

import re
import tomllib
from pathlib import Path

import howlkit

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_same_wherever_it_stands():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert howlkit.__version__ == project["version"]
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == project["version"]


def test_every_changed_thing_stands_under_a_heading_of_keep_a_changelog():
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", name) for name in releases[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds
    for name in releases:
        assert f"\n{name.partition(' ')[0]}: https://" in text
