"""`howlkit prepare`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from howlkit.commands.shared_options import config_option, file_progress, json_option

EPILOG = """\b
Examples:
  howlkit prepare my_midi more_midi --out data/mine
  howlkit prepare my_midi --out data/mine --validation 0.05 --test 0
  howlkit prepare my_midi --out data/mine --split test=my_midi/2020 --split validation=held.txt"""

PARTS = ("train", "validation", "test")


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
        paths = [path]
        if path.endswith(".txt"):
            try:
                lines = Path(path).read_text(encoding="utf-8").splitlines()
            except OSError as error:
                raise click.BadParameter(f"{path}: {error.strerror}") from error
            paths = [line.strip() for line in lines if line.strip()]
        split.setdefault(part, []).extend(paths)
    return split or None


@click.command("prepare", epilog=EPILOG)
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The dataset."
)
@click.option(
    "--validation", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Its share."
)
@click.option(
    "--test", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Its share."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--split",
    multiple=True,
    callback=_own_split,
    metavar="PART=PATH",
    help="A split of your own: what belongs to train, validation or test; may be repeated.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one a core.")
@click.option(
    "--near-duplicates/--no-near-duplicates",
    default=True,
    show_default=True,
    help="Look for other takes and transpositions, and keep them in one part.",
)
@click.option("--max-minutes", type=float, default=360.0, show_default=True, help="Of one file.")
@click.option("--max-megabytes", type=float, default=64.0, show_default=True, help="Of one file.")
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be read.")
@json_option
@config_option
def command(
    folders: tuple[Path, ...],
    out: Path,
    validation: float,
    test: float,
    seed: int,
    split: dict[str, list[str]] | None,
    workers: int | None,
    near_duplicates: bool,
    max_minutes: float,
    max_megabytes: float,
    strict: bool,
    as_json: bool,
    config: object,
) -> None:
    """Read FOLDERS of MIDI files into one dataset, split by piece, duplicates found.

    One dataset serves every encoder. Called again, it reads only what has changed.
    """
    from howlkit import midi
    from howlkit.dataset import prepare

    if validation + test >= 1:
        raise click.UsageError("--validation and --test together must leave something to train on")
    limits = midi.Limits(max_bytes=round(max_megabytes * 2**20), max_seconds=60 * max_minutes)
    report = prepare(
        folders,
        out,
        fractions=(1 - validation - test, validation, test),
        seed=seed,
        split=split,
        workers=workers,
        near_duplicates=near_duplicates,
        limits=limits,
        strict=strict,
        progress=file_progress(),
    )
    click.echo(json.dumps(report.to_json(), indent=1) if as_json else report.text())
    click.echo(f"Train on it: howlkit train {out} --encoder tuple --model lstm", err=True)
