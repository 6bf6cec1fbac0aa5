"""Notes as played to values that people read: sixteenths and triplets, voices, chords.

Positions are whole `UNITS` a quarter, 24: a sixteenth is 6, a triplet eighth 8. Each quarter of each
staff is taken as four sixteenths or as three triplet eighths, whichever lies nearer to the notes
that begin in it; triplets must win clearly, since they are rarer and harder to read. Only where
notes one after the other would fall together, it is taken as twice as many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["UNITS", "Event", "Voice", "voices_of"]

UNITS = 24
"""Units a quarter."""

SIXTEENTH, TRIPLET = 6, 8

APART = 0.11
"""Quarters from which on two notes are one after the other, not a chord."""

TRIPLETS_WIN = 0.6
"""Triplets are taken where their squared error is less than so many times that of sixteenths."""

LEGATO = 0.5
"""A note that sounds for at least this share of the time to the next one is written as long."""

Table = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Event:
    """A note or chord: where it starts and stops, in units, and its pitches, rising."""

    start: int
    stop: int
    pitches: tuple[int, ...]


@dataclass
class Voice:
    """Events one after the other."""

    events: list[Event] = field(default_factory=list)

    @property
    def free(self) -> int:
        """The unit from which on it is silent."""
        return self.events[-1].stop if self.events else 0

    @property
    def height(self) -> float:
        """How high it is now, as a pitch."""
        return float(np.mean(self.events[-1].pitches)) if self.events else 60.0


def voices_of(notes: Table, ticks_per_beat: int, *, most: int = 2) -> list[Voice]:
    """Return the notes of a staff as voices of events that do not overlap, at most `most`.

    notes: rows of `howlkit.piece.NOTE`, sorted by start. Where more sounds at once, held notes are
    cut short.
    """
    starts, stops = _snapped(notes, ticks_per_beat)
    chords = _chords(starts, stops, notes["pitch"].tolist())
    onsets = sorted({event.start for event in chords})
    voices: list[Voice] = []
    for event in chords:
        _place(voices, event, most)
    return [Voice(_filled(voice.events, onsets)) for voice in voices]


def _snapped(notes: Table, ticks_per_beat: int) -> tuple[list[int], list[int]]:
    """Return the starts and stops of notes in units, each on the grid of its beat."""
    starts = notes["start"].astype(np.float64) / ticks_per_beat
    stops = starts + notes["duration"] / ticks_per_beat
    step = np.full(int(stops.max(initial=0)) + 3, SIXTEENTH)
    beats = np.floor(starts).astype(int)
    firsts = np.flatnonzero(np.diff(beats, prepend=-1))
    for beat, within in zip(beats[firsts], np.split(starts - beats, firsts[1:]), strict=True):
        step[beat] = _step(within)
    begun = _on(starts, step)
    # An end must not make a beat a mixture of both grids: it takes that of where it falls.
    ended = np.maximum(_on(stops, step), begun + step[begun // UNITS])
    return begun.tolist(), ended.tolist()


def _step(at: Table) -> int:
    """Return the step of the grid that a beat is written on, by where in it notes begin, rising."""
    found = _nearer(at, SIXTEENTH, TRIPLET)
    chords = np.cumsum(np.diff(at, prepend=at[0]) >= APART)
    places = np.round(at * UNITS / found)
    if len(np.unique(places)) < len(np.unique(chords)):
        found = _nearer(at, SIXTEENTH // 2, TRIPLET // 2)
    return found


def _nearer(at: Table, straight: int, triplet: int) -> int:
    errors = [
        float(((at * UNITS / step - np.round(at * UNITS / step)) ** 2).sum()) * step**2
        for step in (straight, triplet)
    ]
    return triplet if errors[1] < TRIPLETS_WIN * errors[0] - 1e-9 else straight


def _on(at: Table, step: Table) -> Table:
    """Return positions in quarters, on the grid of the beat that they fall in, in units."""
    beat = np.floor(at + 1e-9).astype(int)
    within = np.round((at - beat) * UNITS / step[beat]) * step[beat]
    return np.asarray(beat * UNITS + within.astype(int))


def _chords(starts: Iterable[int], stops: Iterable[int], pitches: Sequence[int]) -> list[Event]:
    """Return notes that begin and end together as one event, by start, the highest first.

    Those that begin together and end a sixteenth apart or less end together, as they were meant to.
    """
    by_start: dict[int, list[tuple[int, int]]] = {}
    for start, stop, pitch in zip(starts, stops, pitches, strict=True):
        by_start.setdefault(start, []).append((stop, pitch))
    events = []
    for start, notes in sorted(by_start.items()):
        groups: list[list[tuple[int, int]]] = []
        for stop, pitch in sorted(notes):
            if groups and stop - groups[-1][0][0] <= SIXTEENTH:
                groups[-1].append((stop, pitch))
            else:
                groups.append([(stop, pitch)])
        found = [
            Event(start, max(s for s, _ in group), tuple(sorted({p for _, p in group})))
            for group in groups
        ]
        events += sorted(found, key=lambda event: -event.pitches[-1])
    return events


def _place(voices: list[Voice], event: Event, most: int) -> None:
    """Put an event into the free voice nearest in pitch, a new one, or one that is cut short."""

    def distance(voice: Voice) -> float:
        return abs(voice.height - float(np.mean(event.pitches)))

    free = [voice for voice in voices if voice.free <= event.start]
    if free:
        # A gap that is short is part of a line; after a long one, the first voice is as good.
        min(free, key=distance).events.append(event)
    elif len(voices) < most:
        voices.append(Voice([event]))
    else:
        voice = min(voices, key=distance)
        last = voice.events[-1]
        if last.start == event.start:  # nothing left to cut: one chord of both
            pitches = tuple(sorted({*last.pitches, *event.pitches}))
            voice.events[-1] = Event(last.start, max(last.stop, event.stop), pitches)
        else:
            voice.events[-1] = Event(last.start, event.start, last.pitches)
            voice.events.append(event)


def _filled(events: list[Event], onsets: list[int]) -> list[Event]:
    """Return the events with small gaps closed: what is played a little short is written whole."""
    result = []
    following = [*(event.start for event in events[1:]), None]
    for event, stop in zip(events, following, strict=True):
        later = np.searchsorted(onsets, event.stop)
        goal = onsets[later] if later < len(onsets) else -(-event.stop // UNITS) * UNITS
        goal = min(goal, stop) if stop is not None else goal
        room = goal - event.start
        long = event.stop - event.start
        if long < room <= 4 * UNITS and long >= LEGATO * room:
            event = Event(event.start, goal, event.pitches)
        result.append(event)
    return result
