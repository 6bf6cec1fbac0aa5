"""The law that new music follows a prompt, checked with random prompts and sessions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.protocols import Encoder
from howlkit.sampling.limits import Limit
from howlkit.sampling.session import Session
from howlkit.testing.checks import given, require
from howlkit.testing.pieces import drum_beat, prompt
from howlkit.testing.samplers import session

__all__ = ["music_follows_a_prompt"]

PROMPTS = 6
MOST_STEPS = 120  # of a network with random weights, which may make a note only now and then
LIMITS = (Limit(notes=6, ends=False), Limit(beats=8, ends=False), Limit(seconds=4, ends=False))


def music_follows_a_prompt(encoder: Encoder) -> None:
    """New music never begins before the last onset of a prompt, however the encoder shortens it."""
    made = 0
    for seed in range(PROMPTS):
        piece, limit = prompt(seed), LIMITS[seed % len(LIMITS)]
        with given(f"{piece.name}, {limit}"):
            going = session(encoder, rows=1, seed=seed, limit=limit, like=piece)
            made += _check(going, piece)
    require(made, expected="a note in one of the sessions", got="none", look="`allowed`")
    with given("drum_beat()"):
        going = session(encoder, rows=1, limit=LIMITS[0], like=drum_beat())
        try:
            going.prompt([drum_beat()])
        except HowlkitError as error:
            require("leaves out all" in str(error), expected="the reason", got=error)


def _check(going: Session, piece: Piece) -> int:
    """Make music after a prompt, check where it stands, and return the number of notes."""
    going.prompt([piece])
    fed = int(going.lengths[0])
    for _ in range(MOST_STEPS):
        if going.done.all():
            break
        going.step()
    music = going.made()
    last = int(piece.notes["start"][-1])
    first = int(music.notes["start"].min(initial=2**31 - 1))
    require(
        first * piece.ticks_per_beat >= last * music.ticks_per_beat,
        expected=f"onsets from beat {last / piece.ticks_per_beat} on",
        got=f"one at beat {first / music.ticks_per_beat}",
        look="`ticks`, or what in `decode` depends on steps that come later",
    )
    _check_distances(going, fed, music)
    _check_limit(going, piece, music)
    return len(music)


def _check_distances(going: Session, fed: int, music: Piece) -> None:
    """Check that the new notes were moved together, but for some at the last onset of the prompt.

    These may have begun earlier, by no more than a grid rounds.
    """
    whole, before = (
        going.encoder.decode(going.steps[0, :stop], like=going.like) for stop in (None, fed)
    )
    decoded = _onsets(whole, whole.ticks_per_beat) - _onsets(before, whole.ticks_per_beat)
    starts = np.sort(np.array([tick for tick, _, _ in decoded.elements()], np.int64))
    require(
        len(starts) == going.notes[0],
        expected=f"{going.notes[0]} new notes in `decode`, as `push` counted",
        got=len(starts),
        look="notes of `decode` that more steps move or remove",
    )
    starts = starts[: len(music)]  # later ones are beyond the limit
    if not len(music):
        return
    onsets = music.notes["start"]
    by = _positions(going, music, onsets) - _positions(going, whole, starts)
    least, tick = by.min(), 1 / music.ticks_per_beat
    if going.clock == "seconds":
        tick *= music.tempos["microseconds"].max(initial=500_000) / 1e6
    rounded_down = (onsets == onsets.min()) & (by - least <= 0.51)
    require(
        (rounded_down | (by - least <= 3 * tick)).all(),
        expected=f"all notes moved alike, by {least:.4f} {going.clock}",
        got=f"by {by.max():.4f}",
        look="what in `decode` depends on steps that come later",
    )
    _check_place(going, before, float(least), float(_positions(going, whole, starts)[0]))


def _check_place(going: Session, before: Piece, by: float, first: float) -> None:
    """Check that new notes are as far from the last onset of the prompt as they are in the steps.

    before: the decoded prompt. by: how far the new notes were moved. first: where the first of them
    stands as decoded.
    """
    piece = going.like
    if piece is None or not len(before):
        return
    chord = piece.notes[piece.notes["start"] == piece.notes["start"][-1]]
    alone = going.encoder.encode(Piece(chord, piece.ticks_per_beat, tempos=piece.tempos))
    # A cut may lie within the chord, or the grid position of the last onset.
    whole = piece.until - int(piece.notes["start"][-1]) >= piece.ticks_per_beat
    kept = whole and len(going.encoder.decode(alone)) > 0
    wanted, decoded = (
        float(_positions(going, one, one.notes["start"].max())) for one in (piece, before)
    )
    if kept and first > decoded - 0.51:  # else all may be moved by whole bars more
        require(
            abs(by - max(0.0, wanted - decoded)) <= 0.51,
            expected=f"new notes moved by about {wanted - decoded:.4f} {going.clock}",
            got=f"by {by:.4f}",
            look="notes of `decode` that more steps move or remove",
        )


def _check_limit(going: Session, piece: Piece, music: Piece) -> None:
    limit, last = going.limit, int(max(piece.notes["start"].max(), piece.held.max()))
    starts = music.notes["start"]
    for most, end, onsets in (
        (limit.seconds, float(piece.seconds(last)), music.seconds(starts)),
        (limit.beats, last / piece.ticks_per_beat, starts / music.ticks_per_beat),
    ):
        if most is not None:
            beyond = onsets > end + most + 0.51
            require(
                not beyond.any(),
                expected=f"nothing later than {most} after {end:.2f}",
                got=f"an onset at {onsets.max(initial=0):.2f}",
                look="`now`",
            )


def _onsets(piece: Piece, ticks_per_beat: int) -> Counter[Any]:
    return Counter(
        piece.at_resolution(ticks_per_beat).notes[["start", "program", "pitch"]].tolist()
    )


def _positions(going: Session, piece: Piece, ticks: Any) -> NDArray[np.float64]:  # noqa: ANN401
    if going.clock == "seconds":
        return piece.seconds(ticks)
    return np.asarray(ticks / piece.ticks_per_beat)
