"""Command `howlkit notate`: writes a MIDI file as sheet music."""

from __future__ import annotations

from pathlib import Path

import click

from howlkit.commands.output_files import claimed, file_in, force_option, next_free

__all__ = ["command"]

EPILOG = """\b
Examples:
  howlkit sample RUN --out piece.mid
  howlkit notate piece.mid --out piece.musicxml"""


@click.command("notate", epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The MusicXML file (.musicxml, or .mxl: compressed), or a folder for it; by default "
    "FILE.musicxml.",
)
@click.option("--title", default="", help="The title above the score; by default FILE's name.")
@force_option
@click.pass_context
def command(ctx: click.Context, file: Path, out: Path | None, title: str, force: bool) -> None:
    """Write the MIDI file FILE as MusicXML, which notation software opens.

    Notes are moved to sixteenths or triplets, a staff or two a track, in the metre and key of the
    file; a file without a key gets the likeliest.
    """
    from howlkit.errors import DataError, printable
    from howlkit.music import midi
    from howlkit.sampling import writers
    from howlkit_music21 import MusicXml

    if out is None:
        target = next_free(file.with_suffix(".musicxml"))
    else:
        target = file_in(out, f"{file.stem}.musicxml")
    if target.suffix.lower() not in MusicXml.suffixes:
        target = target.with_name(f"{target.name}.musicxml")
    ctx.with_resource(claimed([target], force=force, reads=[file]))
    piece = midi.read(file)
    if not len(piece):
        raise DataError(f"{printable(file)}: there are no notes to write down")
    writers.write(piece, target, MusicXml(title=title or file.stem))
    click.echo(target)
