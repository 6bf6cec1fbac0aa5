"""Music on the command line: a path, or the name of a collection, checked while it is parsed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = ["MusicPath"]


class MusicPath(click.Path):
    """A file or folder that exists, or a collection of a source; anything else is wrong usage."""

    name = "music"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - as click's
        """Return the path, or the collection's name as a path; a usage error if it is neither."""
        path = Path(str(super().convert(value, param, ctx)))
        if not path.exists():  # only then plugins are loaded
            from howlkit.dataset import Readers

            readers = Readers.installed()
            if str(path) not in readers.collections:
                self.fail(readers.absent(str(path)), param, ctx)
        return path

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the collections that begin with `incomplete`; the shell adds its paths."""
        from howlkit.dataset import Readers

        names = [n for n in Readers.installed().collections if n.startswith(incomplete)]
        return [*map(CompletionItem, names), *super().shell_complete(ctx, param, incomplete)]
