"""Commands of plugins: listed, loaded, refused."""

import sys

import pytest

from howlkit.errors import PluginError
from howlkit.plugins import commands
from howlkit.plugins.discovery import RESTRICTION


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


def test_a_command_that_prints_on_import_loads_with_a_complaint_on_stderr(site, capsys):
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
