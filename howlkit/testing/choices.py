"""Choices of notes, and what sounds meanwhile, to try rules on: made by hand, and at random.

What is made at random is all that `howlkit.note_choices` allows, not only what encoders say today.
Shapes: B rows, n choices.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howlkit.constraints.heard import (
    FIRST,
    LAGS,
    LAST_ONSET,
    LAST_PITCH,
    NEWEST,
    NOTES,
    ONSET,
    PITCH,
    PROGRAM,
    TRACK,
    UNTIL,
    Heard,
)
from howlkit.note_choices import AHEAD, BEGINS, COMING, LASTS, NOTHING, OPEN, UNKNOWN, NoteChoices

__all__ = ["ROLES", "chosen", "every_key", "new_notes", "random_choices", "random_heard", "unknown"]

ROLES = {
    "NOTHING": NOTHING,
    "COMING": COMING,
    "LASTS": LASTS,
    "BEGINS": BEGINS,
    "AHEAD": AHEAD,
}
PITCHES = (36, 60, 61, 64, 67, 127)  # few, so that many choices are of keys that sound
PROGRAMS = (0, 40, 128)
TRACKS = 3
MOST_UNITS = 40  # beats or seconds that have been heard


def new_notes(
    pitch: ArrayLike,
    *,
    onset: ArrayLike = 0,
    program: ArrayLike = 0,
    track: ArrayLike = 0,
    end: ArrayLike = UNKNOWN,
) -> NoteChoices:
    """Return (1, n) choices that begin a note each.

    Arguments: a number for all, or one for each. onset, end: positions, `Setting.divisions` of them
    a beat or second.

    >>> new_notes([60, 62], onset=24).onset
    array([[24, 24]])
    """
    parts = np.broadcast_arrays(*map(np.atleast_1d, (pitch, program, track, onset, end)))
    pitches, programs, tracks, onsets, ends = (part[None].astype(np.int64) for part in parts)
    role = np.full(pitches.shape, BEGINS, np.uint8)
    return NoteChoices(role, onsets, pitches, programs, tracks, ends)


def every_key() -> NoteChoices:
    """Return (1, 128 * 129) choices: a note of each pitch and program, at position 0."""
    pitch, program = np.indices((128, 129)).reshape(2, -1)
    return new_notes(pitch, program=program)


def unknown(role: int, *, rows: int) -> NoteChoices:
    """Return (B, 3) choices of a role of which nothing is decided yet."""
    shape = rows, 3
    nothing = (np.full(shape, UNKNOWN) for _ in range(5))
    return NoteChoices(np.full(shape, role, np.uint8), *nothing)


def chosen(choices: NoteChoices, rows: slice) -> NoteChoices:
    """Return copies of some rows of the choices."""
    parts = (getattr(choices, field.name) for field in dataclasses.fields(choices))
    return NoteChoices(*(part[rows].copy() for part in parts))


def random_choices(
    rng: np.random.Generator, heard: Heard, *, divisions: int, choices: int
) -> NoteChoices:
    """Return (B, n) choices of every role, of keys that sound and of others.

    One in eight is of a pitch that no note has: of those that a grammar does not allow.
    """
    shape = len(heard.at), choices
    role = rng.choice([*ROLES.values()], size=shape).astype(np.uint8)
    last = np.maximum(heard.at[:, LAST_ONSET], 0)[:, None]
    onset = last + rng.integers(0, 4 * divisions, shape) * rng.integers(0, 2, shape)
    pitch = np.where(
        rng.random(shape) < 0.5, rng.choice(PITCHES, shape), rng.integers(0, 128, shape)
    )
    pitch = np.where(rng.random(shape) < 1 / 8, rng.integers(UNKNOWN, 140, shape), pitch)
    program = rng.choice(PROGRAMS, shape)
    track = rng.integers(0, TRACKS, shape)
    end = onset + rng.integers(0, 8 * divisions, shape)
    end = np.where(rng.random(shape) < 0.2, OPEN, end)

    def often(values: NDArray[np.int64], where: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.where(where & (rng.random(shape) < 0.5), UNKNOWN, values)

    none, ahead = role == NOTHING, role == AHEAD
    partly = none | (role == COMING)
    pitch, program, track, end = (
        np.where(ahead, UNKNOWN, values) for values in (pitch, program, track, end)
    )
    return NoteChoices(
        role=role,
        onset=often(onset, none),
        pitch=often(pitch, partly | (role == LASTS)),
        program=often(program, partly),
        track=often(track, partly),
        end=often(end, role != LASTS),
    )


def random_heard(rng: np.random.Generator, *, rows: int, divisions: int) -> Heard:
    """Return B rows in the middle of their music; the first has heard nothing."""
    places = int(rng.integers(1, 48))
    shape = rows, places
    last = rng.integers(0, MOST_UNITS * divisions, rows)
    notes = np.zeros((*shape, 5), np.int64)
    notes[..., PITCH] = rng.choice(PITCHES, shape)
    notes[..., PROGRAM] = rng.choice(PROGRAMS, shape)
    notes[..., TRACK] = rng.integers(0, TRACKS, shape)
    notes[..., ONSET] = rng.integers(0, last[:, None] + 1, shape)
    lengths = rng.integers(1, 8 * divisions + 1, shape)
    until = np.where(rng.random(shape) < 0.1, OPEN, notes[..., ONSET] + lengths)
    notes[..., UNTIL] = np.where(rng.random(shape) < 0.5, 0, until)
    at = np.full((rows, 5), UNKNOWN, np.int64)
    at[:, NOTES] = rng.integers(1, 100, rows)
    at[:, FIRST] = rng.integers(0, last + 1)
    at[:, LAST_ONSET], at[:, LAST_PITCH] = last, rng.choice(PITCHES, rows)
    at[:, NEWEST] = rng.integers(0, places, rows)
    moves = np.stack(
        [rng.integers(-4, 5, (rows, LAGS)), rng.integers(-1, divisions + 1, (rows, LAGS))], axis=2
    )
    runs = rng.integers(0, 12, (rows, LAGS))
    moved = rng.integers(-divisions, 16 * divisions, rows)
    heard = Heard(notes, at, moves, runs, moved)
    fresh = Heard.nothing(1)
    heard.notes[0], heard.at[0] = 0, fresh.at[0]
    heard.moves[0], heard.runs[0], heard.moved[0] = fresh.moves[0], fresh.runs[0], fresh.moved[0]
    return heard
