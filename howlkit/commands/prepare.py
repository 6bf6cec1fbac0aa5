"""`howlkit prepare`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from howlkit.commands.music import Music
from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    FiniteRange,
    component_options,
    config_option,
    file_progress,
    json_option,
    merged,
)
from howlkit.errors import printable

EPILOG = """\b
Examples:
  howlkit prepare my_midi more_midi --out data/mine
  howlkit prepare my_midi --out data/mine --validation 0.05 --test 0
  howlkit prepare my_midi --out data/mine --split test=my_midi/2020 --split validation=held.txt
  howlkit prepare chorales --out data/chorales      a collection by name"""

PARTS = ("train", "validation", "test")


_SHARE = FiniteRange(0, 1)


def _own_split(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, list[str]] | None:
    """Return paths by part of PART=PATH; a text file stands for the paths on its lines."""
    split: dict[str, list[str]] = {}
    for value in values:
        part, equals, path = value.partition("=")
        if not equals or part not in PARTS or not path:
            raise click.BadParameter(
                f"{value!r}: write PART=PATH, where PART is {', '.join(PARTS)}, and PATH a folder, "
                "a MIDI file or a .txt file with one path a line"
            )
        split.setdefault(part, []).extend(_listed(path) if path.endswith(".txt") else [path])
    return split or None


def _listed(path: str) -> list[str]:
    """Return the paths on the lines of a text file; lines that begin with # are comments."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise click.BadParameter(f"{printable(path)}: {error.strerror}") from error
    except ValueError as error:
        raise click.BadParameter(
            f"{printable(path)} is no text in UTF-8 ({error}); save it as UTF-8"
        ) from error
    stripped = map(str.strip, lines)
    return [line for line in stripped if line and not line.startswith("#")]


def _options_of_sources(
    config: Mapping[str, Mapping[str, object]], assignments: tuple[str, ...]
) -> dict[str, dict[str, object]]:
    """Return options by source; a usage error if one is given for anything else."""
    from howlkit import plugins

    names = [source.name for source in plugins.components("source")]
    values = merged(config, assignments, names)
    for name in values:
        if name not in names:
            raise click.BadParameter(
                f"{name!r} is no source; options can be given for: {', '.join(names)}",
                param_hint="-o",
            )
    return values


@click.command("prepare", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("music", nargs=-1, required=True, type=Music())
@component_options
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the dataset: a new one, or one to bring up to date.",
)
@click.option(
    "--validation", type=_SHARE, default=0.1, show_default=True, help="Share for validation."
)
@click.option("--test", type=_SHARE, default=0.1, show_default=True, help="Share for test.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Another number, another split.",
)
@click.option(
    "--split",
    multiple=True,
    callback=_own_split,
    metavar="PART=PATH",
    help="A split of your own instead of the shares: what belongs to train, validation or test; "
    "may be repeated. PATH is a folder, a MIDI file, or a .txt file in UTF-8 with one path a line "
    "(# begins a comment line). What none names is for training.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one a core.")
@click.option(
    "--near-duplicates/--no-near-duplicates",
    default=True,
    show_default=True,
    help="Look for other takes and transpositions, and keep them in one part.",
)
@click.option(
    "--max-minutes",
    type=POSITIVE,
    default=360.0,
    show_default=True,
    help="Skip files that last longer.",
)
@click.option(
    "--max-beats",
    type=POSITIVE,
    default=200_000.0,
    show_default=True,
    help="Skip files that last more quarter notes.",
)
@click.option(
    "--max-notes",
    type=click.IntRange(min=1),
    default=5_000_000,
    show_default=True,
    help="Skip files of more notes.",
)
@click.option(
    "--max-megabytes",
    type=POSITIVE,
    default=64.0,
    show_default=True,
    help="Skip files that are bigger.",
)
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be read.")
@json_option
@config_option
def command(
    music: tuple[Path, ...],
    option: tuple[str, ...],
    out: Path,
    validation: float,
    test: float,
    seed: int,
    split: dict[str, list[str]] | None,
    workers: int | None,
    near_duplicates: bool,
    max_minutes: float,
    max_beats: float,
    max_notes: int,
    max_megabytes: float,
    strict: bool,
    as_json: bool,
    config: Mapping[str, Mapping[str, object]],
) -> None:
    """Read MUSIC into one dataset, split by piece, duplicates found.

    MUSIC is folders and files of MIDI, or of what a plugin can read, and collections by name:
    `howlkit plugins list` names the sources, `howlkit plugins show NAME` says what one reads.
    One dataset serves every encoder. Called again, it reads only what has changed. What was
    skipped, and why, and what was mended is in OUT/report.json.
    """
    from howlkit.dataset import Readers, prepare
    from howlkit.music import midi

    if validation + test >= 1:
        raise click.UsageError("--validation and --test together must leave something to train on")
    limits = midi.Limits(
        max_bytes=round(max_megabytes * 2**20),
        max_seconds=60 * max_minutes,
        max_beats=max_beats,
        max_notes=max_notes,
    )
    report = prepare(
        music,
        out,
        fractions=(1 - validation - test, validation, test),
        seed=seed,
        split=split,
        workers=workers,
        near_duplicates=near_duplicates,
        limits=limits,
        readers=Readers.installed(_options_of_sources(config, option)),
        strict=strict,
        progress=file_progress(),
    )
    click.echo(json.dumps(report.to_json(), indent=1) if as_json else report.text())
    shown = shlex.quote(printable(out))
    click.echo(f"Train on it: howlkit train {shown} --encoder tuple --model lstm", err=True)
