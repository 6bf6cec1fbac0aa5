"""`howlkit sample`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howlkit.commands import copying_notice, note_stream, sampled_files, sampling_setup, takes
from howlkit.commands.component_names import ComponentName
from howlkit.commands.component_options import component_options, config_option
from howlkit.commands.loading_notices import loading_notices
from howlkit.commands.note_stream import stream_option
from howlkit.commands.parsed import Parsed
from howlkit.commands.replacing_options import replacing_options
from howlkit.commands.shared_options import (
    POSITIVE,
    ExamplesFirst,
    FiniteRange,
    device_option,
    force_option,
    seed_option,
    tell,
)
from howlkit.commands.steering_options import sampler_flags, steering_options
from howlkit.errors import printable

if TYPE_CHECKING:
    from howlkit import sampling
    from howlkit.commands.note_stream import SessionStream
    from howlkit.commands.replacing_options import Replacing
    from howlkit.music.piece import Piece
    from howlkit.protocols import Sampler
    from howlkit.sampling.runner import Stepping
    from howlkit.sampling.session import Session
    from howlkit.sampling.wishes import Wishes

EPILOG = """\b
Examples:
  howlkit sample --seconds 60                           a minute, with the newest run in runs/
  howlkit sample runs/tuple-lstm-1 --out new.mid -n 8   eight files, new-1.mid to new-8.mid
  howlkit sample --prompt mine.mid --prompt-seconds 10 --notes 400 --out more.mid
  howlkit sample --bars 16 --key "D minor" --range 48-84 --max-polyphony 3
  howlkit sample --bars 8 --chords "Dm | Gm | A7 | Dm" --instruments "violin,cello"
  howlkit sample --temperature 0.9 -o autoregressive.pitch.top_k=8
  howlkit sample --prompt mine.mid --replace 8-12 -n 4 --out takes.mid
  howlkit sample --accompany melody.mid --instruments piano
  howlkit sample --out - > new.mid
  howlkit sample --out new.wav                          sound, by recorded instruments
  howlkit sample --out new.musicxml                     sheet music, with howlkit-music21"""


def _emphasis(text: str) -> object:
    from howlkit.sampling.emphasis import emphasis_of

    return emphasis_of(text)


def _time_signature(text: str) -> tuple[int, int]:
    from howlkit.sampling.arguments import time_signature_of

    return time_signature_of(text)


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
@stream_option
@click.option(
    "--tempo",
    "bpm",
    type=FiniteRange(4, 1000),
    metavar="BPM",
    help="The beats a minute of music without a prompt. By default those of the training music.",
)
@click.option(
    "--time-signature",
    type=Parsed("N/M", _time_signature),
    help="The time signature of music without a prompt, such as 3/4. By default that of the "
    "training music, if nearly all of it has the same.",
)
@replacing_options
@steering_options
@sampler_flags
@click.option(
    "--emphasis",
    type=Parsed("PART=FACTOR[,...]", _emphasis),
    help="How much parts of the model count: votes=1.2, and music repeats itself more; "
    "sounding=1.2, and notes are more consonant. By default as the run advises.",
)
@click.option(
    "--no-provenance",
    is_flag=True,
    help="Leave out the record of how a MIDI file was made, by which `howlkit replay` makes it "
    "again.",
)
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
@click.option(
    "--checkpoint",
    metavar="STEP",
    type=click.IntRange(min=1),
    help="Take the weights of this step's checkpoint instead of the best ones; `howlkit train "
    "--keep` keeps several.",
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
    stream: bool,
    replacing: Replacing | None,
    wishes: Wishes,
    temperature: float | None,
    top_p: float | None,
    emphasis: Mapping[str, float] | None,
    no_provenance: bool,
    sampler: str,
    stepping: Stepping,
    checkpoint: int | None,
    option: tuple[str, ...],
    config: Mapping[str, Mapping[str, object]],
    device: str,
) -> None:
    """Make music with the model of RUN, by default the newest run in runs/.

    Without --notes, --seconds, --beats or --bars a piece lasts until the model ends it. The same
    seed, stepping, options and -n give the same bytes.
    """
    from howlkit import sampling
    from howlkit.sampling import steering
    from howlkit.sampling.records import sample_record, signed

    if prompt_seconds is not None and prompt is None:
        raise click.UsageError("--prompt-seconds needs --prompt FILE")
    _check_prompt(prompt, without_prompt, bpm, time_signature)
    source = replacing.accompany if replacing is not None and replacing.accompany else prompt
    setup = sampling_setup.ready(
        run,
        out,
        force=force,
        count=count,
        stream=stream,
        reads=[source] if source else [],
        wishes=wishes,
        sampler=sampler,
        flags={"temperature": temperature, "top_p": top_p},
        option=option,
        config=config,
        emphasis=emphasis,
    )
    if replacing is not None and checkpoint is not None:
        raise click.UsageError("--checkpoint is for new music; leave it out, or the other option")
    if replacing is not None:
        assert source is not None  # for mypy
        takes.make(
            ctx, setup, replacing, source, wishes, seed, device, stepping,
            provenance=not no_provenance,
        )  # fmt: skip
        return
    whole = sampling_setup.read(prompt) if prompt else None
    start = None if whole is None else sampling.cut_prompt(whole, prompt_seconds)
    with loading_notices():
        trained = sampling_setup.load(setup, device, stepping, count, checkpoint)
        limit = sampling.length(
            notes=notes, seconds=seconds, beats=beats, bars=bars, may_end=may_end
        )
        for line in steering.told(setup.constraints, trained.encoder):
            tell(line)
        session = sampling.begin(
            trained,
            rows=count,
            seed=seed,
            limit=limit,
            prompt=start,
            bpm=bpm,
            time_signature=time_signature,
            constraints=setup.constraints,
        )
    paths = ctx.with_resource(setup.claimed())
    shown = None
    if stream:
        shown = note_stream.SessionStream(
            session, start, with_prompt=not without_prompt, time_signature=time_signature
        )
    player = setup.player_of(trained)
    interrupted, unfinished = _play(session, player, shown)
    pieces = [
        sampling.music(
            session, row, start, with_prompt=not without_prompt, time_signature=time_signature
        )
        for row in range(count)
    ]
    record = None
    if not no_provenance:
        record = sample_record(
            trained,
            sampler=player,
            constraints=setup.constraints,
            limit=limit,
            seed=seed,
            rows=count,
            prompt=whole,
            prompt_seconds=prompt_seconds,
            with_prompt=not without_prompt,
            tempo=bpm,
            time_signature=time_signature,
        )
        if unfinished is None and not session.done.all():
            record["stopped"] = True
    pieces = signed(pieces, record, "row")
    paths, failures = setup.write(pieces, paths)
    for path, piece in zip(paths, pieces, strict=False):
        tell(f"{printable(path)}  {len(piece)} notes, {piece.seconds_long:.0f} s")
    setup.tell_what_is_written(pieces)
    new = pieces if start is None or without_prompt else _without_prompt(session, start, count)
    copying_notice.tell_of_copies(setup.folder, trained.facts, new, paths)
    tell(f"To make the same again: --seed {seed} --stepping {session.stepping}")
    sampled_files.tell_of_failures(failures)
    _tell_of_stalled(session)
    if interrupted:
        ctx.exit(130)
    if unfinished is not None:
        raise unfinished
    if (notes, seconds, beats) == (None, None, None):
        _tell_of_endless(session)
    setup.tell_how_to_see(paths)


def _without_prompt(session: Session, prompt: Piece, count: int) -> list[Piece]:
    """Return the new music alone: a prompt of the training music is no copy of the model's."""
    from howlkit import sampling

    return [sampling.music(session, row, prompt, with_prompt=False) for row in range(count)]


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


def _play(
    session: Session, player: Sampler, stream: SessionStream | None
) -> tuple[bool, sampling.UnfinishedError | None]:
    """Run the sampler, and show the number of notes.

    Returns whether Ctrl-C stopped it, and the error if it stopped too early.
    """
    from howlkit import sampling

    shown = sys.stderr.isatty()

    def watch(made: int) -> None:
        if stream is not None:
            stream.show()
        if shown and made % 50 < session.rows:
            click.echo(f"\r{made:,} notes ", nl=False, err=True)

    try:
        if said := sampling.run(session, player, watch):
            tell(said)
        if stream is not None:
            stream.show(whole=True)
    except note_stream.ReaderGoneError:  # it has enough; what was made is kept
        return False, None
    except sampling.UnfinishedError as error:  # what was made is kept here too
        return False, error
    except KeyboardInterrupt:  # what was made is kept
        tell("\nStopped; the music made so far is written.")
        return True, None
    finally:
        if shown:
            click.echo("\r", nl=False, err=True)
    return False, None
