"""symusic's tracks, and which chunk and channel each comes from.

They come by chunk, channel and program, and each chunk and channel has one note at our end
(closing.py), in the last of its programs. So these notes say where a track comes from, and a track
without one is another program of its channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.music.midi.limits import Limits, check_count
from howlkit.music.midi.quick.closing import FAR, Place
from howlkit.music.midi.quick.doubts import NotPlainError, Plain
from howlkit.music.tables import DRUMS, NOTE, Table

__all__ = [
    "BANK",
    "RESET_ALL",
    "SILENCING",
    "SUSTAIN",
    "Columns",
    "Controls",
    "Track",
    "noted",
    "notes_of",
    "tracks_of",
]

SUSTAIN, RESET_ALL, BANK = 64, 121, 0
SILENCING = (120, 123)
_TELLING = [SUSTAIN, RESET_ALL, BANK, *SILENCING]  # controllers that are looked at

Columns = dict[str, NDArray[Any]]
"""symusic's columns of notes or of controllers, by name."""

_NOTE_COLUMNS = ("time", "duration", "pitch", "velocity")


class Controls(NamedTuple):
    """The controllers of a track: their columns, and how many there are of each number (128,)."""

    columns: Columns
    counts: NDArray[np.int64]


@dataclass(slots=True)
class Track:
    """A track of symusic's.

    begin, stop: its notes among all, without the one at our end. place: its chunk and channel; None
    if it is one of several programs of a channel and not the last. end: the last tick of its chunk.
    program: 0..127 or DRUMS. controls: its controllers, if one is looked at.
    """

    begin: int
    stop: int
    place: Place | None
    end: int
    program: int
    controls: Controls | None

    @property
    def count(self) -> int:
        """The number of its notes."""
        return self.stop - self.begin

    @property
    def channel(self) -> int:
        """The channel, or -1 if it is not known."""
        return self.place[1] if self.place else -1


def tracks_of(score: Any, said: Plain, limits: Limits) -> tuple[Columns, list[Track]]:  # noqa: ANN401 - as parse
    """Return the columns of all notes, those at our ends too, and the tracks that they make."""
    lists = [(track, notes) for track in score.tracks if len(notes := track.notes)]
    places = [(chunk, c) for chunk, channels in enumerate(said.channels) for c in channels]
    lengths = [len(notes) for _, notes in lists]
    check_count(sum(lengths) - len(places), limits)
    if not lists:
        if places:  # no chunk came to its end
            raise NotPlainError
        return {}, []
    together = lists[0][1]
    for _, notes in lists[1:]:
        together.extend(notes)  # quicker than joining the columns of each
    columns: Columns = together.numpy()
    times = columns["time"]
    stops = list(accumulate(lengths))
    at = [stop - 1 for stop in stops]
    ends = times.take(at)
    if len(at) != len(places) or int(np.minimum.reduce(ends)) < FAR:
        at = _marks(times, len(places), said)
        ends = times.take(at)
    tracks, number = [], 0
    for index, (track, _) in enumerate(lists):
        begin, stop = stops[index] - lengths[index], stops[index]
        place, end = None, 0
        if number < len(at) and at[number] < stop:
            if at[number] != stop - 1:
                raise NotPlainError
            place = places[number]
            # The channels of a chunk are closed one after another, a tick each.
            end = int(ends[number]) - FAR - said.channels[place[0]].index(place[1])
            stop -= 1
            number += 1
        program = DRUMS if track.is_drum else track.program
        tracks.append(Track(begin, stop, place, end, program, _controls(track)))
    return columns, tracks


def _marks(times: NDArray[Any], ends: int, said: Plain) -> list[int]:
    """Return which notes stand at our ends, where a channel has several programs.

    ends: how many were written. Raises NotPlainError if some did not come.
    """
    marks = np.flatnonzero(times >= FAR)
    if len(marks) != ends or said.shared:
        raise NotPlainError
    return marks.tolist()


def _controls(track: Any) -> Controls | None:  # noqa: ANN401 - as parse
    """Return a track's controllers, if one is looked at."""
    if not len(controls := track.controls):
        return None
    columns: Columns = controls.numpy()
    counts = np.bincount(columns["number"], minlength=128)
    return Controls(columns, counts) if counts.take(_TELLING).any() else None


def notes_of(columns: Columns, tracks: Sequence[Track]) -> Table:
    """Return the table of the file's own notes, numbered by the tracks that have some."""
    table = np.empty(sum(track.count for track in tracks), NOTE)
    names = zip(("start", "duration", "pitch", "velocity"), _NOTE_COLUMNS, strict=True)
    fields = [(table[ours], columns[theirs]) for ours, theirs in names] if len(table) else []
    programs, numbers = table["program"], table["track"]
    begin = 0
    for number, track in enumerate(noted(tracks)):
        its = slice(begin, begin := begin + track.count)
        for ours, theirs in fields:
            ours[its] = theirs[track.begin : track.stop]
        programs[its], numbers[its] = track.program, number
    return table


def noted(tracks: Sequence[Track]) -> list[Track]:
    """Return the tracks that have notes; the Piece numbers them from 0."""
    return [track for track in tracks if track.count]
