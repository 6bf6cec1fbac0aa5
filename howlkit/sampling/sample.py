"""What `Trained.sample` does: from arguments of people to whole pieces."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howlkit import options as component_options
from howlkit import plugins
from howlkit.errors import ArgumentError, did_you_mean
from howlkit.music.piece import Piece
from howlkit.plugins.checked import CheckedSampler, unwrapped
from howlkit.protocols import Sampler
from howlkit.sampling import generation
from howlkit.sampling.advice import advised
from howlkit.sampling.arguments import path_of, positive, time_signature_of, whole
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.records import sample_record, signed
from howlkit.sampling.steering import constraints_of, told
from howlkit.sampling.wishes import Wishes

if TYPE_CHECKING:
    from howlkit.sampling.generation import SessionMaker

__all__ = ["Music", "as_piece", "as_pieces", "drawing", "sample", "with_options"]

FLAGS = ("temperature", "top_p")
"""Options of samplers that `sample` has as arguments of its own."""

Music = Piece | str | os.PathLike[str]
"""A Piece, or the path of a file of music."""


def sample(
    trained: SessionMaker,
    n: int = 1,
    *,
    seed: int,
    notes: int | None,
    seconds: float | None,
    beats: float | None,
    bars: int | None,
    may_end: bool,
    prompt: Music | None,
    prompt_seconds: float | None,
    without_prompt: bool,
    tempo: float | None,
    time_signature: str | tuple[int, int] | None,
    wishes: Wishes,
    sampler: str | Sampler,
    options: Mapping[str, object],
    provenance: bool,
) -> list[Piece]:
    """Return n pieces; the arguments are those of `Trained.sample`.

    Prints to stderr, before it begins, which wishes cannot be kept exactly.
    """
    player = _sampler(sampler, options, trained.facts)
    if prompt is None and (prompt_seconds is not None or without_prompt):
        name = "without_prompt" if prompt_seconds is None else "prompt_seconds"
        raise ArgumentError(f"{name} needs a prompt: prompt=piece, or prompt='mine.mid'")
    if prompt is not None and (tempo, time_signature) != (None, None):
        name = "time_signature" if tempo is None else "tempo"
        raise ArgumentError(
            f"{name} is for music without a prompt; after a prompt, new music goes on in the tempo "
            f"and the time signature of the prompt. Leave out {name}"
        )
    constraints = constraints_of(wishes)
    source = None if prompt is None else as_piece("prompt", prompt)
    cut = None if prompt_seconds is None else positive("prompt_seconds", prompt_seconds)
    start = None if source is None else generation.cut_prompt(source, cut)
    metre = None if time_signature is None else time_signature_of(time_signature)
    limit = generation.length(
        notes=None if notes is None else whole("notes", notes, 1),
        seconds=None if seconds is None else positive("seconds", seconds),
        beats=None if beats is None else positive("beats", beats),
        bars=None if bars is None else whole("bars", bars, 1),
        may_end=may_end,
    )
    for line in told(constraints, trained.encoder):
        print(line, file=sys.stderr)
    bpm = None if tempo is None else positive("tempo", tempo, 4, 1000)
    session = generation.begin(
        trained,
        rows=whole("n", n, 1, 4096),
        seed=whole("seed", seed, 0),
        limit=limit,
        prompt=start,
        bpm=bpm,
        time_signature=metre,
        constraints=constraints,
    )
    said = generation.run(session, player), generation.stalled(session)
    for line in filter(None, said):
        print(line, file=sys.stderr)
    pieces = [
        generation.music(session, row, start, with_prompt=not without_prompt, time_signature=metre)
        for row in range(session.rows)
    ]
    record = (
        None
        if not provenance
        else sample_record(
            trained,
            sampler=player,
            constraints=constraints,
            limit=limit,
            seed=seed,
            rows=session.rows,
            prompt=source,
            prompt_seconds=cut,
            with_prompt=not without_prompt,
            tempo=bpm,
            time_signature=metre,
        )
    )
    return signed(pieces, record, "row")


def drawing(name: str, options: Mapping[str, object], *, own: Sequence[str]) -> SamplingParams:
    """Return how values are drawn, from the options of the sampler `autoregressive`.

    name, own: the function that was called and its arguments, but for wishes. Raises ArgumentError
    for an option that neither has.
    """
    _check_options(name, own, "autoregressive", options)
    made = unwrapped(plugins.create("sampler", "autoregressive", options))
    params: SamplingParams = made.params
    return params


def with_options(options: Mapping[str, object], **flags: object) -> dict[str, object]:
    """Return options of a sampler, and those of `FLAGS` that are given: not None."""
    return {**options, **{name: value for name, value in flags.items() if value is not None}}


def as_piece(name: str, music: object) -> Piece:
    """Return a Piece that was given as one, or as the path of a file.

    Raises ArgumentError for anything else, and what `music_file.read_music` raises.
    """
    if isinstance(music, Piece):
        return music
    if not isinstance(music, str | os.PathLike):
        raise ArgumentError(
            f"{name} is {music!r}, a {type(music).__name__}; a Piece or the path of a file is "
            "needed"
        )
    from howlkit.dataset.music_file import read_music

    return read_music(Path(path_of(name, music)), tell=lambda line: print(line, file=sys.stderr))


def as_pieces(music: object) -> Iterator[Piece]:
    """Yield the pieces of what was given: one or several, each as in `as_piece`."""
    if isinstance(music, Iterable) and not isinstance(music, Piece | str | os.PathLike):
        for each in music:
            yield as_piece("music", each)
    else:
        yield as_piece("music", music)


def _sampler(sampler: object, values: Mapping[str, object], facts: Mapping[str, Any]) -> Sampler:
    """Return the sampler of a name with options, and advice of the run, or the one given."""
    if isinstance(sampler, str):
        others = ("trained", "options", "wishes")
        own = [name for name in inspect.signature(sample).parameters if name not in others]
        _check_options("sample", own, sampler, values)
        made: Sampler = plugins.create("sampler", sampler, advised(facts, sampler, values))
        return made
    if isinstance(sampler, type) or not hasattr(sampler, "generate"):
        raise ArgumentError(
            f"sampler is {sampler!r}; the name of a sampler is needed, or one that is made: "
            "howlkit.sampler('autoregressive', temperature=0.9)"
        )
    if values:
        raise ArgumentError(
            f"{', '.join(values)}: options are for a sampler by name; this one has its own, "
            f"{unwrapped(sampler)!r}"
        )
    return CheckedSampler.of(sampler)


def _check_options(
    function: str, arguments: Sequence[str], sampler: str, values: Mapping[str, object]
) -> None:
    """Raise ArgumentError for an option that neither a function nor its sampler has."""
    described = component_options.describe(plugins.get("sampler", sampler).cls)
    own = [option.name for option in described if not option.name.startswith("NAME")]
    by_field = len(own) < len(described)
    wishes = (field.name for field in fields(Wishes) if field.name not in arguments)
    mine = [*arguments, *wishes, *FLAGS]
    for name, value in values.items():
        if name in own or (by_field and (isinstance(value, Mapping) or "." in name)):
            continue
        if name in FLAGS:
            raise ArgumentError(
                f"sampler {sampler!r} has no option {name!r}; its options: "
                f"{', '.join(own) or 'none'}. Leave out {name}, or choose another sampler"
            )
        raise ArgumentError(
            f"{function} has no argument {name!r}.{did_you_mean(name, [*mine, *own])} It has: "
            f"{', '.join(mine)}; and as options of the sampler {sampler!r}: {', '.join(own)}"
            + (", or these by field, such as pitch={'temperature': 0.9}" if by_field else "")
        )
