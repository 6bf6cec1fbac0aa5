"""The command `howlkit`: finds the subcommand, and turns errors into messages and exit codes.

Exit codes: 0 success, 1 failure, 2 wrong usage (wrong options of a component too), 130 Ctrl-C.
Results that another program may read go to stdout, everything else to stderr. A subcommand's module
is imported only when it is called, so that help is quick. HOWLKIT_TRACEBACK=1 shows the traceback
of every error.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from howlkit.commands.shared_options import ExamplesFirstGroup
from howlkit.errors import HowlkitError, OptionError, did_you_mean, printable, traceback_wanted

COMMANDS = {
    "train": "Train a model on MIDI files, or resume training.",
    "sample": "Make music with a trained model.",
    "render": "Write the sound of a MIDI file.",
    "play": "Play a MIDI file, or what a run has made.",
    "prepare": "Read folders of MIDI files into a dataset.",
    "roundtrip": "Show what each encoder loses of some music.",
    "evaluate": "Measure how much music surprises a model, and compare models.",
    "compare": "Compare encoders and models, each trained at equal time.",
    "info": "Show what is in a dataset, a run or a MIDI file.",
    "statistics": "Show statistics of music, or compare two sets of pieces.",
    "plot": "Draw a MIDI file as a piano-roll.",
    "report": "Write a page about music or a run that plays, or a listening test.",
    "plugins": "List, check, write and install components, such as encoders and models.",
}
"""Every built-in command and its one line of help; each is `howlkit.commands.NAME:command`."""

EXAMPLES = """\b
Examples:
  howlkit train --encoder tuple --model lstm        train on the Bach chorales in howlkit
  howlkit train my_midi_files --minutes 10          train on your own music
  howlkit sample --out new.mid --seconds 60         make music with the newest run
  howlkit play new.mid                              hear it, and see it as a piano-roll"""


class _SystemFailure(Exception):
    """Carries an OSError, as its cause, through click."""


@contextlib.contextmanager
def _past_click() -> Iterator[None]:
    """Carry an OSError through `click.Command.main`, which ends a broken pipe with exit code 1."""
    try:
        yield
    except OSError as error:
        raise _SystemFailure from error


class Commands(ExamplesFirstGroup):
    """The built-in commands, then those of plugins; each is imported when it is called."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401 - as click's
        """Parse the arguments; --help is printed here."""
        with _past_click():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click's
        """Run a command, and flush what it printed."""
        with _past_click():
            code = super().invoke(ctx)
            _flush()
            return code

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of help."""
        from howlkit.plugins.commands import command_names

        return [*COMMANDS, *(name for name in command_names() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if no command has this name."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"howlkit.commands.{cmd_name}")
            command: click.Command = module.command
            return command
        from howlkit.plugins.commands import command_names, load_command

        return load_command(cmd_name) if cmd_name in command_names() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; if the name is mistyped, suggest a similar one."""
        name = args[0] if args else ""
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            names = self.list_commands(ctx)
            if name not in names:
                hint = did_you_mean(name, names) or f" Choose one of: {', '.join(names)}."
                ctx.fail(f"There is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        rows = [(n, COMMANDS.get(n, "From a plugin.")) for n in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=Commands,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "HOWLKIT"},
)
@click.version_option(package_name="howlkit")
@click.option(
    "--strict-plugins", is_flag=True, help="Exit with 1 if an installed plugin has a fault."
)
def cli(strict_plugins: bool) -> None:
    """Train sequence models on your own MIDI files, and make music with them."""
    if strict_plugins:
        from howlkit import plugins

        plugins.require_all()


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit; errors that users can mend are printed without a traceback."""
    try:
        code = cli.main(args=args, prog_name="howlkit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("howlkit: stopped", err=True)
        code = 130
    except _SystemFailure as failure:
        code = _tell(failure.__cause__ or failure)
    except (Exception, SystemExit) as error:
        code = _tell(error)
    sys.exit(code if isinstance(code, int) else 0)


def _tell(error: BaseException) -> int:
    """Print what went wrong in one line; return the exit code. A bug of howlkit is raised again."""
    from howlkit.plugins.attribution import describe_error  # late: only errors need it

    line = "" if isinstance(error, BrokenPipeError) else describe_error(error)
    if not line and not isinstance(error, HowlkitError | OSError):
        raise error
    if traceback_wanted():
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and not line:
        return _give_up(error)
    click.echo(f"howlkit: {line or error}", err=True)
    return 2 if isinstance(error, OptionError) else 1


def _flush() -> None:
    if sys.stdout is not None:  # None if the shell has closed it: >&-
        sys.stdout.flush()


def _give_up(error: OSError) -> int:
    """Print what the operating system refused, in one line; return the exit code."""
    try:
        _flush()
    except OSError:  # Python would try again at the end, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # `howlkit ... | head`: the reader has enough
        return 0
    where = "" if error.filename is None else f"{printable(os.fsdecode(error.filename))}: "
    click.echo(f"howlkit: {where}{error.strerror or error}", err=True)
    return 1
