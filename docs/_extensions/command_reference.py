"""A Sphinx extension: the command line's help as a page, read from its click commands.

On a page, `<!-- commands: howlkit.cli:cli -->` stands for every command of that group that
comes with the package of the group; commands of other packages are left out.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator

import click
from sphinx.application import Sphinx

PLACE = re.compile(r"^<!-- commands: ([\w.]+):(\w+) -->$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the comment before Sphinx reads a page."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = PLACE.sub(lambda found: _reference(*found.groups()), source[0])


def _reference(module: str, name: str) -> str:
    """Return the Markdown of all commands of `module:name`."""
    group = getattr(importlib.import_module(module), name)
    package = module.partition(".")[0]
    with click.Context(group, info_name=package) as ctx:
        return "\n".join(line for c in _contexts(ctx, package) for line in _command(c))


def _contexts(ctx: click.Context, package: str) -> Iterator[click.Context]:
    """Yield the context of a command, then those of the commands below it."""
    yield ctx
    if not isinstance(ctx.command, click.Group):
        return
    for name in ctx.command.list_commands(ctx):
        command = ctx.command.get_command(ctx, name)
        if command is None or command.hidden:
            continue
        if command.callback and command.callback.__module__.partition(".")[0] == package:
            yield from _contexts(
                command.context_class(command, info_name=name, parent=ctx), package
            )


def _command(ctx: click.Context) -> Iterator[str]:
    """Yield the lines of one command: heading, help, usage, examples, options."""
    command, path = ctx.command, ctx.command_path
    level = path.count(" ") + 2
    yield f"{'#' * level} {path}\n"
    yield from _prose(command.help or "")
    yield f"```text\n{' '.join([path, *command.collect_usage_pieces(ctx)])}\n```\n"
    if command.epilog:
        yield from _prose(command.epilog)
    yield f"```{{program}} {path}\n```\n"
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None and record[1] and "--help" not in param.opts:
            yield f"````{{option}} {record[0].replace(' / ', ', ')}\n\n{_text(record[1])}\n````\n"


def _prose(text: str) -> Iterator[str]:
    r"""Yield the paragraphs of a help text; one marked `\b` keeps its lines, as click's help."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        mark, _, rest = paragraph.partition("\n")
        if mark.strip() != "\b":
            yield _text(" ".join(paragraph.split())) + "\n"
            continue
        title, _, lines = rest.partition("\n")
        yield f"{_text(title.strip())}\n\n```text\n{inspect.cleandoc(lines)}\n```\n"


def _text(text: str) -> str:
    """Escape what Markdown would read as markup, but for code in backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        p if p.startswith("`") else re.sub(r"([*_<>\[\]|\\])", r"\\\1", p) for p in parts
    )
