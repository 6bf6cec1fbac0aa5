"""`howlkit plot`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from howlkit.commands.output_files import claimed, file_in
from howlkit.commands.parsed import Parsed
from howlkit.commands.shared_options import ExamplesFirst, force_option, tell
from howlkit.errors import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from howlkit.music.piece import Piece
    from howlkit.music.plot.drawing import Drawing

EPILOG = """\b
Examples:
  howlkit plot new.mid --out new.svg
  howlkit plot new.mid --out new.png --unit seconds
  howlkit sample --out - | howlkit plot - --out new.png
  howlkit plot mine.mid takes-*.mid --mark 8-12 --out takes.svg    with the same axes
  howlkit plot new.mid --model runs/tuple-lstm-1 --out new.svg     what surprises the model
  howlkit plot runs/tuple-lstm-1 --out run.svg                     how the training went"""

Unit = Literal["auto", "bars", "seconds"]
Bars = tuple[int, int]


def _bars_of(text: str) -> Bars:
    """Return (first, last) of "8-12", and of one number twice the same."""
    from howlkit.errors import ArgumentError

    found = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last:
        raise ArgumentError(f"{text!r} are no bars; give them as 8-12, counted from 1")
    return first, last


@click.command("plot", cls=ExamplesFirst, epilog=EPILOG)
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(allow_dash=True, path_type=Path),
)
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
@click.option(
    "--bars", type=Parsed("FROM-TO", _bars_of), help="Draw only these bars, counted from 1."
)
@click.option(
    "--mark",
    type=Parsed("FROM-TO", _bars_of),
    help="Mark these bars, such as those that `howlkit sample --replace` made anew.",
)
@click.option(
    "--model",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Colour each note by how much it surprises this run's model, in nats. The notes are drawn "
    "as its encoder keeps them.",
)
@force_option
@click.pass_context
def command(
    ctx: click.Context,
    files: Sequence[Path],
    out: Path,
    unit: Unit,
    title: str | None,
    bars: Bars | None,
    mark: Bars | None,
    model: Path | None,
    force: bool,
) -> None:
    """Draw FILE as a piano-roll: a colour for each instrument, a shade for velocity.

    FILE is a MIDI file, or one of another format that an installed source reads; - is MIDI from
    standard input. Several are drawn side by side, with the same axes and colours. The folder of a
    run is drawn as the curves of its training.
    """
    from howlkit.music.plot import saving

    first = files[0]
    out = file_in(out, f"{'stdin' if first == Path('-') else first.stem or 'run'}.svg")
    if model is not None and len(files) > 1:
        raise click.UsageError("--model colours the notes of one FILE; name one")
    ctx.with_resource(claimed([out], force=force, reads=[f for f in files if not f.is_dir()]))
    saving.check_suffix(out)
    if first.is_dir():
        if len(files) > 1 or bars or mark or model:
            raise click.UsageError(
                f"{printable(first)} is a folder: a run is drawn alone, and has no bars and no "
                "--model"
            )
        drawing, said = _curves(first, title)
    else:
        drawing, said = _rolls(files, unit, title, bars, mark, model)
    saving.save_drawing(drawing, out)
    tell(f"{printable(out)}  {said}")
    tell(f"Open it in a browser: {out.resolve().as_uri()}")


def _curves(run: Path, title: str | None) -> tuple[Drawing, str]:
    """Return the curves of a run, and what they show in words."""
    from howlkit.training import curves

    logged = curves.read(run)
    drawing = curves.draw(logged, title=title or run.resolve().name)
    return drawing, f"{logged[-1].step:,} steps"


def _rolls(
    files: Sequence[Path],
    unit: Unit,
    title: str | None,
    bars: Bars | None,
    mark: Bars | None,
    model: Path | None,
) -> tuple[Drawing, str]:
    """Return the piano-rolls of files, and what they show in words."""
    from howlkit.dataset.music_file import read_music
    from howlkit.music.plot import panels, roll

    pieces = [read_music(file, tell=tell) for file in files]
    nats = None
    if model is not None:
        pieces[0], nats = _noted(model, pieces[0])
        if bars is not None:
            nats = nats[_inside(pieces[0], bars)]
    marks = [None if mark is None else _ticks(piece, mark) for piece in pieces]
    if bars is not None:
        pieces = [piece.replace(notes=piece.notes[_inside(piece, bars)]) for piece in pieces]
    notes = sum(map(len, pieces))
    said = f"{notes} notes, {max(piece.seconds_long for piece in pieces):.0f} s"
    if len(pieces) == 1:
        return roll.draw(pieces[0], unit=unit, title=title, mark=marks[0], nats=nats), said
    titles = [piece.name if title is None else f"{title}: {piece.name}" for piece in pieces]
    return panels.draw_takes(pieces, unit=unit, titles=titles, marks=marks), said


def _ticks(piece: Piece, bars: Bars) -> tuple[int, int]:
    from howlkit.music.bars import tick_of_bar

    return tick_of_bar(piece, bars[0]), tick_of_bar(piece, bars[1] + 1)


def _inside(piece: Piece, bars: Bars) -> NDArray[np.bool_]:
    """Return which notes (N,) of a piece begin in some of its bars; DataError if none does."""
    from howlkit.errors import DataError

    begin, stop = _ticks(piece, bars)
    inside = (piece.notes["start"] >= begin) & (piece.notes["start"] < stop)
    if not inside.any():
        raise DataError(f"no note of {printable(piece.name)} begins in bars {bars[0]} to {bars[1]}")
    return inside


def _noted(model: Path, piece: Piece) -> tuple[Piece, NDArray[np.float64]]:
    """Return a piece as a run's encoder keeps it, and the nats of its notes (N,)."""
    from howlkit.commands.loading_notices import loading_notices
    from howlkit.network.note_nats import noted
    from howlkit.sampling.trained import Trained

    with loading_notices():
        trained = Trained.from_pretrained(model, stepping=None)
    return noted(trained.network, trained.encoder, piece)
