"""`howlkit sample`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands import sampled_files
from howlkit.commands.component_names import ComponentName
from howlkit.commands.component_options import component_options, config_option, merged
from howlkit.commands.loading_notices import loading_notices
from howlkit.commands.output_files import check_new, is_device, next_free
from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    FiniteRange,
    device_option,
    force_option,
    quoted,
    seed_option,
    tell,
)
from howlkit.commands.steering_options import sampler_flags, steering_options, with_flags
from howlkit.commands.time_signature import TimeSignature
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit import sampling
    from howlkit.music.piece import Piece
    from howlkit.protocols import Sampler
    from howlkit.sampling.runner import Stepping
    from howlkit.sampling.session import Session
    from howlkit.sampling.trained import Trained
    from howlkit.sampling.wishes import Wishes

EPILOG = """\b
Examples:
  howlkit sample --seconds 60                           a minute, with the newest run in runs/
  howlkit sample runs/tuple-lstm-1 --out new.mid -n 8   eight files, new-1.mid to new-8.mid
  howlkit sample --prompt mine.mid --prompt-seconds 10 --notes 400 --out more.mid
  howlkit sample --bars 16 --key "D minor" --range 48-84 --max-polyphony 3
  howlkit sample --bars 8 --chords "Dm | Gm | A7 | Dm" --instruments "violin,cello"
  howlkit sample --temperature 0.9 -o autoregressive.pitch.top_k=8
  howlkit sample --out - > new.mid
  howlkit sample --out new.wav                          sound, by recorded instruments
  howlkit sample --out new.musicxml                     sheet music, with howlkit-music21"""


@click.command("sample", cls=ExamplesFirst, epilog=EPILOG)
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The file to write; - for stdout. It is MIDI, unless an installed writer knows its "
    "suffix. In a folder, by default RUN/samples, it gets the next free name.",
)
@force_option
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 4096),
    default=1,
    show_default=True,
    envvar="HOWLKIT_SAMPLE_N",
    help="How many pieces to make.",
)
@seed_option("Another seed gives other music.")
@click.option("--notes", type=click.IntRange(min=1), help="Stop after this many notes.")
@click.option("--seconds", type=POSITIVE, help="Stop after this many seconds of music.")
@click.option("--beats", type=POSITIVE, help="Stop after this many beats.")
@click.option("--bars", type=click.IntRange(min=1), help="Stop after this many bars.")
@click.option("--may-end", is_flag=True, help="Stop earlier if the model ends the piece.")
@click.option(
    "--prompt",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of music to continue, MIDI or what an installed source reads; the new music never "
    "begins before its last onset.",
)
@click.option(
    "--prompt-seconds", type=POSITIVE, help="Use only this many seconds of the prompt's beginning."
)
@click.option(
    "--without-prompt",
    is_flag=True,
    help="Write only the new music, from the bar or the note where it begins.",
)
@click.option(
    "--tempo",
    "bpm",
    type=FiniteRange(4, 1000),
    metavar="BPM",
    help="The beats a minute of music without a prompt. By default those of the training music.",
)
@click.option(
    "--time-signature",
    type=TimeSignature(),
    help="The time signature of music without a prompt, such as 3/4. By default that of the "
    "training music, if nearly all of it has the same.",
)
@steering_options
@sampler_flags
@click.option(
    "--sampler",
    type=ComponentName("sampler"),
    default="autoregressive",
    show_default=True,
    help="The component that chooses each step.",
)
@click.option(
    "--stepping",
    type=click.Choice(["auto", "plain", "compiled"]),
    default="auto",
    show_default=True,
    help="How to run the network: plain, by torch; compiled, by machine code, which is faster and "
    "needs numba; auto, compiled if that is possible.",
)
@component_options
@config_option
@device_option
@click.pass_context
def command(
    ctx: click.Context,
    run: Path | None,
    out: Path | None,
    force: bool,
    count: int,
    seed: int,
    notes: int | None,
    seconds: float | None,
    beats: float | None,
    bars: int | None,
    may_end: bool,
    prompt: Path | None,
    prompt_seconds: float | None,
    without_prompt: bool,
    bpm: float | None,
    time_signature: tuple[int, int] | None,
    wishes: Wishes,
    temperature: float | None,
    top_p: float | None,
    sampler: str,
    stepping: Stepping,
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
    device: str,
) -> None:
    """Make music with the model of RUN, by default the newest run in runs/.

    Without --notes, --seconds, --beats or --bars a piece lasts until the model ends it. The same
    seed, stepping, options and -n give the same bytes.
    """
    from howlkit import plugins, sampling
    from howlkit.sampling import steering
    from howlkit.training.run_folders import newest_trained

    if prompt_seconds is not None and prompt is None:
        raise click.UsageError("--prompt-seconds needs --prompt FILE")
    _check_prompt(prompt, without_prompt, bpm, time_signature)
    if out is not None and count > 1 and (out == Path("-") or is_device(out)):
        raise click.UsageError(f"--out {out} writes one file; leave out -n, or name a file")
    component = sampled_files.writer_of(out)  # an unknown suffix is an error before music is made
    writing = [] if component is None else [component.name]
    used = [sampler, *writing, *wishes.names]
    midi_file, reads = component is None, [prompt] if prompt else []
    check_new(sampled_files.paths_of(out, count, midi=midi_file), force=force, reads=reads)
    values = merged(config, option, used)
    _refuse_others(values, used)
    writer = None
    if component is not None:
        writer = plugins.create("writer", component.name, values.get(component.name))
    flags = with_flags(sampler, values.get(sampler), temperature=temperature, top_p=top_p)
    player = plugins.create("sampler", sampler, flags)
    constraints = steering.constraints_of(wishes, values)
    folder = run if run is not None else newest_trained()
    if run is None:
        tell(f"Using the newest run, {printable(folder)}")
    start = sampling.cut_prompt(_read(prompt), prompt_seconds) if prompt else None
    with loading_notices():
        trained = _load(folder, device, stepping, count)
        limit = sampling.length(
            notes=notes, seconds=seconds, beats=beats, bars=bars, may_end=may_end
        )
        for line in steering.told(constraints, trained.encoder):
            tell(line)
        session = sampling.begin(
            trained,
            rows=count,
            seed=seed,
            limit=limit,
            prompt=start,
            bpm=bpm,
            time_signature=time_signature,
            constraints=constraints,
        )
    claim = sampled_files.claimed(out, folder, count, midi=midi_file, force=force, reads=reads)
    paths = ctx.with_resource(claim)
    interrupted, unfinished = _play(session, player)
    pieces = [
        sampling.music(
            session, row, start, with_prompt=not without_prompt, time_signature=time_signature
        )
        for row in range(count)
    ]
    paths, failures = sampled_files.write_all(pieces, paths, writer)
    for path, piece in zip(paths, pieces, strict=True):
        tell(f"{printable(path)}  {len(piece)} notes, {piece.seconds_long:.0f} s")
    if writer is None:
        _tell_what_is_written(pieces)
    tell(f"To make the same again: --seed {seed} --stepping {session.stepping}")
    sampled_files.tell_of_failures(failures)
    _tell_of_stalled(session)
    if interrupted:
        ctx.exit(130)
    if unfinished is not None:
        raise unfinished
    if (notes, seconds, beats) == (None, None, None):
        _tell_of_endless(session)
    if writer is None and paths[0].is_file():
        picture = next_free(paths[0].with_suffix(".svg"))
        tell(f"Hear it: howlkit play {quoted(paths[0])}")
        tell(f"See it: howlkit plot {quoted(paths[0])} --out {quoted(picture)}")


def _read(prompt: Path) -> Piece:
    from howlkit.dataset.music_file import read_music

    return read_music(prompt, tell=tell)


def _check_prompt(
    prompt: Path | None,
    without_prompt: bool,
    bpm: float | None,
    time_signature: tuple[int, int] | None,
) -> None:
    if without_prompt and prompt is None:
        raise click.UsageError("--without-prompt needs --prompt FILE")
    for option, value in (("--tempo", bpm), ("--time-signature", time_signature)):
        if prompt is not None and value is not None:
            raise click.UsageError(
                f"{option} is for music without a prompt; after a prompt, new music goes on in the "
                f"tempo and the time signature of {printable(prompt)}. Leave out {option}, or "
                "change them in that file"
            )


def _tell_what_is_written(pieces: Sequence[Piece]) -> None:
    """Say what the MIDI files of the pieces cannot say, if anything."""
    from howlkit.music import midi

    written = sum((midi.to_bytes_counted(piece)[1] for piece in pieces), midi.Written())
    if said := written.describe():
        tell(f"In MIDI: {said}")


def _load(folder: Path, device: str, stepping: Stepping, rows: int) -> Trained:
    """Return the model of a run, ready to make `rows` pieces at once."""
    from howlkit.network.device import FEW_ROWS, pick_device
    from howlkit.sampling.trained import Trained

    few = device in ("auto", "cpu") and rows <= FEW_ROWS  # then torch may not be needed
    place = device if few else pick_device(device)
    return Trained.from_pretrained(folder, device=place, stepping=stepping)


def _refuse_others(values: Mapping[str, object], used: Sequence[str]) -> None:
    others = [name for name in values if name not in used]
    if others:
        raise click.UsageError(
            f"-o sets an option of {others[0]!r}, which is not used here; only those of the "
            f"sampler, the writer and the constraints can be set when sampling: {', '.join(used)}"
        )


def _tell_of_endless(session: Session) -> None:
    """Say how many pieces stop at the limit that holds if the user asked for no length."""
    from howlkit.sampling.generation import MOST_NOTES

    cut = int((session.notes >= MOST_NOTES).sum())
    if cut:
        which = "The piece is" if len(session.notes) == 1 else f"{cut} of the pieces are"
        tell(
            f"{which} cut at {MOST_NOTES:,} notes, because the model had not ended; "
            "set a length with --notes, --seconds, --beats or --bars"
        )


def _tell_of_stalled(session: Session) -> None:
    """Say how many pieces are shorter than asked for, because the model hardly moves on."""
    from howlkit.sampling.generation import stalled

    if said := stalled(session):
        tell(said)


def _play(session: Session, player: Sampler) -> tuple[bool, sampling.UnfinishedError | None]:
    """Run the sampler, and show the number of notes.

    Returns whether Ctrl-C stopped it, and the error if it stopped too early.
    """
    from howlkit import sampling

    shown = sys.stderr.isatty()

    def watch(made: int) -> None:
        if shown and made % 50 < session.rows:
            click.echo(f"\r{made:,} notes ", nl=False, err=True)

    try:
        if said := sampling.run(session, player, watch):
            tell(said)
    except sampling.UnfinishedError as error:  # what was made is kept here too
        return False, error
    except KeyboardInterrupt:  # what was made is kept
        tell("\nStopped; the music made so far is written.")
        return True, None
    finally:
        if shown:
            click.echo("\r", nl=False, err=True)
    return False, None
