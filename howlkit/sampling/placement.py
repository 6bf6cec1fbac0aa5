"""Where music stands that follows a prompt: on the prompt's own time line, never inside it.

An encoder may shorten a long rest, leave out drums or round an onset, so that the steps of a prompt
end earlier than the prompt does. Three things keep new music behind it:

- Steps that end early, because a rest was shortened, are moved: `PromptEnd.ahead`.
- If the first new note would still begin before the last onset, because the encoder left out the
  notes there, all new music is moved on (`missing`): by whole bars if the encoder counts beats, so
  that notes keep their positions in the bar, or else by the seconds that are missing.
- A new note at the grid position to which the last onset was rounded down begins with it.

Positions are those of the encoder's clock: beats or seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.arrays import run_bounds
from howlkit.errors import HowlkitError, printable
from howlkit.music.piece import DRUMS, FOREVER, MAX_TICK, TEMPO, Piece
from howlkit.music.tables import Table
from howlkit.plugins.checked_encoder import CheckedEncoder
from howlkit.schema import END, Steps

__all__ = ["PromptEnd", "new_rows", "without_end_row"]

NEAR = 1e-6
"""Positions that differ by less are one."""

FAR = 1.0
"""Beats or seconds: more than any grid rounds by."""


@dataclass(frozen=True)
class PromptEnd:
    """Where a prompt ends.

    piece: the prompt. clock: the encoder's. last: the position of its last onset, rounded as the
    encoder rounds. ahead: how much later than in the decoded steps the notes stand in the prompt,
    at its end. kept: whether the steps have notes of the last onset, which new notes then follow.
    """

    piece: Piece
    clock: Literal["beats", "seconds"]
    last: float
    ahead: float
    kept: bool

    @classmethod
    def of(cls, encoder: CheckedEncoder, piece: Piece, steps: Steps) -> PromptEnd | None:
        """Return the end of a prompt whose steps, without an end row, are `steps`.

        None for a prompt without notes. Raises HowlkitError if the encoder keeps none of its notes.
        """
        if not len(piece):
            return None
        prompt, clock = _Prompt(encoder, piece), encoder.schema.clock
        decoded = prompt.last_onset(steps)
        last = prompt.rounded(prompt.chords)
        if last is not None and abs(last - decoded) < NEAR:
            return cls(piece, clock, last, 0.0, kept=True)
        found = prompt.chord_at(decoded)
        if not found:
            raise HowlkitError(_nothing_kept(encoder, piece))
        there = prompt.rounded(found)
        ahead = max(0.0, (prompt.position(found) if there is None else there) - decoded)
        kept = found == prompt.chords
        if not kept:
            last = prompt.rounded(found, at=prompt.chords)
        if last is None:
            last = prompt.position(prompt.chords)
        return cls(piece, clock, last, ahead, kept)

    def missing(self, first: float) -> float:
        """Return how much later music must begin whose first note would begin at `first`.

        In beats these are whole bars: the music keeps its place in the bar, in the metre at the end
        of the prompt.
        """
        if first > self.last - NEAR:
            return 0.0
        if self.clock == "seconds":
            return self.last - first
        piece, per_beat = self.piece, self.piece.ticks_per_beat
        at, last = round(first * per_beat), round(self.last * per_beat)
        bar, length = piece.bar_at(last)
        target = bar + at - piece.bar_at(at)[0]
        target += -(-max(0, last - target) // length) * length
        return (target - at) / per_beat

    def continued(self, music: Piece, by: float, *, since: int, maps: tuple[str, ...]) -> Piece:
        """Return what was made after the prompt, on the time line of the prompt.

        music: as decoded. by: how much later it stands. since, maps: changes in these tables, such
        as "tempos", after tick `since` move too.
        """
        if by:
            music = _moved(music, by, self.clock, since=since, maps=maps)
        last = self._tick_in(music)
        first = int(music.notes["start"].min(initial=last))
        # An encoder that writes a piece track by track goes back to its beginning.
        if self._position(music, last) - self._position(music, first) >= FAR:
            more = self.missing(self._position(music, first))
            music = _moved(music, more, self.clock, since=since, maps=maps)
        return music.replace(notes=_begin_at(music.notes, last))

    def _position(self, piece: Piece, tick: int) -> float:
        return (
            float(piece.seconds(tick)) if self.clock == "seconds" else tick / piece.ticks_per_beat
        )

    def _tick_in(self, piece: Piece) -> int:
        """Return the first tick of another piece that is not before the last onset."""
        last = int(self.piece.notes["start"][-1])
        if self.clock == "beats":
            return -(-last * piece.ticks_per_beat // self.piece.ticks_per_beat)
        seconds = float(self.piece.seconds(last))
        tick = int(piece.ticks(seconds))
        return tick + int(piece.seconds(tick) < seconds - 1e-9)


@dataclass(frozen=True)
class _Prompt:
    """A prompt, to ask its encoder about; chords (notes that begin together) count from 1."""

    encoder: CheckedEncoder
    piece: Piece

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """Return the first note of each chord, and the number of notes."""
        return run_bounds(self.piece.notes["start"])

    @property
    def chords(self) -> int:
        """The number of chords."""
        return len(self._bounds) - 1

    def position(self, chord: int) -> float:
        """Return where a chord stands."""
        tick = self.piece.notes["start"][self._bounds[chord - 1]]
        if self.encoder.schema.clock == "beats":
            return float(tick / self.piece.ticks_per_beat)
        return float(self.piece.seconds(tick))

    def last_onset(self, steps: Steps) -> float:
        """Return the position of the last onset in decoded steps; -1 without notes."""
        return float(_positions(self.encoder, self.encoder.decode(steps)).max(initial=-1.0))

    def chord_at(self, decoded: float) -> int:
        """Return the chord whose notes stand at `decoded`, the last onset in the decoded steps.

        It is the first chord with which the steps reach so far; 0 without notes in the steps.
        """

        def reaches(chords: int) -> bool:
            notes = self.piece.notes[: self._bounds[chords]]
            part = self.piece.replace(notes=notes, until=FOREVER, has_end=False)
            return self.last_onset(without_end_row(self.encoder.encode(part))) > decoded - NEAR

        if decoded < 0:
            return 0
        low, step = self.chords - 1, 1
        while low > 0 and reaches(low):  # usually few of the last chords are left out
            low, step = low - step, 2 * step
        return bisect_left(range(self.chords), True, max(low, 0) + 1, key=reaches)

    def rounded(self, chord: int, *, at: int | None = None) -> float | None:
        """Return where the encoder puts a chord if no rest is before it; None if it is left out.

        The chord is encoded alone, whole beats or seconds earlier, which no grid can tell apart.
        at: the chord at whose position it is to stand; None: its own.
        """
        first, stop = self._bounds[chord - 1 : chord + 1]
        notes = self.piece.notes[first:stop].copy()
        position = self.position(chord if at is None else at)
        earlier = math.floor(position)
        if self.encoder.schema.clock == "beats":
            per_beat, tempos = self.piece.ticks_per_beat, Piece().tempos
            tick = int(self.piece.notes["start"][self._bounds[(at or chord) - 1]])
            notes["start"] = tick - earlier * per_beat
        else:  # a tick is a microsecond, so that the fraction of a second is kept
            per_beat, tempos = 1000, np.array([(0, 1000)], TEMPO)
            notes["start"] = round((position - earlier) * 1e6)
        notes["duration"] = per_beat
        steps = without_end_row(self.encoder.encode(Piece(notes, per_beat, tempos=tempos)))
        found = _positions(self.encoder, self.encoder.decode(steps))
        return float(found.min()) + earlier if len(found) else None


def _positions(encoder: CheckedEncoder, piece: Piece) -> NDArray[np.float64]:
    """Return the onsets (N,) of a decoded piece."""
    starts = piece.notes["start"]
    if encoder.schema.clock == "beats":
        return np.asarray(starts / piece.ticks_per_beat)
    return piece.seconds(starts)


def without_end_row(steps: Steps) -> Steps:
    """Return steps without their end row."""
    return np.asarray(steps[steps["mark"] != END])


def _nothing_kept(encoder: CheckedEncoder, piece: Piece) -> str:
    notes = piece.notes
    drums = int(np.count_nonzero(notes["program"] == DRUMS))
    which = "all of them drums" if drums == len(notes) else f"{drums} of them drums"
    return (
        f"the encoder {encoder.name!r} leaves out all {len(notes)} notes of the prompt "
        f"{printable(piece.name)}, {which}, so there is nothing to go on from; give another prompt "
        "or none, or take a run whose encoder keeps them"
    )


def _moved(piece: Piece, by: float, clock: str, *, since: int, maps: tuple[str, ...]) -> Piece:
    """Return a piece with its notes and pedals later by so many beats or seconds.

    since, maps: as in `PromptEnd.continued`. Notes that would begin after MAX_TICK are left out.
    """

    def later(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        if clock == "beats":
            return np.asarray(ticks + round(by * piece.ticks_per_beat))
        return piece.ticks(piece.seconds(ticks) + by)

    changed = {}
    for name in ("notes", "pedals"):
        table = getattr(piece, name)
        start, end = (later(table["start"].astype(np.int64) + n) for n in (0, table["duration"]))
        table = table.compress(start < MAX_TICK)
        start, end = (ticks[start < MAX_TICK] for ticks in (start, end))
        table["duration"] = np.maximum(np.minimum(end, MAX_TICK) - start, 1)
        table["start"] = start
        changed[name] = table
    for name in maps:
        table = getattr(piece, name).copy()
        ticks = table["tick"].astype(np.int64)
        ticks = np.where(ticks > since, later(ticks), ticks)
        table["tick"] = np.minimum(ticks, MAX_TICK)
        changed[name] = table.compress(ticks <= MAX_TICK)
    return piece.replace(**changed)


def _begin_at(notes: Table, tick: int) -> Table:
    """Return notes of which those that begin before `tick` begin there, with the ends they had."""
    notes = notes.copy()
    end = notes["start"].astype(np.int64) + notes["duration"]
    notes["start"] = np.maximum(notes["start"], tick)
    notes["duration"] = np.maximum(np.minimum(end, MAX_TICK) - notes["start"], 1)
    return notes


def new_rows(whole: Table, fed: Table, columns: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return (N,): which rows of `whole` are not among `fed`, compared by these columns.

    Of equal rows, the first are those that were fed: their durations may have grown since.
    """
    both = np.concatenate((fed, whole))
    keys = np.stack([both[name].astype(np.int64) for name in columns], axis=1)
    kind = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    here = kind[len(fed) :]
    order = here.argsort(kind="stable")
    bounds = run_bounds(here[order])
    rank = np.empty(len(here), np.int64)  # of a row among its equals
    rank[order] = np.arange(len(here)) - np.repeat(bounds[:-1], np.diff(bounds))
    counts = np.bincount(kind[: len(fed)], minlength=int(kind.max(initial=-1)) + 1)
    return np.asarray(rank >= counts[here])
