"""`howlkit replay`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from howlkit.commands.shared_options import ExamplesFirst, quoted, tell
from howlkit.errors import ArgumentError, HowlkitError, printable

if TYPE_CHECKING:
    from howlkit.music.piece import Piece
    from howlkit.sampling.runner import Stepping
    from howlkit.sampling.trained import Trained

EPILOG = """\b
Examples:
  howlkit replay new.mid                              by the model that made it, found in runs/
  howlkit replay new-*.mid --run runs/tuple-lstm-1
  howlkit replay more.mid --prompt mine.mid           a continuation, or a take of mine.mid"""


@dataclass(frozen=True)
class Written:
    """A file, its bytes, and the piece and the record in it."""

    path: Path
    data: bytes
    piece: Piece
    record: Mapping[str, Any]


@click.command("replay", cls=ExamplesFirst, epilog=EPILOG)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    help="The run, or the model that comes with howlkit, that made FILE. By default it is searched "
    "for in runs/, by its hash.",
)
@click.option(
    "--prompt",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that FILE continues, changes a part of, or accompanies.",
)
@click.pass_context
def command(
    ctx: click.Context, files: Sequence[Path], run: Path | None, prompt: Path | None
) -> None:
    """Make FILE again from the record that it carries, and compare the bytes.

    Every MIDI file of `howlkit sample` says how it was made: `howlkit info FILE` shows it. Nothing
    is written. The exit code is 1 if the bytes differ; then the lines say what is otherwise here:
    another model, another version, another stepping.
    """
    source = _read(prompt)[0] if prompt is not None else None
    same = True
    for group in _groups([_written(file) for file in files]):
        same &= _replay(group, run, source)
    ctx.exit(0 if same else 1)


def _read(path: Path) -> tuple[Piece, bytes]:
    from howlkit.dataset.music_file import read_music

    return read_music(path, tell=tell), path.read_bytes()


def _written(path: Path) -> Written:
    """Return what is in a file; HowlkitError if there is no record."""
    from howlkit.music import provenance

    piece, data = _read(path)
    record = provenance.read(piece)
    if record is None:
        raise HowlkitError(
            f"{printable(path)} does not say how it was made: `howlkit sample` did not write it, "
            "or wrote it with --no-provenance, or another program has written it since"
        )
    return Written(path, data, piece, record)


def _groups(written: Sequence[Written]) -> list[list[Written]]:
    """Return the files in groups that were made at once, so that each group is made once."""
    from howlkit.sampling.replaying.replay import makes_alike

    groups: list[list[Written]] = []
    for each in written:
        group = next((g for g in groups if makes_alike(g[0].record, each.record)), None)
        if group is None:
            groups.append([each])
        else:
            group.append(each)
    return groups


def _replay(group: Sequence[Written], run: Path | None, prompt: Piece | None) -> bool:
    """Make the pieces of a group again and compare them; return whether all are the same."""
    from howlkit.music import midi
    from howlkit.sampling.replaying import differences
    from howlkit.sampling.replaying.replay import ReplayError, check, replayed

    record, shown = group[0].record, printable(group[0].path)
    try:
        check(record, prompt)
        trained = _model(record, run)
        pieces = replayed(trained, record, prompt)
    except ReplayError as error:
        raise ReplayError(f"{shown} cannot be made again: {error}") from error
    name = "take" if record["kind"] == "take" else "row"
    lines = [printable(line) for line in differences.circumstances(record, trained)]
    same = True
    for each in group:
        number = each.record.get(name)
        if not isinstance(number, int) or not 0 <= number < len(pieces):
            raise ReplayError(f"{printable(each.path)}: its record is damaged: {name} {number!r}")
        made = midi.to_bytes(pieces[number])
        if made == each.data:
            click.echo(f"{printable(each.path)}: the same {len(made):,} bytes")
            continue
        same = False
        how = differences.between(each.piece, midi.read_bytes(made, name="", extras=True))
        click.echo(f"{printable(each.path)}: other bytes: {how}")
    for line in lines:
        tell(line)
    if not same and not lines:
        tell("Nothing is otherwise here than where it was made: the file was changed since")
    return same


def _model(record: Mapping[str, Any], run: Path | None) -> Trained:
    """Return the model of a record: of the run that is named, or one of that hash."""
    from howlkit.network.device import pick_device
    from howlkit.sampling.emphasis import EMPHASIS
    from howlkit.sampling.replaying.models import find
    from howlkit.sampling.replaying.replay import ReplayError
    from howlkit.sampling.trained import Trained

    folder = find(record) if run is None else run
    if run is None:
        tell(f"Made by {quoted(folder)}")
    device = record.get("device")
    place = "cpu" if device == "cpu" else pick_device("auto")
    stepping: Stepping = "plain" if record.get("stepping") == "plain" else "auto"
    trained = Trained.from_pretrained(folder, device=place, stepping=stepping)
    said = record.get("model")
    emphasis = said.get(EMPHASIS, {}) if isinstance(said, dict) else {}
    try:
        return trained.with_emphasis(emphasis)
    except ArgumentError as error:
        raise ReplayError(f"its record cannot be followed: {error}") from error
