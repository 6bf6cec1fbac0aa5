"""What several commands share: options, the form of help, and the count of files read."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from howlkit.errors import OptionError, did_you_mean

__all__ = [
    "POSITIVE",
    "SECTIONS",
    "ExamplesFirst",
    "ExamplesFirstGroup",
    "FiniteRange",
    "component_options",
    "config_option",
    "device_option",
    "file_progress",
    "json_option",
    "merged",
]


class ExamplesFirst(click.Command):
    """A command whose help shows its examples, the epilog, before its options."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, what it does, examples, options."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_epilog(ctx, formatter)
        self.format_options(ctx, formatter)


class ExamplesFirstGroup(ExamplesFirst, click.Group):
    """A group of commands, of which the same holds."""

    command_class = ExamplesFirst


class FiniteRange(click.FloatRange):
    """A real number within limits: what FloatRange lets through, but for NaN and the infinities."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - text, or the default
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number; a usage error if it is none, not finite or out of the limits."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):  # nan passes any limit, since it compares false
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


POSITIVE = FiniteRange(min=0, min_open=True)
"""How long something takes or lasts."""


class _Assignments(click.Option):
    """-o: what the environment says holds too, and the command line wins option by option."""

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, Any]
    ) -> tuple[Any, click.core.ParameterSource]:
        """Return the assignments, of which the last one counts, and where they come from."""
        value, source = super().consume_value(ctx, opts)
        if source is click.core.ParameterSource.COMMANDLINE:
            value = [*(self.value_from_envvar(ctx) or ()), *value]
        return value, source


component_options = click.option(
    "-o",
    "--option",
    cls=_Assignments,
    multiple=True,
    metavar="COMPONENT.OPTION=VALUE",
    help="An option of a component; may be repeated.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)


PRESETS = Path(__file__).parents[1] / "presets"
"""The files that come with howlkit, named without their suffix."""


class _Config(click.Path):
    """A TOML file, or the name of one that comes with howlkit."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - text, or a path
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - as click's
        """Return the path; a usage error, with the names there are, if there is none."""
        path, preset = Path(value), PRESETS / f"{value}.toml"
        if not path.exists() and Path(value).name == str(value) and not path.suffix:
            if preset.is_file():
                return preset
            names = sorted(preset.stem for preset in PRESETS.glob("*.toml"))
            self.fail(
                f"there is no file {value!r}, and no preset of that name."
                f"{did_you_mean(str(value), names)} Presets: {', '.join(names)}",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


def _read_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> Any:  # noqa: ANN401
    """Make flags named in the file the new defaults; return its tables, options by component.

    Flags of this command stand at the top or in a table of its name; tables named as other commands
    are theirs, so that one file does for training and sampling.
    """
    if path is None:
        return {}
    import tomllib

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {error}") from error
    tables = {name: value for name, value in data.items() if isinstance(value, dict)}
    flags = {name: value for name, value in data.items() if name not in tables}
    flags |= tables.get(ctx.command.name or "", {})
    known = _spellings(ctx.command)
    defaults = dict(ctx.default_map or {})
    for name, value in flags.items():
        found = known.get(name.replace("_", "-"))
        if found is None or found.name is None:
            raise click.BadParameter(
                f"{path}: there is no option {name!r}.{did_you_mean(name, known)} "
                "Options of a component go into a table of its name, such as [tuple]"
            )
        try:
            defaults[found.name] = _as_typed(value, several=_takes_several(found))
        except ValueError as error:
            raise click.BadParameter(f"{path}: {name} {error}") from error
    ctx.default_map = defaults
    return {name: table for name, table in tables.items() if name not in COMMANDS}


COMMANDS = ("train", "sample")
"""The commands that read a configuration, and have tables of their own in it."""


def _spellings(command: click.Command) -> dict[str, click.Parameter]:
    """Return what a file may set, by the names of its flags without dashes."""
    return {
        spelling.lstrip("-"): param
        for param in command.params
        if param.name not in ("config", "option")
        for spelling in param.opts
    }


def _takes_several(param: click.Parameter) -> bool:
    return param.nargs != 1 or getattr(param, "multiple", False)


def _as_typed(value: object, *, several: bool) -> str | list[str]:
    """Return a value of a file as one would type it, so that click judges both by one rule.

    Given as it is, 1.5 would become an integer without a word. Raises ValueError for a list where
    one value belongs.
    """
    if several:
        values = value if isinstance(value, list) else [value]
        return [str(_as_typed(member, several=False)) for member in values]
    if isinstance(value, list):
        raise ValueError("takes one value, not a list")
    return str(value).lower() if isinstance(value, bool) else str(value)


config_option = click.option(
    "--config",
    type=_Config(exists=True, dir_okay=False, path_type=Path),
    is_eager=True,
    callback=_read_config,
    metavar="FILE|PRESET",
    help="TOML: flags by name, and a table for each component. Flags win over it. Preset: howl.",
)


def file_progress() -> Callable[[int, int], None] | None:
    """Return what shows on a terminal how many files were read; None where there is none."""

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        click.echo(f"\r{done:,} of {total:,} files{end}", nl=False, err=True)

    return show if sys.stderr.isatty() else None


def merged(
    config: Mapping[str, Mapping[str, object]], assignments: Iterable[str], used: Iterable[str]
) -> dict[str, dict[str, object]]:
    """Return options by component: the config file's tables, overridden by -o.

    used: the components that this command line uses. A table of another one that there is is passed
    over, since a file may serve several runs; a usage error if there is no such component.
    """
    from howlkit import options, plugins

    try:
        given = options.parse(assignments)
    except OptionError as error:
        raise click.BadParameter(str(error), param_hint="-o") from error
    known = {*used, *SECTIONS, *(component.name for component in plugins.components())}
    for name in config:
        if name not in known:
            raise click.BadParameter(
                f"there is a table for {name!r}, which is no component."
                f"{did_you_mean(name, known)} `howlkit plugins list` names them",
                param_hint="--config",
            )
    result: dict[str, dict[str, object]] = {n: dict(config[n]) for n in used if n in config}
    for name, table in given.items():
        result.setdefault(name, {}).update(table)
    return result


SECTIONS = ("heads", "training")
"""Options of the core, given like those of components."""
