"""Strokes and releases of keys to notes.

Where strokes of one key sound at once, the first is the first to end: MIDI cannot say which of them
a release means. A release counts within its track chunk first; what stays unmatched there is
matched across the chunks of the same channel (at one port), in the same way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from howlkit.music.midi.exact.events import Chunk, Message

__all__ = ["Struck", "notes_of", "silences_of"]

_CONTROLLER = 0xB0
_ALL_SOUND_OFF, _ALL_NOTES_OFF = 120, 123


@dataclass(slots=True, eq=False)
class Struck:
    """A note: when it begins and ends (ticks), its key (`Chunk`), its velocity, and where it is.

    order: how many strokes and releases stand before it in its chunk. end: -1 until it is found.
    """

    start: int
    key: int
    velocity: int
    chunk: int
    order: int
    end: int = -1


def silences_of(chunks: Sequence[Chunk]) -> dict[int, list[int]]:
    """Return by channel the ticks, rising, of the messages that end all its notes."""
    found: dict[int, list[int]] = {}
    for chunk in chunks:
        for event in chunk.others:
            if (
                isinstance(event, Message)
                and event.kind == _CONTROLLER
                and event.number in (_ALL_SOUND_OFF, _ALL_NOTES_OFF)
            ):
                found.setdefault(event.channel, []).append(event.tick)
    return {channel: sorted(set(ticks)) for channel, ticks in found.items()}


def notes_of(chunks: Sequence[Chunk], repairs: Counter[str]) -> list[Struck]:
    """Return the notes of all chunks, in the order of their strokes; count what was mended.

    A message that ends all notes of a channel ends those that began before its tick. A note that
    nothing ends lasts to the end of its chunk, and at least a tick. Of no length are notes whose
    key is released at the tick of its stroke.
    """
    silences = silences_of(chunks)
    notes: list[Struck] = []
    unmatched: list[Struck] = []
    releases: list[tuple[int, int, int]] = []  # tick, chunk, key: those that match nothing
    for index, chunk in enumerate(chunks):
        _pair(chunk, index, silences, notes, unmatched, releases)
    if unmatched and releases:
        unmatched = _pair_across(unmatched, releases, repairs)
    for note in unmatched:
        if note.end >= 0:
            repairs["silenced_notes"] += 1
        else:
            note.end = max(chunks[note.chunk].end, note.start + 1)
            repairs["unreleased_notes"] += 1
    return notes


def _pair(
    chunk: Chunk,
    index: int,
    silences: Mapping[int, Sequence[int]],
    notes: list[Struck],
    unmatched: list[Struck],
    releases: list[tuple[int, int, int]],
) -> None:
    """Pair the strokes and releases of one chunk; hand on those that stay unmatched.

    Unmatched notes have an end if a message ends all notes, unless they are released before it.
    """
    sounding: dict[int, deque[Struck]] = {}
    events = zip(chunk.ticks, chunk.keys, chunk.velocities, strict=True)
    for order, (tick, key, velocity) in enumerate(events):
        queue = sounding.get(key)
        if queue and silences:
            until = tick if velocity else tick - 1  # a release at the tick of a silence comes first
            _silence(queue, silences.get(key >> 7, ()), until, unmatched)
        if velocity:
            note = Struck(tick, key, velocity, index, order)
            notes.append(note)
            if queue is None:
                queue = sounding[key] = deque()
            queue.append(note)
        elif queue:
            queue.popleft().end = tick
        else:
            releases.append((tick, index, key))
    for key, queue in sounding.items():
        if queue:
            _silence(queue, silences.get(key >> 7, ()), None, unmatched)
            unmatched += queue


def _silence(
    queue: deque[Struck], ticks: Sequence[int], until: int | None, unmatched: list[Struck]
) -> None:
    """End the notes of a key at the first of `ticks` after each began; until: of those up to it."""
    while queue:
        following = bisect_right(ticks, queue[0].start)
        if following == len(ticks) or (until is not None and ticks[following] > until):
            return
        note = queue.popleft()
        note.end = ticks[following]
        unmatched.append(note)


def _pair_across(
    unmatched: list[Struck], releases: list[tuple[int, int, int]], repairs: Counter[str]
) -> list[Struck]:
    """Pair what chunks could not, by key over all of them; return the notes not released."""
    sounding: dict[int, deque[Struck]] = {}
    released: set[Struck] = set()
    for note in sorted(unmatched, key=lambda note: (note.start, note.chunk, note.order)):
        sounding.setdefault(note.key, deque()).append(note)
    for tick, _, key in sorted(releases):
        queue = sounding.get(key)
        while queue and 0 <= queue[0].end < tick:  # a message has ended it
            queue.popleft()
        if queue and queue[0].start < tick:
            note = queue.popleft()
            note.end = tick
            released.add(note)
    repairs["released_elsewhere"] += len(released)
    return [note for note in unmatched if note not in released]
