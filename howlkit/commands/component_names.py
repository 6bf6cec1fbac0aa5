"""Names of components as command line parameters: checked when parsed, completed by the shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

__all__ = ["ComponentName", "ComponentNames", "completion", "names_option", "no_component"]

Command = TypeVar("Command", bound=Callable[..., Any])
NONE = "none"
"""What people write where there shall be no component."""

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completion(kind: str | None, *, others: tuple[str, ...] = ()) -> Completion:
    """Return a function that completes names of one kind (None: of any kind), and `others`."""

    def offered(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
        from howlkit import plugins

        names = [*(component.name for component in plugins.components(kind)), *others]
        # A source and a writer may have one name.
        return [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(begun)]

    return offered


def no_component(name: str, *, others: tuple[str, ...] = ()) -> Exception:
    """Return the error for a name that is no component's, and not in `others`.

    It is a usage error, or a PluginError if a plugin that could not be loaded may have the name.
    """
    from howlkit import plugins
    from howlkit.errors import PluginError, did_you_mean

    names = [*sorted({component.name for component in plugins.components()}), *others]
    message = (
        f"there is no component {name!r}.{did_you_mean(name, names)} There are: {', '.join(names)}"
    )
    left_out = plugins.left_out(name)
    return PluginError(message + left_out) if left_out else click.UsageError(message)


class ComponentName(click.types.StringParamType):
    """The name of a component of one kind, such as "encoder"; an unknown name is a usage error."""

    name = "name"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - ComponentNames returns several
        """Return the name; a usage error that lists the names for an unknown one."""
        self._check(value, param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin with `incomplete`."""
        return completion(self.kind)(ctx, param, incomplete)

    def _check(self, name: str, param: click.Parameter | None, ctx: click.Context | None) -> None:
        from howlkit import plugins
        from howlkit.errors import PluginError

        try:
            plugins.get(self.kind, name)
        except PluginError as error:
            if plugins.left_out(name):  # it may be in a broken plugin: not the user's mistake
                raise
            self.fail(str(error), param, ctx)


class ComponentNames(ComponentName):
    """Several names of components, separated by commas, as a list.

    or_none: whether `NONE` is a name too.
    """

    def __init__(self, kind: str, *, or_none: bool = False) -> None:
        super().__init__(kind)
        self.or_none = or_none

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - list[str]
        """Return the list of names; a usage error for an unknown one."""
        names = [name.strip() for name in value.split(",") if name.strip()]
        for name in names:
            if not (self.or_none and name == NONE):
                self._check(name, param, ctx)
        return names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the completions of the last name, each after the names before it."""
        whole, comma, begun = incomplete.rpartition(",")
        others = (NONE,) if self.or_none and not comma else ()
        items = completion(self.kind, others=others)(ctx, param, begun)
        return [CompletionItem(whole + comma + item.value) for item in items]


def names_option(
    flag: str, kind: str, help_text: str, *, required: bool = False, or_none: bool = False
) -> Callable[[Command], Command]:
    """Return an option with names of components of one kind, as a tuple; it may be repeated.

    or_none: whether `NONE` is a name too, for an empty tuple; without the option it is None then.
    """

    def together(
        ctx: click.Context, param: click.Parameter, lists: tuple[list[str], ...]
    ) -> tuple[str, ...] | None:
        names = tuple(name for listed in lists for name in listed)
        if not or_none or (names and NONE not in names):
            return names
        if len(names) > 1:
            raise click.BadParameter(f"{NONE} goes with no other name")
        return () if names else None

    return click.option(
        flag,
        multiple=True,
        required=required,
        type=ComponentNames(kind, or_none=or_none),
        callback=together,
        metavar="NAME[,NAME...]",
        help=help_text,
    )
