"""Which channel each note is written on.

A chunk is one (track, program). Up to 15 melodic chunks have a channel each, drums have channel 10
(number 9 here). More melodic chunks share channels:

1. In the order in which they begin, each chunk goes to a channel on which nothing sounds while it
   sounds: one that has its program, or an unused one, or any. Chunks of one program without pedals
   and controllers may also sound at once, if no key of theirs does.
2. A chunk for which there is none is split: each of its runs (what sounds without a silence) goes
   to a channel that is free then. If that is not enough, all chunks are split.
3. What is still left goes to the channel where it sounds for the shortest time together with
   others, if equal to one that has an instrument of its family (General MIDI's groups of eight).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.music.tables import DRUMS, Table

__all__ = ["DRUM_CHANNEL", "count_misplaced", "shared_channels", "simple_channels"]

DRUM_CHANNEL = 9

_MELODIC = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
_MOST_SPLIT = 4096  # chunks: 16 channels of each are as many tracks as a file can be read to

Integers = NDArray[np.int64]


def simple_channels(programs: NDArray[np.uint8]) -> Integers | None:
    """Return the channel (C,) of each chunk; None if melodic chunks have to share channels.

    programs: (C,) of the chunks.
    """
    melodic = np.flatnonzero(programs != DRUMS)
    if len(melodic) > len(_MELODIC):
        return None
    channels = np.full(len(programs), DRUM_CHANNEL)
    channels[melodic] = _MELODIC[: len(melodic)]
    return channels


def shared_channels(
    chunks: Integers, notes: Table, held: Integers, plain: NDArray[np.bool_]
) -> Integers:
    """Return the channel (N,) of each note.

    chunks: (N,) the chunk of each note, 0, 1 .. in rising order; notes: the notes in that order, by
    start in each chunk. held: (N,) where each stops sounding. plain: (chunks,) whether a chunk has
    neither pedals nor controllers.
    """
    bounds = np.flatnonzero(np.diff(chunks, prepend=-1)).astype(np.int64)
    melodic = np.flatnonzero(notes["program"][bounds] != DRUMS)
    stops = np.append(bounds[1:], len(notes))
    parts = [
        _part(chunk, int(bounds[chunk]), int(stops[chunk]), notes, held, plain)
        for chunk in melodic.tolist()
    ]
    return _place_all(parts, notes)


def count_misplaced(channels: Integers, notes: Table, held: Integers) -> int:
    """Return the number of notes that sound while their channel plays another program."""
    count = 0
    for channel in set(channels.tolist()) - {DRUM_CHANNEL}:
        here = channels == channel
        programs = notes["program"][here]
        if not len(programs) or (programs == programs[0]).all():
            continue
        starts, ends = notes["start"][here].astype(np.int64), held[here]
        for program in np.unique(programs):
            its, others = programs == program, programs != program
            begun = np.sort(starts[others]).searchsorted(ends[its])  # before each note ends
            over = np.sort(ends[others]).searchsorted(starts[its], side="right")
            count += int(np.count_nonzero(begun > over))
    return count


class _Spans:
    """Spans of ticks that do not overlap, by rising tick."""

    def __init__(self) -> None:
        self.begins: list[int] = []
        self.ends: list[int] = []

    def add(self, begin: int, end: int) -> None:
        """Add begin .. end (exclusive), joined with the spans that it overlaps or touches."""
        first = bisect_left(self.ends, begin)
        stop = bisect_right(self.begins, end)
        if first < stop:
            begin, end = min(begin, self.begins[first]), max(end, self.ends[stop - 1])
        self.begins[first:stop] = [begin]
        self.ends[first:stop] = [end]

    def shared(self, begin: int, end: int) -> int:
        """Return how many ticks of begin .. end (exclusive) lie in the spans."""
        first, stop = bisect_right(self.ends, begin), bisect_left(self.begins, end)
        return sum(min(end, self.ends[i]) - max(begin, self.begins[i]) for i in range(first, stop))


class _Part(NamedTuple):
    """A chunk, or a run of one: the notes first .. stop (exclusive), and the runs in them."""

    chunk: int
    program: int
    plain: bool
    first: int
    stop: int
    runs: list[tuple[int, int, int]]  # the first note, the tick it begins, one after it ends

    def split(self) -> list[_Part]:
        """Return each run as a part."""
        stops = [*(first for first, _, _ in self.runs[1:]), self.stop]
        return [
            self._replace(first=run[0], stop=stop, runs=[run])
            for run, stop in zip(self.runs, stops, strict=True)
        ]


def _part(
    chunk: int, first: int, stop: int, notes: Table, held: Integers, plain: NDArray[np.bool_]
) -> _Part:
    starts = notes["start"][first:stop].astype(np.int64)
    until = np.maximum.accumulate(held[first:stop])
    begins = np.flatnonzero(np.append(True, starts[1:] > until[:-1]))
    ends = until[np.append(begins[1:], len(starts)) - 1]
    # One tick is kept free, so that nothing depends on the order of chunks in the file.
    columns = (begins + first, starts[begins], ends + 1)
    runs = list(zip(*(column.tolist() for column in columns), strict=True))
    program = int(notes["program"][first])
    return _Part(chunk, program, bool(plain[chunk]), first, stop, runs)


class _Channel:
    """A channel while notes are given to it: when it sounds, and what."""

    def __init__(self) -> None:
        self.sounds = _Spans()
        self.keys: defaultdict[int, _Spans] = defaultdict(_Spans)
        self.programs: set[int] = set()
        self.chunks: set[int] = set()
        self.plain = True

    def add(self, part: _Part, notes: list[tuple[int, int, int]]) -> None:
        """Give it a part; notes: the start, end and key of each of its notes."""
        for _, begin, end in part.runs:
            self.sounds.add(begin, end)
        for start, end, key in notes:
            self.keys[key].add(start, end)
        self.programs.add(part.program)
        self.chunks.add(part.chunk)
        self.plain &= part.plain

    def shared(self, part: _Part) -> int:
        """Return for how many ticks both would sound."""
        return sum(self.sounds.shared(begin, end) for _, begin, end in part.runs)

    def is_free(self, part: _Part) -> bool:
        """Return whether nothing sounds while the part sounds."""
        return not any(self.sounds.shared(begin, end) for _, begin, end in part.runs)

    def can_join(self, part: _Part, notes: list[tuple[int, int, int]]) -> bool:
        """Return whether the part can sound together with what is there, and be heard the same."""
        return (
            self.plain
            and part.plain
            and self.programs == {part.program}
            and not any(self.keys[key].shared(start, end) for start, end, key in notes)
        )


class _Placement:
    """Channels that are given parts, one after another; `channels` (N,) is the result."""

    def __init__(self, notes: Table) -> None:
        self.channels = np.full(len(notes), DRUM_CHANNEL)
        self.misplaced = 0  # notes
        self._used = {channel: _Channel() for channel in _MELODIC}
        self._starts, self._keys = notes["start"].tolist(), notes["pitch"].tolist()
        self._ends = (notes["start"].astype(np.int64) + notes["duration"]).tolist()

    def place(self, part: _Part) -> bool:
        """Give a part to a channel that is free for it; return whether there is one."""
        preferences: tuple[Callable[[_Channel], bool], ...] = (
            lambda channel: part.chunk in channel.chunks and channel.is_free(part),
            lambda channel: part.program in channel.programs and channel.is_free(part),
            lambda channel: channel.can_join(part, self._notes(part)),
            lambda channel: not channel.programs,
            lambda channel: channel.is_free(part),
        )
        for suits in preferences:
            for number, channel in self._used.items():
                if suits(channel):
                    self._give(part, number)
                    return True
        return False

    def force(self, part: _Part) -> None:
        """Give a part to the channel where it does the least harm (the third rule)."""

        def harm(number: int) -> tuple[int, bool, int, int]:
            channel = self._used[number]
            kin = any(program >> 3 == part.program >> 3 for program in channel.programs)
            return channel.shared(part), not kin, len(channel.chunks), number

        self.misplaced += part.stop - part.first
        self._give(part, min(self._used, key=harm))

    def _give(self, part: _Part, number: int) -> None:
        self._used[number].add(part, self._notes(part))
        self.channels[part.first : part.stop] = number

    def _notes(self, part: _Part) -> list[tuple[int, int, int]]:
        its = slice(part.first, part.stop)
        return list(zip(self._starts[its], self._ends[its], self._keys[its], strict=True))


def _by_begin(parts: list[_Part]) -> list[_Part]:
    return sorted(parts, key=lambda part: (part.runs[0][1], part.chunk))


def _place_all(parts: list[_Part], notes: Table) -> Integers:
    """Return the channel (N,) of each note, given the melodic chunks as parts."""
    first = _Placement(notes)
    left = [part for part in _by_begin(parts) if not first.place(part)]
    if left and len(parts) > _MOST_SPLIT:
        for part in left:
            first.force(part)
        return first.channels
    _place_runs(first, left)
    if not first.misplaced:
        return first.channels
    second = _Placement(notes)
    _place_runs(second, parts)
    return (second if second.misplaced < first.misplaced else first).channels


def _place_runs(placement: _Placement, parts: list[_Part]) -> None:
    for run in _by_begin([run for part in parts for run in part.split()]):
        if not placement.place(run):
            placement.force(run)
