"""`howlkit play`."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands import players
from howlkit.commands.component_options import component_options, config_option
from howlkit.commands.output_files import claimed, file_in
from howlkit.commands.sampled_files import samples_of
from howlkit.commands.shared_options import ExamplesFirst, force_option, quoted, tell
from howlkit.commands.sound_options import rate_option, renderer_for, renderer_options
from howlkit.errors import HowlkitError, printable

if TYPE_CHECKING:
    from howlkit.music.piece import Piece
    from howlkit.plugins.checked import CheckedRenderer

EPILOG = """\b
Examples:
  howlkit play new.mid                    a page in the browser: a picture, and a player
  howlkit play                            the newest piece that the newest run in runs/ made
  howlkit play runs/tuple-lstm-1 --player
  howlkit play new.mid --out new.html     keep the page; it needs no network"""


@click.command("play", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("music", required=False, type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--player",
    is_flag=True,
    help="Play with a program of the system, in the terminal, and open no browser.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write the page. By default a temporary file.",
)
@renderer_options
@rate_option(32000, of=" of what --player plays, or another renderer than bank")
@force_option
@component_options
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    music: Path | None,
    player: bool,
    out: Path | None,
    renderer: str | None,
    soundfont: Path | None,
    rate: int,
    force: bool,
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
) -> None:
    """Play MUSIC: a file, or the newest piece that a run has made.

    Writes a page with a piano-roll that plays, and opens it in the browser. Where there is no
    browser, it says where the page lies. MUSIC is a MIDI file, one of another format that an
    installed source reads, - for MIDI from standard input, or the folder of a run; by default the
    newest run in runs/, or what a model that comes with howlkit has made in samples/.
    """
    from howlkit.dataset.music_file import read_music
    from howlkit.music.sound.audio_files import ALL_SUFFIXES

    if player and out is not None:
        raise click.UsageError("--player makes no page; leave out --out, or --player")
    if out is not None and out.suffix.lower() in ALL_SUFFIXES:
        raise click.UsageError(
            f"--out {printable(out)} would be a page, which plays in a browser; choose a name that "
            "ends in .html, or write sound with `howlkit render`"
        )
    file = _file(music)
    if out is not None:
        out = file_in(out, f"{'stdin' if file == Path('-') else file.stem}.html")
        ctx.with_resource(claimed([out], force=force, reads=[file]))
    playing = renderer_for(renderer, soundfont, option, config)
    piece = read_music(file, tell=tell)
    if player:
        _play(piece, playing, rate)
        return
    page = _page(piece, playing, rate, out, file)
    tell(f"{printable(page)}  {len(piece)} notes, {piece.seconds_long:.0f} s, by {playing.name}")
    if out is None and players.open_page(page):
        tell("It plays in the browser; to keep the page: --out FILE.html")
    else:
        tell(f"Open it in a browser: {page.resolve().as_uri()}")


def _file(music: Path | None) -> Path:
    """Return the file to play: of a run, the newest piece among its samples."""
    from howlkit.training.run_folders import default_model
    from howlkit.training.shipped_models import find

    if music is None:
        music = default_model()[0]
    shipped = not music.exists() and find(music) is not None
    if not shipped and not music.is_dir():
        return music
    made = [*samples_of(music).glob("*.mid")]
    if not made:
        raise HowlkitError(
            f"{printable(music)} has made no music yet: howlkit sample {quoted(music)} --seconds 60"
        )
    newest = max(made, key=lambda path: (path.stat().st_mtime_ns, path.name))
    tell(f"Using the newest piece, {printable(newest)}")
    return newest


def _page(piece: Piece, playing: CheckedRenderer, rate: int, out: Path | None, file: Path) -> Path:
    """Write the page that plays a piece; return its path."""
    from howlkit.atomic_files import write_file
    from howlkit.commands.sound_options import page_playing
    from howlkit.music.page import play_page

    playing_it = page_playing(playing, rate, piece.seconds_long)
    text = play_page(piece, title=piece.name or file.name, playing=playing_it).encode("utf-8")
    if out is not None:
        write_file(out, text)
        return out
    number, name = tempfile.mkstemp(prefix=f"howlkit-{_plain(file.stem)}-", suffix=".html")
    with open(number, "wb") as made:
        made.write(text)
    return Path(name)


def _plain(stem: str) -> str:
    """Return a name without what means something in a path or an address."""
    return "".join(letter if letter.isalnum() else "-" for letter in stem)[:40] or "music"


def _play(piece: Piece, playing: CheckedRenderer, rate: int) -> None:
    from howlkit.music.sound import audio_files

    program = players.found()
    audio_files.check_length(piece.seconds_long, rate)
    number, name = tempfile.mkstemp(prefix="howlkit-", suffix=".wav")
    os.close(number)
    try:
        audio_files.write(name, playing.render(piece, rate), rate)
        tell(f"{len(piece)} notes, {piece.seconds_long:.0f} s; Ctrl-C stops it")
        players.play(program, Path(name))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)
