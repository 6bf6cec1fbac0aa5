"""The list of components, and `create`."""

import json

import pytest

from howlkit import options
from howlkit.errors import OptionError, PluginError
from howlkit.plugins import Plugins, registry
from tests.plugins.plugin_site import GOOD


def test_a_component_names_its_distribution(site):
    site.install("howlkit-good", GOOD, version="2.1")
    (component,) = Plugins.load(builtins=()).components
    assert (component.name, component.kind) == ("louder", "augmenter")
    assert (component.distribution, component.version) == ("howlkit-good", "2.1")
    assert component.summary == "Play it louder."


def test_the_builtin_parts_come_through_the_same_hooks():
    loaded = Plugins.load([])
    assert not loaded.failures
    assert {component.kind for component in loaded.components} == set(registry.KINDS)
    assert {component.distribution for component in loaded.components} == {"howlkit"}


def test_plugins_load_in_the_order_of_their_names(site):
    for name in ("howlkit-z", "howlkit-b", "howlkit-m"):
        source = GOOD.replace('"louder"', f'"{name}"')
        site.install(name, source)
    found = Plugins.load(builtins=()).components
    assert [component.name for component in found] == ["howlkit-b", "howlkit-m", "howlkit-z"]


def test_a_plugin_cannot_take_the_name_of_a_builtin_part_of_any_kind(site):
    site.install("howlkit-thief", GOOD.replace('"louder"', '"tuple"'))
    loaded = Plugins.load()
    assert loaded.get("encoder", "tuple").distribution == "howlkit"
    assert "that the encoder of howlkit " in loaded.failures[0].cause


def test_an_unknown_name_is_an_error_with_the_known_names_and_the_failures(site):
    site.install("howlkit-good", GOOD)
    site.install("howlkit-broken", "import nowhere_to_be_found", version="0.2")
    loaded = Plugins.load(builtins=())
    with pytest.raises(PluginError) as caught:
        loaded.get("augmenter", "loudr")
    message = str(caught.value)
    assert "there is no augmenter 'loudr'. Did you mean 'louder'? Augmenters: louder" in message
    assert "'broken' of howlkit-broken 0.2 is left out: ModuleNotFoundError" in message
    with pytest.raises(PluginError, match="another kind: augmenter"):
        loaded.get("sampler", "louder")
    with pytest.raises(
        PluginError,
        match="kinds are encoder, augmenter, model, sampler, constraint, source, writer, renderer",
    ):
        loaded.of("sampling")


def test_a_process_prints_one_line_for_a_broken_plugin_and_keeps_stdout_clean(site):
    site.install("howlkit-broken", "import nowhere_to_be_found", version="0.2")
    site.install("howlkit-chatty", "print('at import')" + GOOD + "    print('in the hook')")
    finished = site.run(
        """
        import json, sys
        from howlkit.plugins import registry
        assert not registry.load.cache_info().currsize
        names = [component.name for component in registry.components()]
        registry.components("encoder"), registry.failures()
        try:
            registry.get("encoder", "broken")
        except registry.PluginError as error:
            refused = str(error)
        heavy = sorted({"torch", "symusic"} & set(sys.modules))
        print(json.dumps([names, refused, heavy, registry.create("augmenter", "louder").by]))
        """
    )
    names, refused, heavy, by = json.loads(finished.stdout)
    assert "louder" in names
    assert "tuple" in names
    assert "howlkit-broken 0.2" in refused
    assert heavy == []
    assert by == 10
    assert finished.stderr.splitlines() == [
        "howlkit: plugin 'broken' of howlkit-broken 0.2 is left out: "
        "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        "howlkit: plugin 'chatty' of howlkit-chatty 1.0 prints when it is loaded, and stdout is "
        "for data: 'at import'",
    ]


@pytest.fixture
def fresh():
    """Let the functions of the module see the plugins that a test installs."""
    registry.load.cache_clear()
    yield
    registry.load.cache_clear()


def test_create_builds_a_component_with_its_options(site, fresh):
    site.install("howlkit-good", GOOD)
    assert registry.create("augmenter", "louder").by == 10
    assert registry.create("augmenter", "louder", {"by": "3"}).by == 3
    with pytest.raises(OptionError, match=r"louder\.by is 'x'"):
        registry.create("augmenter", "louder", {"by": "x"})


@pytest.mark.parametrize("component", Plugins.load([]).components, ids=lambda c: c.name)
def test_every_option_of_a_builtin_part_has_a_help_text(component):
    assert all(row.help for row in options.describe(component.cls))
