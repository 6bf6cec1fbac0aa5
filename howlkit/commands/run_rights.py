"""What `howlkit info RUN --rights` shows: whose the music of a run is, and under which licences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from howlkit.commands.shared_options import tell
from howlkit.errors import DataError, printable

__all__ = ["show_rights"]

NOT_STATED = "not stated"


def show_rights(path: Path, *, as_json: bool) -> None:
    """Print a table of the rights in the music of a run, or as JSON with every piece.

    Raises CheckpointError if `path` is no run, and DataError if it does not say it.
    """
    groups, pieces = _rights(path)
    if as_json:
        click.echo(json.dumps({"rights": groups, "pieces": pieces}, indent=1))
        return
    for line in _table(groups):
        click.echo(line)
    unknown = sum(group["pieces"] for group in groups if not group["licence"])
    if unknown:
        tell(
            f"Nobody has said it for {unknown:,} of them. A licenses.csv beside "
            "the music does (columns file,licence,holder,source); prepare it again then"
        )


def _rights(path: Path) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    """Return the groups of pieces with the same rights, and the pieces; [] in a model folder."""
    from howlkit.training import music_list
    from howlkit.training.checkpoint import read_json
    from howlkit.training.run_folders import find_model

    pieces = music_list.read(path)
    if pieces:
        return music_list.summary(pieces), pieces
    groups = read_json(find_model(path) / "config.json")["facts"].get("data", {}).get("rights")
    if groups is None:
        raise DataError(
            f"{printable(path)} does not say what music it was given: an earlier version trained "
            "it, or it was saved without its dataset"
        )
    return groups, []


def _table(groups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    from howlkit.evaluation.text_table import columns

    rows = []
    for group in groups:
        texts = [group[name] or NOT_STATED for name in ("licence", "holder", "source")]
        counts = [f"{group[name]:,}" for name in ("pieces", "notes")]
        rows.append([*map(printable, texts), str(group["part"]), *counts])
    return columns(["licence", "holder", "source", "part", "pieces", "notes"], rows, left=4)
