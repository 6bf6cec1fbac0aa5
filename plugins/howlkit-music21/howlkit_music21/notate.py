"""Command `howlkit notate`: writes a MIDI file as sheet music."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]

EPILOG = """\b
Examples:
  howlkit sample RUN --out piece.mid
  howlkit notate piece.mid --out piece.musicxml"""


@click.command("notate", epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The MusicXML file (.musicxml, or .mxl: compressed); by default FILE.musicxml.",
)
@click.option("--title", default="", help="The title above the score; by default FILE's name.")
def command(file: Path, out: Path | None, title: str) -> None:
    """Write the MIDI file FILE as MusicXML, which notation software opens.

    Notes are moved to sixteenths or triplets, a staff or two a track, in the metre and key of the
    file; a file without a key gets the likeliest.
    """
    from howlkit.errors import DataError, printable
    from howlkit.music import midi
    from howlkit.sampling import writers
    from howlkit_music21 import MusicXml

    piece = midi.read(file)
    if not len(piece):
        raise DataError(f"{printable(file)}: there are no notes to write down")
    target = out if out is not None else file.with_suffix(".musicxml")
    if target.suffix.lower() not in MusicXml.suffixes:
        target = target.with_name(f"{target.name}.musicxml")
    target.parent.mkdir(parents=True, exist_ok=True)
    writers.write(piece, target, MusicXml(title=title or file.stem))
    click.echo(target)
