"""`howlkit audit`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands.shared_options import ExamplesFirst, json_option, quoted, tell
from howlkit.errors import HowlkitError, printable

if TYPE_CHECKING:
    from howlkit.dataset import Dataset
    from howlkit.evaluation.copying.stored import Searchable
    from howlkit.music.piece import Piece

EPILOG = """\b
Examples:
  howlkit audit new.mid                                 against the newest run in runs/
  howlkit audit runs/tuple-lstm-1/samples --data runs/tuple-lstm-1
  howlkit audit new.mid --data my_midi_files
  howlkit audit new.mid --json --strict"""

AT_ONCE = 64  # files, which bounds memory


@click.command("audit", cls=ExamplesFirst, epilog=EPILOG)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--data",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="The run whose training music is searched, by default the newest in runs/; or other "
    "music: a dataset, a folder or a collection, of which the training part is searched.",
)
@click.option(
    "--passages",
    "most",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How many passages of a file to list, the longest first.",
)
@click.option(
    "--strict", is_flag=True, help="Exit with 1 if a file copies more than held-out pieces do."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    files: Sequence[Path],
    data: Path | None,
    most: int,
    strict: bool,
    as_json: bool,
) -> None:
    """Show which passages of FILE stand in the training music, in whatever key and tempo.

    Beside them stands what held-out real pieces share with the training music: some passages are
    common in a style, and copy nothing. A FILE is a MIDI file, one of another format that an
    installed source reads, or a folder of MIDI files. docs/audit.md says what counts as a passage.
    """
    from howlkit.commands import audit_tables
    from howlkit.evaluation.copying import auditing, training_music

    found = _files(files)
    music, dataset, name = _music(data)
    audits = [
        audit
        for pieces in _in_batches(found, lone=len(files) == 1 and files[0].is_file())
        for audit in auditing.audit(
            pieces, music, piece_of=training_music.pieces_of(dataset), most=most
        )
    ]
    if not audits:
        raise HowlkitError("none of the files can be read, so there is nothing to search")
    report = audit_tables.report(audits, music, name)
    if as_json:
        click.echo(json.dumps(report, indent=1))
    else:
        for line in audit_tables.lines(report):
            click.echo(line)
    if strict and report["above"]:
        ctx.exit(1)


def _files(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are named, and those in the folders that are named."""
    from howlkit.music import midi

    found = list(midi.find(paths, skip=lambda path, why: tell(f"{printable(path)}: {why}")))
    if not found:
        raise HowlkitError(
            f"there are no MIDI files in {', '.join(map(quoted, paths))}; name a file, or a folder "
            "such as RUN/samples"
        )
    return found


def _music(data: Path | None) -> tuple[Searchable, Dataset | None, Path]:
    """Return the training music, the dataset that it is in, and what it is called."""
    from howlkit.api.progress import file_progress
    from howlkit.dataset import opening
    from howlkit.evaluation.copying import training_music
    from howlkit.training.run_folders import newest_trained

    if data is None:
        data = newest_trained()
        tell(f"Comparing with the training music of the newest run, {printable(data)}")
    elif not (data / "config.json").is_file():
        dataset = opening.open_data([data], tell=tell, progress=file_progress())
        return training_music.searchable(dataset), dataset, data
    return *training_music.of_run(data, tell=tell), data


def _in_batches(paths: Sequence[Path], *, lone: bool) -> Iterator[list[Piece]]:
    """Yield the pieces of the files, some at a time; those that cannot be read are told.

    lone: there is one file only, so that its error is the command's.
    """
    from howlkit.dataset import music_file

    batch: list[Piece] = []
    for path in paths:
        try:
            pieces = music_file.read_all(path, tell=tell)
        except HowlkitError as error:
            if lone:
                raise
            tell(f"Left out: {error}")
            continue
        several = len(pieces) > 1
        batch += [
            piece.replace(name=f"{path}, {piece.name}" if several else str(path))
            for piece in pieces
        ]
        if len(batch) >= AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
