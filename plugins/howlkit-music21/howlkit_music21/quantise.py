"""Turns notes as played into values that people read: sixteenths and triplets, voices, chords.

Positions are whole units, `UNITS` (24) a quarter: a sixteenth is 6, a triplet eighth 8. Each
quarter of each staff is divided into four sixteenths or three triplet eighths, whichever is nearer
to the notes that begin in it; triplets must win clearly, since they are rarer and harder to read.
Where successive notes would fall together, the quarter is divided twice as finely.
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
"""Notes at least this many quarters apart are successive; closer ones are a chord."""

TRIPLETS_WIN = 0.6
"""Triplets win if their squared error is below this share of that of sixteenths."""

LEGATO = 0.5
"""A note that sounds for this share of the time to the next one is written to last until it."""

Table = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Event:
    """A note or chord: start and stop in units, and its pitches, rising."""

    start: int
    stop: int
    pitches: tuple[int, ...]


@dataclass
class Voice:
    """Events that do not overlap, in order."""

    events: list[Event] = field(default_factory=list)

    @property
    def free(self) -> int:
        """The unit at which its last event stops."""
        return self.events[-1].stop if self.events else 0

    @property
    def height(self) -> float:
        """The mean pitch of its last event; 60 if it has none."""
        return float(np.mean(self.events[-1].pitches)) if self.events else 60.0


def voices_of(notes: Table, ticks_per_beat: int, beats: Table, *, most: int = 2) -> list[Voice]:
    """Return the notes of a staff as at most `most` voices of events that do not overlap.

    notes: rows of `howlkit.music.NOTE`, sorted by start. beats: the starts of all beats, in units,
    rising, until after the last note. Where more events sound at once than there are voices, held
    ones are cut short.
    """
    starts, stops = _snapped(notes, ticks_per_beat, beats)
    chords = _chords(starts, stops, notes["pitch"].tolist())
    # A note played short is written until the next onset in any voice, or the next beat.
    goals = np.union1d([event.start for event in chords], beats)
    onsets = {event.start for event in chords}
    voices: list[Voice] = []
    for event in chords:
        _place(voices, event, most)
    return [Voice(_filled(voice.events, goals, onsets)) for voice in voices]


def _snapped(notes: Table, ticks_per_beat: int, beats: Table) -> tuple[list[int], list[int]]:
    """Return the starts and stops of notes, in units, on the grids of their beats."""
    starts = notes["start"] * (UNITS / ticks_per_beat)
    stops = starts + notes["duration"] * (UNITS / ticks_per_beat)
    lengths = np.diff(beats, append=beats[-1] + UNITS)
    step = np.full(len(beats), SIXTEENTH)
    beat = _beat_of(starts, beats)
    firsts = np.flatnonzero(np.diff(beat, prepend=-1))
    for index, within in zip(beat[firsts], np.split(starts - beats[beat], firsts[1:]), strict=True):
        step[index] = _step(within, triplets=lengths[index] == UNITS)
    begun = _on(starts, beats, lengths, step)
    # A stop takes the grid of the beat that it falls in: no beat may mix both grids.
    shortest = begun + step[_beat_of(begun, beats)]
    return begun.tolist(), np.maximum(_on(stops, beats, lengths, step), shortest).tolist()


def _beat_of(at: Table, beats: Table) -> Table:
    return np.searchsorted(beats, at + 1e-6, side="right") - 1


def _on(at: Table, beats: Table, lengths: Table, step: Table) -> Table:
    """Return positions rounded to the grids of the beats that they fall in; all in units."""
    beat = _beat_of(at, beats)
    within = np.round((at - beats[beat]) / step[beat]).astype(int) * step[beat]
    return np.asarray(beats[beat] + np.minimum(within, lengths[beat]))


def _step(within: Table, *, triplets: bool) -> int:
    """Return the step of a beat's grid; within: the onsets in the beat, in units, rising."""
    found = _nearer(within, SIXTEENTH, TRIPLET) if triplets else SIXTEENTH
    apart = np.diff(within) >= APART * UNITS
    places = np.round(within / found)
    if not (apart & (np.diff(places) == 0)).any():
        return found
    return _nearer(within, SIXTEENTH // 2, TRIPLET // 2) if triplets else SIXTEENTH // 2


def _nearer(within: Table, straight: int, triplet: int) -> int:
    errors = [
        float(((within - np.round(within / step) * step) ** 2).sum())
        for step in (straight, triplet)
    ]
    return triplet if errors[1] < TRIPLETS_WIN * errors[0] - 1e-9 else straight


def _chords(starts: Iterable[int], stops: Iterable[int], pitches: Sequence[int]) -> list[Event]:
    """Return notes that begin and end together as one event; events by start, the highest first.

    Notes that begin together and end at most a sixteenth apart are meant to end together.
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
    """Put an event into the nearest free voice, into a new one, or into one that is cut short."""

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


def _filled(events: list[Event], goals: Table, onsets: set[int]) -> list[Event]:
    """Return the events with small gaps closed, since notes are played a little short.

    goals: the units to which events may be lengthened, rising. onsets: the goals at which a note
    begins.
    """
    result = []
    following = [*(event.start for event in events[1:]), None]
    for event, following_start in zip(events, following, strict=True):
        goal = _goal(event, goals, onsets)
        goal = min(goal, following_start) if following_start is not None else goal
        long, room = event.stop - event.start, goal - event.start
        if 0 < room - long < UNITS and long >= LEGATO * room:  # a longer gap is a rest
            event = Event(event.start, goal, event.pitches)
        result.append(event)
    return result


def _goal(event: Event, goals: Table, onsets: set[int]) -> int:
    """Return the next onset if it is one of the next two goals, else the next goal."""
    following = [int(goal) for goal in goals[np.searchsorted(goals, event.stop) :][:2]]
    return next((goal for goal in following if goal in onsets), (following or [event.stop])[0])
