"""A MIDI file read by symusic, where that gives what the exact reader gives; many times as fast.

symusic pairs notes within a chunk, drops those that are never released, takes a program for the
rest of its chunk only, and knows no drums but those of channel 10. So a file is read here only if
none of that can matter, or if it can be set right; doubts.py looks at the bytes, and this module at
what came. To find out, each chunk is given a beginning and an end before it is parsed, for each
channel that may have notes or settings there:

- long after the last event (`_FAR`) every key is released, and then a note is struck. A note that
  ends there was never released. If fewer such notes come than were written, the chunk ended before
  its last bytes. Since symusic's tracks come by chunk, channel and program, these notes say which
  chunk and channel a track has; one without such a note is one of several programs of its channel.
- if the channel's program may be set in another chunk, it first gets one that does not occur in the
  chunk. A track that still has it at the end has no program of its own.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import MidiError
from howlkit.music.midi.container import END_OF_TRACK, StandardFile
from howlkit.music.midi.contents import Contents, smpte_tempo
from howlkit.music.midi.doubts import Plain, head_program, plain
from howlkit.music.midi.limits import Limits, check_count
from howlkit.music.midi.parsing import parse
from howlkit.music.tables import (
    DRUMS,
    KEY_SIGNATURE,
    NOTE,
    PEDAL,
    TEMPO,
    TIME_SIGNATURE,
    Table,
    last_at_each_tick,
)

__all__ = ["read_quickly"]

_FAR = 2**27
"""The ticks between the last event of a chunk and the end that it is given."""

_SORTED_IN_ORDER = 16
"""Up to so many events symusic's sort, the C++ library's, keeps the order of equal ones."""

_REPEATED = {
    TEMPO: "repeated_tempos",
    TIME_SIGNATURE: "repeated_time_signatures",
    KEY_SIGNATURE: "repeated_key_signatures",
}

_DRUM_CHANNEL = 9

_MANY = 64  # releases of a key that was seen to be held for ever

_SUSTAIN, _RESET_ALL, _BANK, _LEAST_DRUM_BANK = 64, 121, 0, 120
_SILENCING = (120, 123)
_TELLING = [_SUSTAIN, _BANK, *_SILENCING]  # controllers that are looked at

_NOTE_COLUMNS = ("time", "duration", "pitch", "velocity")
_Columns = dict[str, NDArray[Any]]
_Place = tuple[int, int]  # a chunk and a channel


def _closing(channel: int) -> bytes:
    """Return events that release all keys of a channel and strike one, without the first wait."""
    releases = [bytes((key, 0)) for key in range(128)]
    releases[0] = bytes((0x90 | channel, 0, 0))
    return b"\0".join([*releases, b"\0\1"]) + b"\1\0\0"


_BEFORE_CLOSING = b"\xff\x01\x00\xc0\x80\x80\x00"
"""An empty text, which takes over the wait of the event that ended the track, then a wait."""

_CLOSINGS = [_closing(channel) for channel in range(16)]


class _NotPlain(Exception):
    """The file has something that symusic does not read as the exact reader does."""


class _Controls(NamedTuple):
    """The controllers of a track: their columns, and how many there are of each number (128,)."""

    columns: _Columns
    counts: NDArray[np.int64]


@dataclass(slots=True)
class _Track:
    """A track of symusic's.

    begin, stop: its notes among all, without the one at our end. place: its chunk and channel; None
    if it is one of several programs of a channel and not the last. end: the last tick of its chunk.
    program: 0..127 or DRUMS. controls: its controllers, if one is looked at.
    """

    begin: int
    stop: int
    place: _Place | None
    end: int
    program: int
    controls: _Controls | None

    @property
    def count(self) -> int:
        """The number of its notes."""
        return self.stop - self.begin

    @property
    def channel(self) -> int:
        """The channel, or -1 if it is not known."""
        return self.place[1] if self.place else -1


def read_quickly(file: StandardFile, limits: Limits) -> Contents | None:
    """Return what `read_exactly` returns, without extras; None if the file is not plain enough.

    Impossible tempos, metres and keys are still there; no Piece can be made of them.

    Raises MidiError if it has more notes than `limits` allow.
    """
    if not file.sound or (said := plain(file)) is None:
        return None
    try:
        return _read(file, said, limits)
    except _NotPlain:
        return None


def _read(file: StandardFile, said: Plain, limits: Limits) -> Contents:
    probes = _probes(said)
    score = _parsed(_closed(file, said, probes))
    columns, tracks = _tracks(score, said, limits)
    notes = _notes(columns, tracks)
    if held := _held(notes, tracks):
        _check_released_here(said, held)
        score = _parsed(_closed(file, said, probes, held))
        columns, tracks = _tracks(score, said, limits)
        notes = _notes(columns, tracks)
    found = Contents(notes=notes)
    if said.shared:
        _set_shared_programs(tracks, said, probes)
        notes["program"] = np.array([t.program for t in _noted(tracks)])[notes["track"]]
    if held:
        _end_at_stops(found, tracks)
    if not notes["duration"].all():
        _give_length(found)
    found.pedals = _pedals(tracks, said, found)
    _add_maps(found, score, file.beat)
    return found


# What is parsed -----------------------------------------------------------------------------------


def _probes(said: Plain) -> list[dict[int, int]]:
    """Return by chunk a program for each shared channel that may set one there; none occurs there.

    Raises _NotPlain if a chunk may set any program.
    """
    probes: list[dict[int, int]] = []
    for body, channels in zip(said.bodies, said.channels, strict=True):
        setting = [c for c in channels if c in said.shared and bytes((0xC0 | c,)) in body]
        probes.append({channel: _unused_program(body, 0xC0 | channel) for channel in setting})
    return probes


def _unused_program(body: bytes, status: int) -> int:
    """Return a program above 0 that no event of `status` in a chunk can set.

    Every byte like `status` is taken for an event, and what follows for more of them, with running
    status. Raises _NotPlain if there is no such program.
    """
    used, at, size = {0}, body.find(status), len(body)
    while at >= 0:
        following = at + 1
        while following < size and body[following] < 0x80:  # a program
            used.add(body[following])
            following += 1
            while following < size and body[following] >= 0x80:  # the bytes of a wait
                following += 1
            following += 1
        at = body.find(status, at + 1)
    for program in range(127, 0, -1):
        if program not in used:
            return program
    raise _NotPlain


def _closed(
    file: StandardFile,
    said: Plain,
    probes: Sequence[Mapping[int, int]],
    held: Iterable[tuple[_Place, int]] = (),
) -> bytes:
    """Return the file with a plain header, a beginning and an end for each chunk.

    held: keys, by their places, that are released many times.
    """
    again: dict[int, list[bytes]] = {}
    for (chunk, channel), key in held:
        again.setdefault(chunk, []).append(bytes((0x90 | channel, key, 0)))
    parts = [struct.pack(">4sIHHH", b"MThd", 6, 1, len(file.chunks), file.ticks_per_beat)]
    for index, (body, channels) in enumerate(zip(said.bodies, said.channels, strict=True)):
        before = b"".join([bytes((0, 0xC0 | c, p)) for c, p in probes[index].items()])
        after = END_OF_TRACK
        if channels:
            closings = [_CLOSINGS[channel] for channel in channels]
            if index in again:
                closings[:0] = again[index] * _MANY
            after = _BEFORE_CLOSING + b"\0".join(closings) + b"\0" + END_OF_TRACK
        size = len(before) + len(body) - len(END_OF_TRACK) + len(after)
        parts += (b"MTrk", struct.pack(">I", size), before, body[: -len(END_OF_TRACK)], after)
    return b"".join(parts)


def _parsed(data: bytes) -> Any:  # noqa: ANN401 - as parse
    try:
        return parse(data)
    except MidiError:
        raise _NotPlain from None


# What came of it ----------------------------------------------------------------------------------


def _tracks(score: Any, said: Plain, limits: Limits) -> tuple[_Columns, list[_Track]]:  # noqa: ANN401 - as parse
    """Return the columns of all notes, those at our ends too, and the tracks that they make."""
    lists = [(track, notes) for track in score.tracks if len(notes := track.notes)]
    places = [(chunk, c) for chunk, channels in enumerate(said.channels) for c in channels]
    lengths = [len(notes) for _, notes in lists]
    check_count(sum(lengths) - len(places), limits)
    if not lists:
        return {}, []
    together = lists[0][1]
    for _, notes in lists[1:]:
        together.extend(notes)  # quicker than joining the columns of each
    columns: _Columns = together.numpy()
    times = columns["time"]
    stops = list(accumulate(lengths))
    at = [stop - 1 for stop in stops]
    ends = times.take(at)
    if len(at) != len(places) or int(np.minimum.reduce(ends)) < _FAR:
        at = _marks(times, len(places), said)
        ends = times.take(at)
    tracks, number = [], 0
    for index, (track, _) in enumerate(lists):
        begin, stop = stops[index] - lengths[index], stops[index]
        place, end = None, 0
        if number < len(at) and at[number] < stop:
            if at[number] != stop - 1:
                raise _NotPlain
            place = places[number]
            # The channels of a chunk are closed one after another, a tick each.
            end = int(ends[number]) - _FAR - said.channels[place[0]].index(place[1])
            stop -= 1
            number += 1
        program = DRUMS if track.is_drum else track.program
        tracks.append(_Track(begin, stop, place, end, program, _controls(track)))
    return columns, tracks


def _marks(times: NDArray[Any], ends: int, said: Plain) -> list[int]:
    """Return which notes stand at our ends, where a channel has several programs.

    ends: how many were written. Raises _NotPlain if some did not come.
    """
    marks = np.flatnonzero(times >= _FAR)
    if len(marks) != ends or said.shared:
        raise _NotPlain
    return marks.tolist()


def _controls(track: Any) -> _Controls | None:  # noqa: ANN401 - as parse
    """Return a track's controllers, if one is looked at."""
    if not len(controls := track.controls):
        return None
    columns: _Columns = controls.numpy()
    counts = np.bincount(columns["number"], minlength=128)
    return _Controls(columns, counts) if counts.take(_TELLING).any() else None


def _held(notes: Table, tracks: Sequence[_Track]) -> set[tuple[_Place, int]]:
    """Return the keys, by their places, that are never released; notes: the file's own."""
    ends = notes["start"] + notes["duration"]
    if int(np.maximum.reduce(ends, initial=0)) < _FAR:
        return set()
    noted = _noted(tracks)
    held = notes.compress(ends >= _FAR)
    found = set()
    for number, key in zip(held["track"].tolist(), held["pitch"].tolist(), strict=True):
        place = noted[number].place
        if place is None:
            raise _NotPlain
        found.add((place, key))
    return found


def _check_released_here(said: Plain, held: Iterable[tuple[_Place, int]]) -> None:
    """Raise _NotPlain if another chunk may release what is held."""
    for chunk, channel in {place for place, _ in held}:
        release, strike = bytes((0x80 | channel,)), bytes((0x90 | channel,))
        for index, body in enumerate(said.bodies):
            if index != chunk and (release in body or strike in body):
                raise _NotPlain


def _set_shared_programs(
    tracks: Sequence[_Track], said: Plain, probes: Sequence[Mapping[int, int]]
) -> None:
    """Give the programs of shared channels to their tracks in all chunks.

    Raises _NotPlain if a program that counts for other chunks may change, or differs from theirs.
    """
    for channel in said.shared - {_DRUM_CHANNEL}:
        its = [track for track in tracks if track.place and track.channel == channel]
        free = [t for t in its if t.place and t.program == probes[t.place[0]].get(channel, 0)]
        setting = [track for track in its if track not in free]
        if len(setting) == 1 and [track for track in its if track.count] == setting:
            continue
        found = {head_program(said.bodies[t.place[0]], channel) for t in setting if t.place}
        program = found.pop() if found else 0
        if program is None or found:
            raise _NotPlain
        for track in free:
            track.program = program


def _notes(columns: _Columns, tracks: Sequence[_Track]) -> Table:
    """Return the table of the file's own notes, numbered by the tracks that have some."""
    table = np.empty(sum(track.count for track in tracks), NOTE)
    names = zip(("start", "duration", "pitch", "velocity"), _NOTE_COLUMNS, strict=True)
    fields = [(table[ours], columns[theirs]) for ours, theirs in names] if len(table) else []
    programs, numbers = table["program"], table["track"]
    begin = 0
    for number, track in enumerate(_noted(tracks)):
        its = slice(begin, begin := begin + track.count)
        for ours, theirs in fields:
            ours[its] = theirs[track.begin : track.stop]
        programs[its], numbers[its] = track.program, number
    return table


def _noted(tracks: Sequence[_Track]) -> list[_Track]:
    """Return the tracks that have notes; the Piece numbers them from 0."""
    return [track for track in tracks if track.count]


def _end_at_stops(found: Contents, tracks: Sequence[_Track]) -> None:
    """End the notes that are never released at the end of their chunks, and count them."""
    notes = found.notes
    starts = notes["start"].astype(np.int64)
    which = np.flatnonzero(starts + notes["duration"] >= _FAR)
    keys = Counter(zip(notes["track"][which].tolist(), notes["pitch"][which].tolist(), strict=True))
    if max(keys.values()) >= _MANY:
        raise _NotPlain
    stops = np.array([track.end for track in _noted(tracks)])
    notes["duration"][which] = np.maximum(stops[notes["track"][which]] - starts[which], 1)
    found.repairs["unreleased_notes"] += len(which)


def _give_length(found: Contents) -> None:
    """Drop notes of no length whose key is struck again at their tick; lengthen the others.

    Of several of no length, the loudest stays.
    """
    notes = found.notes
    durations = notes["duration"]
    keys = (notes["track"].astype(np.int64) << 7 | notes["pitch"]) << 32 | notes["start"]
    wanted = np.sort(keys.compress(durations == 0))
    together = wanted.take(wanted.searchsorted(keys), mode="clip") == keys
    which = np.flatnonzero(together).tolist()
    rows = zip(keys[which].tolist(), (durations[which] > 0).tolist(), strict=True)
    longer = {key for key, has_length in rows if has_length}
    best: dict[int, tuple[int, int]] = {}  # velocity and index of the one that stays, by key
    for key, index, velocity in zip(
        keys[which].tolist(), which, notes["velocity"][which].tolist(), strict=True
    ):
        if key not in longer:
            best[key] = max(best.get(key, (0, 0)), (velocity, index))
    kept = [index for _, index in best.values()]
    durations[kept] = 1
    found.repairs["zero_length_notes"] += len(kept)
    if dropped := len(notes) - np.count_nonzero(durations):
        found.repairs["restruck_notes"] += int(dropped)
        found.notes = notes.compress(durations != 0)


# Controllers --------------------------------------------------------------------------------------


def _pedals(tracks: Sequence[_Track], said: Plain, found: Contents) -> Table:
    """Return the spans of the pedal, by start.

    Raises _NotPlain if controllers say more than symusic can tell.
    """
    heard = [track for track in tracks if track.controls is not None]
    if not heard:
        return np.empty(0, PEDAL)
    if not all(track.place for track in tracks):  # a channel with several programs
        raise _NotPlain
    noted: dict[int, list[int]] = {}
    for number, track in enumerate(_noted(tracks)):
        noted.setdefault(track.channel, []).append(number)
    pedals = []
    for channel, numbers in noted.items():
        its = [t.controls for t in heard if t.channel == channel and t.controls is not None]
        _check_controls(its, drums=said.yamaha and channel == _DRUM_CHANNEL)
        if any(counts[_SUSTAIN] for _, counts in its):
            pedals.append(_spans(its, numbers, found))
    if not pedals:
        return np.empty(0, PEDAL)
    joined = pedals[0] if len(pedals) == 1 else np.concatenate(pedals)
    if len(pedals) > 1:
        joined = joined.take(np.lexsort((joined["track"], joined["start"])))
    return joined


def _check_controls(controls: Iterable[_Controls], *, drums: bool) -> None:
    """Raise _NotPlain if controllers of a channel end notes, or may say that it plays drums.

    drums: whether any bank says that.
    """
    for columns, counts in controls:
        if any(counts[number] for number in _SILENCING):
            raise _NotPlain
        if counts[_BANK]:
            banks = columns["value"].compress(columns["number"] == _BANK)
            if drums or int(banks.max()) >= _LEAST_DRUM_BANK:
                raise _NotPlain


def _spans(controls: Sequence[_Controls], numbers: Sequence[int], found: Contents) -> Table:
    """Return the spans of a channel's pedal that hold something, for each of its tracks."""
    ticks = _presses(controls)
    begins, ends = ticks[::2], ticks[1::2]  # down, up, down, up ...
    pedals = np.empty(len(begins), PEDAL)
    pedals["start"], pedals["track"] = begins, numbers[0]
    durations = pedals["duration"]
    np.subtract(ends, begins[: len(ends)], out=durations[: len(ends)])
    if len(begins) > len(ends):
        its = found.notes[np.isin(found.notes["track"], numbers)]
        last = int(np.maximum.reduce(its["start"] + its["duration"]))
        durations[-1] = max(0, last - int(begins[-1]))
        found.repairs["unreleased_pedals"] += 1
    if np.count_nonzero(durations) < len(pedals):
        pedals = pedals.compress(durations != 0)
    if len(numbers) > 1:
        pedals = pedals.repeat(len(numbers))
        pedals["track"] = np.tile(np.array(numbers, np.uint16), len(pedals) // len(numbers))
    return pedals


def _presses(controls: Sequence[_Controls]) -> NDArray[np.int32]:
    """Return the ticks at which a channel's pedal goes down and comes up, in turns.

    They come from the controllers, since symusic's pedals are wrong (0.6): the first one of every
    channel but the first begins at tick 0, and a pedal that is not released is missing.
    """
    times, downs = [], []
    for columns, counts in controls:
        time, down = columns["time"], columns["value"] >= 64
        if counts[_SUSTAIN] < len(time):  # other controllers too
            pedal = sustain = columns["number"] == _SUSTAIN
            if counts[_RESET_ALL]:
                pedal = sustain | (columns["number"] == _RESET_ALL)
                down &= sustain
            time, down = time.compress(pedal), down.compress(pedal)
        times.append(time)
        downs.append(down)
    time, down = times[0], downs[0]
    if len(times) > 1:
        order = np.concatenate(times).argsort(kind="stable")
        time, down = np.concatenate(times).take(order), np.concatenate(downs).take(order)
    changed = down.copy()  # the pedal is up at first
    changed[1:] ^= down[:-1]
    return np.asarray(time.compress(changed))


# Tempos, metres, keys -----------------------------------------------------------------------------


def _add_maps(found: Contents, score: Any, beat: float | None) -> None:  # noqa: ANN401 - as parse
    """Add symusic's tempos, metres and keys; beat: seconds of a beat, or None for its tempos.

    Impossible ones are left in: no Piece can be made of them, and the exact reader is asked.
    """
    repairs = found.repairs
    if beat is None:
        found.tempos = _table(TEMPO, score.tempos, repairs, "mspq")
    else:
        found.tempos = smpte_tempo(beat, repairs)
    metres, keys = score.time_signatures, score.key_signatures
    found.time_signatures = _table(TIME_SIGNATURE, metres, repairs, "numerator", "denominator")
    found.key_signatures = _table(KEY_SIGNATURE, keys, repairs, "key", "tonality")


def _table(
    dtype: np.dtype[Any],
    events: Any,  # noqa: ANN401 - a symusic list
    repairs: Counter[str],
    *names: str,
) -> Table:
    """Return symusic's `events` as an array of `dtype`, the last at each tick; count the others.

    names: its names of the columns. Raises _NotPlain if different events stand at one tick, and
    their order may not be the file's.
    """
    table = np.empty(count := len(events), dtype)
    if not count:
        return table
    columns = events.numpy()
    for ours, theirs in zip(dtype.names or (), ("time", *names), strict=True):
        table[ours] = columns[theirs]
    last = last_at_each_tick(table)
    if len(last) < count:
        if count > _SORTED_IN_ORDER:
            together = table["tick"][1:] == table["tick"][:-1]
            if np.count_nonzero(together & (table[1:] != table[:-1])):
                raise _NotPlain
        repairs[_REPEATED[dtype]] += count - len(last)
    return last
