"""What `Trained.replace` and `Trained.accompany` do: from what people write to takes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable

from howlkit.errors import ArgumentError
from howlkit.music.tables import DRUMS
from howlkit.sampling.arguments import whole
from howlkit.sampling.generation import SessionMaker
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.replacing.candidates import Watch
from howlkit.sampling.replacing.given import Given
from howlkit.sampling.replacing.region import Keep, Region, Span
from howlkit.sampling.replacing.replacement import CANDIDATES, replace
from howlkit.sampling.replacing.takes import Take
from howlkit.sampling.sample import Music, as_piece
from howlkit.sampling.steering import constraints_of, told
from howlkit.sampling.wishes import Wishes

__all__ = ["accompanied", "given_of", "replaced", "takes_of"]


def replaced(
    trained: SessionMaker,
    music: Music,
    *,
    bars: tuple[int, int] | None,
    beats: Span | None,
    seconds: Span | None,
    tracks: Iterable[int] | int | None,
    keep: Keep | None,
    keep_rhythm: bool,
    keep_pitches: bool,
    cut_held: bool,
    takes: int,
    candidates: int | None,
    seed: int,
    params: SamplingParams,
    wishes: Wishes,
    watch: Watch | None,
) -> list[Take]:
    """Return takes of a part of a piece; the arguments are those of `Trained.replace`."""
    region = Region.of(
        as_piece("piece", music),
        bars=bars,
        beats=beats,
        seconds=seconds,
        tracks=None if tracks is None else (tracks if isinstance(tracks, Iterable) else [tracks]),
        keep=keep,
        cut_held=cut_held,
    )
    given = given_of(keep_rhythm=keep_rhythm, keep_pitches=keep_pitches)
    if given is not None and not len(region.original):
        raise ArgumentError(f"there are no notes in the region whose {given} could be kept")
    return takes_of(
        trained, region, takes=takes, candidates=candidates, seed=seed, params=params,
        wishes=wishes, given=given, watch=watch,
    )  # fmt: skip


def accompanied(
    trained: SessionMaker,
    music: Music,
    *,
    takes: int,
    candidates: int | None,
    seed: int,
    params: SamplingParams,
    wishes: Wishes,
    watch: Watch | None,
) -> list[Take]:
    """Return takes of a piece with a part added; the arguments are those of `Trained.accompany`."""
    region = Region.whole(as_piece("piece", music))
    if not len(region.piece):
        raise ArgumentError("there are no notes to accompany")
    return takes_of(
        trained, region, takes=takes, candidates=candidates, seed=seed, params=params,
        wishes=wishes, given=None, watch=watch,
    )  # fmt: skip


def given_of(*, keep_rhythm: bool, keep_pitches: bool) -> Given | None:
    """Return what of the replaced notes is kept; ArgumentError for both."""
    if keep_rhythm and keep_pitches:
        raise ArgumentError("with both rhythm and pitches kept nothing is left to make anew")
    return "rhythm" if keep_rhythm else "pitches" if keep_pitches else None


def takes_of(
    trained: SessionMaker,
    region: Region,
    *,
    takes: int,
    candidates: int | None,
    seed: int,
    params: SamplingParams,
    wishes: Wishes,
    given: Given | None,
    watch: Watch | None,
) -> list[Take]:
    """Return takes of a region, with instruments of the replaced notes unless others are asked for.

    candidates: None: `CANDIDATES`, or as many as takes if these are more. Says on stderr, before it
    begins, which wishes cannot be kept exactly.
    """
    count = whole("takes", takes, 1, 4096)
    constraints = constraints_of(_with_instruments(wishes, region))
    for line in told(constraints_of(wishes), trained.encoder):
        print(line, file=sys.stderr)
    drawn = max(CANDIDATES, count) if candidates is None else whole("candidates", candidates, 1)
    return replace(
        trained,
        region,
        takes=count,
        seed=whole("seed", seed, 0),
        candidates=drawn,
        params=params,
        constraints=constraints,
        given=given,
        watch=watch,
    )


def _with_instruments(wishes: Wishes, region: Region) -> Wishes:
    """Return wishes with the instruments of the replaced notes, if none are asked for."""
    if wishes.instruments is not None or not region.programs:
        return wishes
    names = ["drums" if program == DRUMS else program for program in region.programs]
    return dataclasses.replace(wishes, instruments=names)
