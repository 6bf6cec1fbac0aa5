"""Installed plugins are found, and HOWLKIT_LOAD_PLUGINS restricts which of them load."""

import pytest

from howlkit.errors import PluginError
from howlkit.plugins import Plugins
from howlkit.plugins.discovery import RESTRICTION
from tests.plugins.plugin_site import GOOD


def test_damaged_metadata_of_one_distribution_is_its_own_failure_only(site):
    site.install("howlkit-good", GOOD)
    site.install("howlkit-mangled", "", entry_points="[howlkit]\nthis is no entry point\n")
    site.install("unrelated", "", entry_points="[console_scripts]\nnor is this\n")
    (site.folder / "headless-1.dist-info").mkdir()
    (site.folder / "headless-1.dist-info/entry_points.txt").write_text("[howlkit]\nh = headless\n")
    loaded = Plugins.load(builtins=())
    assert [component.name for component in loaded.components] == ["louder"]
    assert {f.distribution for f in loaded.failures} == {"howlkit-mangled", "unknown"}


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        (None, {"one", "two"}),
        ("", set()),
        ("one", {"one"}),
        ("howlkit_two", {"two"}),
        (" Howlkit-Two , one", {"one", "two"}),
    ],
)
def test_loading_can_be_restricted_by_entry_point_or_distribution(
    site, monkeypatch, restriction, expected
):
    for name in ("one", "two"):
        site.install(f"howlkit-{name}", GOOD.replace('"louder"', f'"{name}"'))
    if restriction is not None:
        monkeypatch.setenv(RESTRICTION, restriction)
    loaded = Plugins.load()
    third_party = {c.name for c in loaded.components if c.distribution != "howlkit"}
    assert third_party == expected
    assert not loaded.failures


def test_a_restriction_to_what_is_not_installed_says_so(site, monkeypatch):
    monkeypatch.setenv(RESTRICTION, "nobody")
    loaded = Plugins.load(builtins=())
    (failure,) = loaded.failures
    assert str(failure).endswith("HOWLKIT_LOAD_PLUGINS names it, but it is not installed")
    with pytest.raises(PluginError, match="HOWLKIT_LOAD_PLUGINS='nobody' keeps other plugins out"):
        loaded.get("encoder", "tuple")
