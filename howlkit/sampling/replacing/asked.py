"""What `Trained.replace` and `Trained.accompany` do: from what people write to takes."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterable, Mapping

from howlkit.errors import ArgumentError
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS
from howlkit.sampling.arguments import whole
from howlkit.sampling.generation import SessionMaker
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.records import signed, takes_record
from howlkit.sampling.replacing.candidates import Watch
from howlkit.sampling.replacing.given import Given
from howlkit.sampling.replacing.region import Keep, Region, Span
from howlkit.sampling.replacing.replacement import CANDIDATES, ROUNDS, replace
from howlkit.sampling.replacing.takes import Take
from howlkit.sampling.sample import Music, as_piece, drawing
from howlkit.sampling.steering import constraints_of, told
from howlkit.sampling.wishes import Wishes

__all__ = [
    "accompanied",
    "candidates_of",
    "given_of",
    "region_to_accompany",
    "replaced",
    "takes_of",
]

REPLACE_WORDS = (
    *("piece", "bars", "beats", "seconds", "tracks", "keep", "keep_rhythm", "keep_pitches"),
    *("cut_held", "takes", "candidates", "seed"),
)
ACCOMPANY_WORDS = ("melody", "instruments", "takes", "candidates", "seed")
"""The arguments of `Trained.replace` and of `accompany`, but for wishes, as errors say them."""

MOST = 4096
"""Takes, and candidates, at most."""


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
    wishes: Wishes,
    options: Mapping[str, object],
    watch: Watch | None,
    provenance: bool,
) -> list[Take]:
    """Return takes of a part of a piece; the arguments are those of `Trained.replace`."""
    params = drawing("replace", options, own=REPLACE_WORDS)
    given = given_of(keep_rhythm=keep_rhythm, keep_pitches=keep_pitches)
    region = Region.of(
        as_piece("piece", music),
        bars=bars,
        beats=beats,
        seconds=seconds,
        tracks=None if tracks is None else (tracks if isinstance(tracks, Iterable) else [tracks]),
        keep=keep,
        cut_held=cut_held,
    )
    return takes_of(
        trained, region, takes=takes, candidates=candidates, seed=seed, params=params,
        wishes=wishes, given=given, watch=watch, provenance=provenance,
    )  # fmt: skip


def accompanied(
    trained: SessionMaker,
    music: Music,
    *,
    takes: int,
    candidates: int | None,
    seed: int,
    wishes: Wishes,
    options: Mapping[str, object],
    watch: Watch | None,
    provenance: bool,
) -> list[Take]:
    """Return takes of a piece with a part added; the arguments are those of `Trained.accompany`."""
    params = drawing("accompany", options, own=ACCOMPANY_WORDS)
    region = region_to_accompany(as_piece("melody", music))
    return takes_of(
        trained, region, takes=takes, candidates=candidates, seed=seed, params=params,
        wishes=wishes, given=None, watch=watch, provenance=provenance,
    )  # fmt: skip


def region_to_accompany(melody: Piece) -> Region:
    """Return the region of a whole piece, all of which is kept; ArgumentError without notes."""
    if not len(melody):
        raise ArgumentError(f"{melody.name or 'the melody'} has no notes to accompany")
    return Region.whole(melody)


def given_of(*, keep_rhythm: bool, keep_pitches: bool) -> Given | None:
    """Return what of the replaced notes is kept; ArgumentError for both."""
    if keep_rhythm and keep_pitches:
        raise ArgumentError("with both rhythm and pitches kept nothing is left to make anew")
    return "rhythm" if keep_rhythm else "pitches" if keep_pitches else None


def candidates_of(candidates: int | None, takes: int) -> int:
    """Return how many candidates to draw: `CANDIDATES`, or as many as takes if these are more.

    candidates: the number that was asked for; ArgumentError if it is less than that of takes.
    """
    if candidates is None:
        return max(CANDIDATES, takes)
    if whole("candidates", candidates, 1, MOST) < takes:
        raise ArgumentError(
            f"{takes} takes cannot be chosen from {candidates} candidates; ask for as many or more"
        )
    return candidates


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
    values: Mapping[str, Mapping[str, object]] | None = None,
    provenance: bool = True,
    rounds: int = ROUNDS,
) -> list[Take]:
    """Return takes of a region, with instruments of the replaced notes unless others are asked for.

    values: options of constraints by name, as in `steering.constraints_of`. provenance: whether
    each piece carries a record of how it was made. rounds: as `replacement.replace` has it; a
    record is of the default. Says on stderr, before it begins, which wishes cannot be kept exactly.
    Raises ArgumentError if there is nothing whose rhythm or pitches could be kept.
    """
    count = whole("takes", takes, 1, MOST)
    drawn = candidates_of(candidates, count)
    if given is not None and not len(region.original):
        raise ArgumentError(f"there are no notes in the region whose {given} could be kept")
    quotes = not (wishes.options or wishes.constraints)  # which nobody has drawn under rules
    constraints = constraints_of(_with_instruments(wishes, region), values)
    for line in told(constraints_of(wishes, values), trained.encoder):
        print(line, file=sys.stderr)
    made = replace(
        trained,
        region,
        takes=count,
        seed=whole("seed", seed, 0),
        candidates=drawn,
        params=params,
        constraints=constraints,
        given=given,
        watch=watch,
        rounds=rounds,
        quotes=quotes,
    )
    record = None
    if provenance:
        record = takes_record(
            trained,
            region,
            params=params,
            constraints=constraints,
            given=given,
            seed=seed,
            takes=count,
            candidates=drawn,
            quotes=quotes,
        )
        if any(math.isnan(take.join) for take in made):
            record["stopped"] = True
    pieces = signed([take.piece for take in made], record, "take")
    return [dataclasses.replace(t, piece=p) for t, p in zip(made, pieces, strict=True)]


def _with_instruments(wishes: Wishes, region: Region) -> Wishes:
    """Return wishes with the instruments of the replaced notes, if none are asked for."""
    if wishes.instruments is not None or not region.programs:
        return wishes
    names = ["drums" if program == DRUMS else program for program in region.programs]
    return dataclasses.replace(wishes, instruments=names)
