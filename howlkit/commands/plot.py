"""`howlkit plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from howlkit.commands.output_files import claimed, file_in
from howlkit.commands.shared_options import ExamplesFirst, force_option, tell

EPILOG = """\b
Examples:
  howlkit plot new.mid --out new.svg
  howlkit plot new.mid --out new.png --unit seconds
  howlkit sample --out - | howlkit plot - --out new.png"""


@click.command("plot", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The picture to write; its suffix is .svg or .png. In a folder it gets FILE's name.",
)
@click.option(
    "--unit",
    type=click.Choice(["auto", "bars", "seconds"]),
    default="auto",
    show_default=True,
    help="The unit of the time axis; auto: bars if most notes start on a division of the beat.",
)
@click.option("--title", help="The title of the picture; by default the file's name.")
@force_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    out: Path,
    unit: Literal["auto", "bars", "seconds"],
    title: str | None,
    force: bool,
) -> None:
    """Draw FILE as a piano-roll: a colour for each instrument, a shade for velocity.

    FILE is a MIDI file, or one of another format that an installed source reads; - is MIDI from
    standard input.
    """
    from howlkit.dataset.music_file import read_music
    from howlkit.errors import printable
    from howlkit.music import plot

    out = file_in(out, f"{'stdin' if file == Path('-') else file.stem}.svg")
    ctx.with_resource(claimed([out], force=force, reads=[file]))
    piece = read_music(file, tell=tell)
    plot.save(piece, out, unit=unit, title=title)
    click.echo(f"{printable(out)}  {len(piece)} notes, {piece.seconds_long:.0f} s", err=True)
    click.echo(f"Open it in a browser: {out.resolve().as_uri()}", err=True)
