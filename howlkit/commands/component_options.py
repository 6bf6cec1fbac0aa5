"""Options of components: from -o on the command line and from a --config file, merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from howlkit.errors import OptionError, did_you_mean, printable

__all__ = ["SECTIONS", "component_options", "config_option", "merged"]

SECTIONS = ("heads", "training")
"""The core's own tables of options, which users write like those of components."""

PRESETS = Path(__file__).parents[1] / "presets"
"""The folder of the configuration files that come with howlkit; users name them without .toml."""


class _Assignments(click.Option):
    """-o: assignments from the environment count too; the command line wins, option by option."""

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, Any]
    ) -> tuple[Any, click.core.ParameterSource]:
        """Return the assignments, of which the last one for an option counts, and their source."""
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
    help="Set an option of a component; may be repeated. `howlkit plugins show NAME` lists the "
    "options of a component.",
)


class _Config(click.Path):
    """A TOML file, or the name of a preset: a file that comes with howlkit."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - text, or a path
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - as click's
        """Return the path; a usage error, with the names of the presets, if there is no file."""
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
    """Use the flags in the file as defaults; return its other tables: options by component.

    Flags of this command are at the top of the file, or in a table with the name of the command.
    Tables with the name of another command are ignored, so that one file can serve training and
    sampling.
    """
    if path is None:
        return {}
    import tomllib

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{printable(path)}: {error}") from error
    tables = {name: value for name, value in data.items() if isinstance(value, dict)}
    flags = {name: value for name, value in data.items() if name not in tables}
    flags |= tables.get(ctx.command.name or "", {})
    known = _spellings(ctx.command)
    defaults = dict(ctx.default_map or {})
    for name, value in flags.items():
        found = known.get(name.replace("_", "-"))
        if found is None or found.name is None:
            raise click.BadParameter(
                f"{printable(path)}: there is no option {name!r}.{did_you_mean(name, known)} "
                "Options of a component go into a table of its name, such as [tuple]"
            )
        try:
            defaults[found.name] = _as_typed(value, several=_takes_several(found))
        except ValueError as error:
            raise click.BadParameter(f"{printable(path)}: {name} {error}") from error
    ctx.default_map = defaults
    return {name: table for name, table in tables.items() if name not in COMMAND_TABLES}


COMMAND_TABLES = ("train", "sample")
"""The commands that may have a table of their own in a configuration file."""


def _spellings(command: click.Command) -> dict[str, click.Parameter]:
    """Return the parameters that a file may set, by the names of their flags without dashes."""
    return {
        spelling.lstrip("-"): param
        for param in command.params
        if param.name not in ("config", "option")
        for spelling in param.opts
    }


def _takes_several(param: click.Parameter) -> bool:
    return param.nargs != 1 or getattr(param, "multiple", False)


def _as_typed(value: object, *, several: bool) -> str | list[str]:
    """Return a value of a file as a user would type it, so that click checks both by one rule.

    Passed on unchanged, 1.5 would silently become an integer. Raises ValueError for a list where
    one value is allowed.
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
    help="Read options from a TOML file: flags by name, and a table for each component. The "
    "command line wins over it. The preset `howl` comes with howlkit.",
)


def merged(
    config: Mapping[str, Mapping[str, object]], assignments: Iterable[str], used: Iterable[str]
) -> dict[str, dict[str, object]]:
    """Return options by component: the tables of the config file, overridden by -o.

    used: the components that this command line uses. Tables of other components are ignored,
    because a file may serve several runs; a table of no component at all is a usage error.
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
