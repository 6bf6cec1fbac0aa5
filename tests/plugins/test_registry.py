"""Plugins are real here: distributions on sys.path, found by importlib.metadata."""

import importlib.metadata
import inspect
import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from howlkit import hookspecs, options
from howlkit.errors import OptionError, PluginError
from howlkit.plugins import Plugins, commands, loading, registry
from howlkit.plugins.contracts import CONTRACTS
from howlkit.plugins.discovery import RESTRICTION
from howlkit.protocols import Backbone, Grammar

ROOT = Path(__file__).parents[2]

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
        """Run code in a new process that sees this folder; return it finished."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), **environment}
        command = [sys.executable, "-c", dedent(code)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.delenv(RESTRICTION, raising=False)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    # What else is installed here (the packages of plugins/) is no part of what is tested.
    here = partial(importlib.metadata.distributions, path=[str(tmp_path)])
    monkeypatch.setattr(importlib.metadata, "distributions", here)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def the_failure(site, source):
    """Return the cause that a plugin fails for; a good one beside it goes on working."""
    site.install("howlkit-a-broken", source, version="0.3")
    site.install("howlkit-good", GOOD)
    loaded = Plugins.load(builtins=())
    assert [component.distribution for component in loaded.components] == ["howlkit-good"]
    (failure,) = loaded.failures
    assert (failure.entry_point, failure.distribution) == ("a-broken", "howlkit-a-broken")
    assert failure.version == "0.3"
    assert "\n" not in str(failure)
    return failure.cause


def test_a_component_knows_who_brought_it(site):
    site.install("howlkit-good", GOOD, version="2.1")
    (component,) = Plugins.load(builtins=()).components
    assert (component.name, component.kind) == ("louder", "augmenter")
    assert (component.distribution, component.version) == ("howlkit-good", "2.1")
    assert component.summary == "Play it louder."


def test_the_builtin_parts_come_through_the_same_hooks():
    loaded = Plugins.load([])
    assert not loaded.failures
    # MIDI is no writer's: howlkit writes it itself.
    assert {component.kind for component in loaded.components} == set(registry.KINDS) - {"writer"}
    assert {component.distribution for component in loaded.components} == {"howlkit"}


def test_plugins_load_in_the_order_of_their_names(site):
    for name in ("howlkit-z", "howlkit-b", "howlkit-m"):
        source = GOOD.replace('"louder"', f'"{name}"')
        site.install(name, source)
    found = Plugins.load(builtins=()).components
    assert [component.name for component in found] == ["howlkit-b", "howlkit-m", "howlkit-z"]


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


def test_a_plugin_cannot_take_the_name_of_a_builtin_part_of_any_kind(site):
    site.install("howlkit-thief", GOOD.replace('"louder"', '"tuple"'))
    loaded = Plugins.load()
    assert loaded.get("encoder", "tuple").distribution == "howlkit"
    assert "that the encoder of howlkit " in loaded.failures[0].cause


def test_ctrl_c_while_a_plugin_loads_is_not_swallowed(site):
    site.install("howlkit-slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Plugins.load(builtins=())


def test_damaged_metadata_of_one_distribution_is_its_own_failure_only(site):
    site.install("howlkit-good", GOOD)
    site.install("howlkit-mangled", "", entry_points="[howlkit]\nthis is no entry point\n")
    site.install("unrelated", "", entry_points="[console_scripts]\nnor is this\n")
    (site.folder / "headless-1.dist-info").mkdir()
    (site.folder / "headless-1.dist-info/entry_points.txt").write_text("[howlkit]\nh = headless\n")
    loaded = Plugins.load(builtins=())
    assert [component.name for component in loaded.components] == ["louder"]
    assert {f.distribution for f in loaded.failures} == {"howlkit-mangled", "unknown"}


def test_asking_for_what_is_not_there_says_what_is_and_what_failed(site):
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
        PluginError, match="kinds are encoder, augmenter, model, sampler, source, writer"
    ):
        loaded.of("sampling")


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
    """The functions of the module see what a test installs."""
    registry.load.cache_clear()
    yield
    registry.load.cache_clear()


def test_create_builds_a_component_with_its_options(site, fresh):
    site.install("howlkit-good", GOOD)
    assert registry.create("augmenter", "louder").by == 10
    assert registry.create("augmenter", "louder", {"by": "3"}).by == 3
    with pytest.raises(OptionError, match=r"louder\.by is 'x'"):
        registry.create("augmenter", "louder", {"by": "x"})


def install_commands(site):
    source = """
        import click
        print("at import")
        @click.command()
        def cheer():
            '''Cheer.'''
        no_command = 3
    """
    entry_points = "[howlkit.commands]\ncheer = howlkit_cheer:cheer\nodd = howlkit_cheer:no_command"
    site.install("howlkit-cheer", source, entry_points=entry_points)
    broken = "[howlkit.commands]\nbroken = howlkit_broken:main\n"
    site.install("howlkit-broken", "import nowhere_to_be_found", entry_points=broken)


def test_commands_are_listed_without_importing_them(site):
    install_commands(site)
    assert commands.command_names() == ["broken", "cheer", "odd"]
    assert "howlkit_cheer" not in sys.modules


def test_a_command_loads_and_what_it_prints_meanwhile_costs_a_line_on_stderr(site, capsys):
    install_commands(site)
    assert commands.load_command("cheer").help == "Cheer."
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert "'cheer' of howlkit-cheer 1.0 prints when it is loaded" in err and "'at import'" in err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "no command 'broken': .* howlkit-broken 1.0 .* No module named 'nowhere"),
        ("odd", "howlkit_cheer:no_command is no click command"),
        ("cheers", "no plugin brings a command 'cheers'. Did you mean 'cheer'?"),
    ],
)
def test_a_command_that_does_not_load_says_why(site, name, message):
    install_commands(site)
    with pytest.raises(PluginError, match=message):
        commands.load_command(name)


def test_two_commands_of_one_name_are_refused_naming_both(site):
    for name in ("howlkit-a", "howlkit-b"):
        site.install(name, "", entry_points="[howlkit.commands]\nplay = x:y\n")
    with pytest.raises(PluginError, match=r"howlkit-a 1.0 and howlkit-b 1.0 both bring"):
        commands.load_command("play")


def test_restriction_holds_for_commands_too(site, monkeypatch):
    install_commands(site)
    monkeypatch.setenv(RESTRICTION, "howlkit-broken")
    assert commands.command_names() == ["broken"]
    monkeypatch.setenv(RESTRICTION, "")
    assert commands.command_names() == []


HOOKS = (ROOT / "docs/hooks.md").read_text()


@pytest.mark.parametrize("hook", [name for name in vars(hookspecs) if name.startswith("register_")])
def test_every_hook_is_a_heading_of_the_docs_with_its_exact_signature(hook):
    function = getattr(hookspecs, hook)
    (line,) = re.findall(r"^def .*", inspect.getsource(function), re.MULTILINE)
    parameters = ", ".join(inspect.signature(function).parameters)
    assert f"## {hook}({parameters})\n\n```python\n{line.removesuffix(':')}\n```\n" in HOOKS
    assert inspect.getdoc(function) in HOOKS


def test_the_docs_have_no_hook_that_there_is_not():
    assert set(re.findall(r"^## (register_\w+)", HOOKS, re.MULTILINE)) == set(
        loading.HOOKS.values()
    )


def bare_signature(method):
    """Return the signature without self and annotations, as the docs write it."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters])


@pytest.mark.parametrize("contract", [*CONTRACTS.values(), Grammar, Backbone])
def test_every_method_of_the_contracts_is_in_the_docs(contract):
    for name, member in vars(contract).items():
        if inspect.isfunction(member) and (name == "__call__" or name[0] != "_"):
            assert f"`{name}{bare_signature(member)}`" in HOOKS


@pytest.mark.parametrize("component", Plugins.load([]).components, ids=lambda c: c.name)
def test_every_option_of_a_builtin_part_has_a_help_text(component):
    assert all(row.help for row in options.describe(component.cls))
