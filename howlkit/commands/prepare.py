"""`howlkit prepare`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from howlkit.commands.component_options import component_options, config_option, merged
from howlkit.commands.music_argument import MusicPath
from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    FiniteRange,
    json_option,
    quoted,
    seed_option,
    strict_option,
    tell,
)
from howlkit.errors import printable

EPILOG = """\b
Examples:
  howlkit prepare my_midi more_midi --out data/mine
  howlkit prepare my_midi --out data/mine --validation 0.05 --test 0
  howlkit prepare my_midi --out data/mine --split test=my_midi/2020 --split validation=held.txt
  howlkit prepare chorales --out data/chorales      a collection: the Bach chorales in howlkit"""

PARTS = ("train", "validation", "test")


_SHARE = FiniteRange(0, 1)


def _own_split(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, list[str]] | None:
    """Return the paths of values PART=PATH, by part; a .txt file stands for its lines."""
    split: dict[str, list[str]] = {}
    for value in values:
        part, equals, path = value.partition("=")
        if not equals or part not in PARTS or not path:
            raise click.BadParameter(
                f"{value!r}: write PART=PATH, where PART is one of {', '.join(PARTS)}, and PATH is "
                "a folder, a MIDI file or a .txt file with one path a line"
            )
        split.setdefault(part, []).extend(_listed(path) if path.endswith(".txt") else [path])
    return split or None


def _listed(path: str) -> list[str]:
    """Return the paths on the lines of a text file, without lines that begin with #."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise click.BadParameter(f"{printable(path)}: {error.strerror}") from error
    except ValueError as error:
        raise click.BadParameter(
            f"{printable(path)} is not text in UTF-8 ({error}); save it as UTF-8"
        ) from error
    stripped = map(str.strip, lines)
    return [line for line in stripped if line and not line.startswith("#")]


def _options_of_sources(
    config: Mapping[str, Mapping[str, object]], assignments: tuple[str, ...]
) -> dict[str, dict[str, object]]:
    """Return options by source; a usage error if one is given for another component."""
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
@click.argument("music", nargs=-1, required=True, type=MusicPath())
@component_options
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the dataset: a new folder, or a dataset to bring up to date.",
)
@click.option(
    "--validation",
    type=_SHARE,
    default=0.1,
    show_default=True,
    help="The share of the pieces for validation.",
)
@click.option(
    "--test", type=_SHARE, default=0.1, show_default=True, help="The share of the pieces for test."
)
@seed_option("The seed of the split; another seed gives another split.")
@click.option(
    "--split",
    multiple=True,
    callback=_own_split,
    metavar="PART=PATH",
    help="Split by hand, instead of by shares: put PATH into train, validation or test; may be "
    "repeated. PATH is a folder, a MIDI file, or a .txt file in UTF-8 with one path a line (lines "
    "that begin with # are comments). All other music is for training.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="How many processes read files; by default one for each core.",
)
@click.option(
    "--near-duplicates/--no-near-duplicates",
    default=True,
    show_default=True,
    help="Find takes and transpositions of one piece, and keep them in one part.",
)
@click.option(
    "--max-minutes",
    type=POSITIVE,
    default=360.0,
    show_default=True,
    help="Skip files that last longer, in minutes.",
)
@click.option(
    "--max-beats",
    type=POSITIVE,
    default=200_000.0,
    show_default=True,
    help="Skip files that last longer, in quarter notes.",
)
@click.option(
    "--max-notes",
    type=click.IntRange(min=1),
    default=5_000_000,
    show_default=True,
    help="Skip files with more notes.",
)
@click.option(
    "--max-megabytes",
    type=POSITIVE,
    default=64.0,
    show_default=True,
    help="Skip bigger files.",
)
@click.option(
    "--force", is_flag=True, help="Drop the music of OUT that MUSIC leaves out, though it exists."
)
@strict_option
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
    force: bool,
    strict: bool,
    as_json: bool,
    config: Mapping[str, Mapping[str, object]],
) -> None:
    """Read MUSIC into one dataset: find duplicates, and split it by piece.

    MUSIC is one or more folders, files or collections. Files are MIDI, compressed or not, zip
    archives of MIDI, or of a format that a plugin reads; a collection is music that a plugin knows
    by name. `howlkit plugins list` lists the sources, and `howlkit plugins show NAME` says what a
    source reads.

    One dataset serves every encoder. If you prepare it again, only files that have changed are
    read. OUT/report.json lists the files that were skipped, and why, and counts what was mended and
    what was left out.
    """
    from howlkit.api.preparing import prepare_sources
    from howlkit.api.progress import file_progress
    from howlkit.music import midi

    if validation + test >= 1:
        raise click.UsageError("--validation and --test together must leave something to train on")
    limits = midi.Limits(
        max_bytes=round(max_megabytes * 2**20),
        max_seconds=60 * max_minutes,
        max_beats=max_beats,
        max_notes=max_notes,
    )
    report = prepare_sources(
        music,
        out,
        fractions=(1 - validation - test, validation, test),
        seed=seed,
        split=split,
        workers=workers,
        near_duplicates=near_duplicates,
        limits=limits,
        options=_options_of_sources(config, option),
        force=force,
        strict=strict,
        progress=file_progress(),
    )
    click.echo(json.dumps(report.to_json(), indent=1) if as_json else report.text())
    tell(f"Train on it: howlkit train {quoted(out)} --encoder tuple --model lstm")
