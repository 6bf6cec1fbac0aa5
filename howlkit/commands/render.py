"""`howlkit render`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from howlkit.commands.component_options import component_options, config_option
from howlkit.commands.output_files import claimed, file_in
from howlkit.commands.shared_options import ExamplesFirst, force_option, tell
from howlkit.commands.sound_options import rate_option, renderer_for, renderer_options

EPILOG = """\b
Examples:
  howlkit render new.mid --out new.wav
  howlkit render new.mid --out new.flac --rate 48000          with the package soundfile
  howlkit render new.mid --out new.wav --soundfont my.sf2     with fluidsynth or midirenderer
  howlkit sample --out - | howlkit render - --out new.wav"""


@click.command("render", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The sound to write; its suffix is .wav, or .flac or .ogg. In a folder it gets FILE's "
    "name.",
)
@renderer_options
@rate_option(44100)
@force_option
@component_options
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    out: Path,
    renderer: str | None,
    soundfont: Path | None,
    rate: int,
    force: bool,
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
) -> None:
    """Write the sound of FILE, played by the instruments that come with howlkit.

    FILE is a MIDI file, or one of another format that an installed source reads; - is MIDI from
    standard input. Another renderer, or a soundfont, plays with other instruments.
    """
    from howlkit.dataset.music_file import read_music
    from howlkit.errors import printable
    from howlkit.music.sound import audio_files
    from howlkit.sampling import writers

    out = file_in(out, f"{'stdin' if file == Path('-') else file.stem}.wav")
    audio_files.check_suffix(out)
    player = renderer_for(renderer, soundfont, option, config)
    ctx.with_resource(claimed([out], force=force, reads=[file]))
    piece = read_music(file, tell=tell)
    audio_files.check_length(piece.seconds_long, rate)

    def write(path: Path) -> None:
        audio_files.write(path, player.render(piece, rate), rate)

    writers.write_whole(out, write)
    tell(f"{printable(out)}  {len(piece)} notes, {piece.seconds_long:.0f} s, by {player.name}")
    tell(f"Open it in a browser or a player: {out.resolve().as_uri()}")
