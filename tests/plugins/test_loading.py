"""A broken plugin is one failure with its cause, and the other plugins load."""

import pytest

from howlkit.plugins import Plugins
from tests.plugins.plugin_site import GOOD, the_failure


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found"),
        ("def (", "SyntaxError: "),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('two\\nlines\\x1b[31m')", "ValueError: two lines [31m"),
        ("x = 1", "none of its functions carries @hookimpl"),
        (
            GOOD.replace("register_augmenters", "register_augmenter"),
            "'register_augmenter', which is no hook. Did you mean 'register_augmenters'? Hooks: ",
        ),
        (GOOD.replace("(register)", "(registry)"), "Argument(s) {'registry'} are declared"),
        (GOOD.replace("register(Louder)", "1 / 0"), "ZeroDivisionError"),
        (GOOD.replace("register(Louder)", "raise SystemExit"), "SystemExit"),
        (GOOD.replace("register(Louder)", "register(Louder())"), "wants a class and was given"),
        (
            GOOD.replace("__call__", "change"),
            "augmenter howlkit_a_broken.Louder lacks __call__ of howlkit.protocols.Augmenter",
        ),
        (
            GOOD.replace("augmenters", "encoders"),
            "Louder lacks schema, encode, decode, ticks, grammar of howlkit.protocols.Encoder",
        ),
        (
            "from howlkit.protocols import Sampler"
            + GOOD.replace("Louder:", "Louder(Sampler):").replace("augmenters", "samplers"),
            "Louder lacks generate of howlkit.protocols.Sampler",
        ),
        (GOOD.replace("@dataclass(frozen=True)", ""), "Louder is no frozen dataclass"),
        (GOOD.replace("(frozen=True)", ""), "write @dataclass(frozen=True) above it"),
        (GOOD.replace("name:", "nickname:"), "Louder has no name"),
        (GOOD.replace('"louder"', '"lou.der"'), "Louder has no name of letters"),
        (GOOD.replace('"louder"', '"heads"'), "is called 'heads', which is reserved"),
        (GOOD.replace("by: int", "by: complex"), "louder.by is annotated <class 'complex'>"),
        (GOOD.replace("by: int", "by: 'Elsewhere'"), "name 'Elsewhere' is not defined"),
        (GOOD.replace("register(Louder)", "register(Louder); register(Louder)"), "already"),
    ],
)
def test_a_broken_plugin_is_one_failure_with_its_cause(site, source, cause):
    assert cause in the_failure(site, source)


def test_a_module_that_is_not_there_is_a_failure(site):
    site.install("howlkit-a-broken", "", entry_points="[howlkit]\nx = gone_module\n")
    (failure,) = Plugins.load(builtins=()).failures
    assert failure.cause == "ModuleNotFoundError: No module named 'gone_module'"


def test_a_plugin_that_fails_half_way_leaves_nothing_behind(site):
    broken = GOOD.replace('"louder"', '"softer"') + "\n    register(int)"
    assert "builtins.int is no frozen dataclass" in the_failure(site, broken)


def test_a_name_that_is_taken_names_both_sides(site):
    site.install("howlkit-first", GOOD, version="1.0")
    site.install("howlkit-second", GOOD, version="2.0")
    loaded = Plugins.load(builtins=())
    assert [component.distribution for component in loaded.components] == ["howlkit-first"]
    (failure,) = loaded.failures
    assert "plugin 'second' of howlkit-second 2.0 is left out" in str(failure)
    assert "'louder', a name that the augmenter of howlkit-first 1.0 has already" in failure.cause


def test_ctrl_c_while_a_plugin_loads_is_not_swallowed(site):
    site.install("howlkit-slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Plugins.load(builtins=())
