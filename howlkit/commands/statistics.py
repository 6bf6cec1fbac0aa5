"""`howlkit statistics`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    json_option,
    quoted,
    seed_option,
    tell,
)
from howlkit.errors import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from howlkit.evaluation.statistics import SetDistances
    from howlkit.music.piece import Piece

    Columns = Mapping[str, NDArray[np.float64]]

EPILOG = """\b
Examples:
  howlkit statistics my_midi_files
  howlkit statistics new.mid --json
  howlkit statistics runs/tuple-lstm-1/samples --against my_midi_files
  howlkit statistics runs/tuple-lstm-1/samples --against my_midi_files --split validation --told"""


@click.command("statistics", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("music", type=click.Path(path_type=Path))
@click.option(
    "--against",
    metavar="OTHER",
    type=click.Path(path_type=Path),
    help="Compare MUSIC with this music: show the medians of both, and the distances between them.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    default="all",
    show_default=True,
    help="The part of OTHER to compare with, as `howlkit train` splits it.",
)
@click.option(
    "--told",
    is_flag=True,
    help="With --against: in how many of 100 excerpts can a classifier tell MUSIC from OTHER, and "
    "by what? Needs scikit-learn.",
)
@click.option(
    "--length",
    metavar="SECONDS",
    type=POSITIVE,
    help="With --told: the length of an excerpt; 45 by default.",
)
@seed_option(
    "With --against: the seed of the sample of pairs of pieces, if there are more than 10,000, and "
    "of all that is drawn for --told."
)
@json_option
def command(
    music: Path,
    against: Path | None,
    split: str,
    told: bool,
    length: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Show statistics of the pieces of MUSIC; with --against, compare them with other music.

    MUSIC and OTHER are each a dataset, a folder of music (such as a run's samples), or a file: MIDI
    or what an installed source reads. The statistics are those of MusPy, the distances between sets
    those of Yang and Lerch; docs/statistics.md explains each.
    """
    _check_options(against, split, told, length)
    if told and against is not None:
        _tell_apart(music, against, split, length, seed, as_json)
        return
    from howlkit.evaluation import statistics

    measured, features = statistics.tabulate(
        _pieces(music), statistics.STATISTICS, statistics.FEATURES if against else {}
    )
    if against is None:
        result = _described(music, measured)
        text = _spreads(result)
        then = _comparison(music)
    else:
        others, references = statistics.tabulate(
            _pieces(against, split), statistics.STATISTICS, statistics.FEATURES
        )
        result = _described(music, measured) | {
            "against": _described(against, others),
            "features": _compared(features, references, seed),
            "seed": seed,
        }
        text = _side_by_side(result)
        shown = f"{quoted(music)} --against {quoted(against)}"
        then = f"Print everything that was measured: howlkit statistics {shown} --json"
    if as_json:
        click.echo(json.dumps(result, indent=1))
        return
    for line in text:
        click.echo(line)
    tell(then)


def _check_options(against: Path | None, split: str, told: bool, length: float | None) -> None:
    """Raise click.UsageError for an option that needs another one."""
    for name, given in (("--told", told), ("--split", split != "all")):
        if given and against is None:
            raise click.UsageError(f"{name} needs --against: name the music to compare with")
    if length is not None and not told:
        raise click.UsageError("--length is for --told: it is the length of an excerpt")


def _tell_apart(
    music: Path, against: Path, split: str, length: float | None, seed: int, as_json: bool
) -> None:
    """Print in how many of 100 excerpts MUSIC is told from OTHER."""
    from howlkit.evaluation.told import table
    from howlkit.evaluation.told.two_sample import tell_apart

    found = tell_apart(
        _pieces(music),
        _pieces(against, split),
        seconds=length,
        seed=seed,
    ).to_json()
    result = {"music": str(music), "against": str(against), "split": split, "told": found}
    if as_json:
        click.echo(json.dumps(result, indent=1))
        return
    for line in table.lines(found):
        click.echo(line)
    part = "" if split == "all" else f" --split {split}"
    shown = f"{quoted(music)} --against {quoted(against)}{part}"
    tell(f"Print all features: howlkit statistics {shown} --told --json")


def _comparison(music: Path) -> str:
    """Return a line that compares the music with a collection, which is there for everybody."""
    command = f"howlkit statistics {quoted(music)} --against chorales"
    return f"Compare it with other music, such as Bach's chorales: {command}"


def _pieces(source: Path, split: str = "all") -> Iterable[Piece]:
    """Return the pieces of a path: a file is read directly, anything else becomes a dataset."""
    from howlkit.api.progress import file_progress
    from howlkit.dataset import music_file, opening

    if source.is_file():
        if split != "all":
            raise click.UsageError(
                f"{quoted(source)} is a file, and has no parts: leave out --split"
            )
        return music_file.read_all(source, tell=tell)
    data = opening.open_data([source], tell=tell, progress=file_progress())
    return data.pieces(split)


def _described(source: Path, measured: Columns) -> dict[str, Any]:
    """Return the statistics of one set, JSON-ready; None (null) for one that no piece has."""
    from howlkit.evaluation.statistics import spread

    rows = {name: dataclasses.asdict(spread(values)) for name, values in measured.items()}
    return {
        "music": str(source),
        "pieces": len(next(iter(measured.values()))),
        "statistics": {
            name: {key: _or_null(value) for key, value in row.items()} for name, row in rows.items()
        },
    }


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _compared(music: Columns, reference: Columns, seed: int) -> dict[str, Any]:
    """Return the distances by feature, JSON-ready; None (null) if too few pieces have it."""
    from howlkit.errors import DataError
    from howlkit.evaluation.statistics import set_distances

    found: dict[str, Any] = {}
    missing: dict[str, list[str]] = {}
    for name, values in music.items():
        try:
            found[name] = _distances(set_distances(values, reference[name], seed=seed))
        except DataError as error:
            found[name] = None
            missing.setdefault(str(error), []).append(name)
    for reason, names in missing.items():
        which = ", ".join(names) if len(names) < len(found) else "any feature"
        tell(f"No distances for {which}: {reason}")
    return found


def _distances(comparison: SetDistances) -> dict[str, float]:
    """Return the medians of the distances, and the overlaps and divergences of their densities."""
    import numpy as np

    return {
        "within_music": float(np.median(comparison.within_music)),
        "within_other": float(np.median(comparison.within_reference)),
        "between": float(np.median(comparison.between)),
        "overlap": comparison.overlap,
        "kl": comparison.kl,
        "music_overlap": comparison.music_overlap,
        "music_kl": comparison.music_kl,
    }


def _spreads(result: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table of one set."""
    rows = result["statistics"]
    return [
        _named("MUSIC", result),
        "",
        _line("", ["pieces", "10 %", "median", "90 %"]),
        *(
            _line(name, [f"{row['pieces']:,}", *_numbers(row, "low", "median", "high")])
            for name, row in rows.items()
        ),
    ]


def _side_by_side(result: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table of two sets: the medians, then the distances by feature."""
    ours, theirs = result["statistics"], result["against"]["statistics"]
    keys = ("within_music", "within_other", "between", "overlap", "kl")
    lines = [
        _named("MUSIC", result),
        _named("OTHER", result["against"]),
        "",
        _line("median", ["MUSIC", "OTHER"]),
        *(
            _line(name, _numbers(row, "median") + _numbers(theirs[name], "median"))
            for name, row in ours.items()
        ),
    ]
    if any(result["features"].values()):
        lines += [
            "",
            _line("distance (median)", ["in MUSIC", "in OTHER", "between", "overlap", "KL"]),
            *(_line(name, _numbers(row or {}, *keys)) for name, row in result["features"].items()),
        ]
    return lines


def _named(what: str, described: Mapping[str, Any]) -> str:
    from howlkit.dataset.report import counted

    return f"{what}  {printable(described['music'])}, {counted(described['pieces'], 'piece')}"


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:<30}" + "".join(f"{cell:>10}" for cell in cells)


def _numbers(row: Mapping[str, float | None], *keys: str) -> list[str]:
    """Return the cells of a row; a dash for a number that is not defined."""
    values = [row.get(key) for key in keys]
    return ["-" if value is None else f"{value:,.3f}" for value in values]
