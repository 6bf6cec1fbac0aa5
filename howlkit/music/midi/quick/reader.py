"""A MIDI file read by symusic, where that gives what the exact reader gives; many times as fast.

symusic pairs notes within a chunk, drops those that are never released, takes a program for the
rest of its chunk only, and knows no drums but those of channel 10. So a file is read here only if
none of that can matter, or if it can be set right. doubts.py looks at the bytes, closing.py adds to
them what tells the rest, and tracks.py and this module look at what came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from howlkit.errors import MidiError
from howlkit.music.midi.container import StandardFile
from howlkit.music.midi.contents import (
    Contents,
    smpte_tempo,
    usable_keys,
    usable_metres,
    usable_tempos,
)
from howlkit.music.midi.limits import Limits
from howlkit.music.midi.quick.closing import END_TEXT, FAR, MANY, Place, closed, probes
from howlkit.music.midi.quick.doubts import DRUM_CHANNEL, NotPlainError, Plain, head_program, plain
from howlkit.music.midi.quick.parsing import parse
from howlkit.music.midi.quick.pedals import pedals_of
from howlkit.music.midi.quick.tracks import Track, noted, notes_of, tracks_of
from howlkit.music.tables import KEY_SIGNATURE, TEMPO, TIME_SIGNATURE, Table, last_at_each_tick

__all__ = ["read_quickly"]

_SORTED_IN_ORDER = 16
"""Up to so many events symusic's sort, the C++ library's, keeps the order of equal ones."""

_USABLE = {
    TEMPO: ("tempos", usable_tempos),
    TIME_SIGNATURE: ("time_signatures", usable_metres),
    KEY_SIGNATURE: ("key_signatures", usable_keys),
}


def read_quickly(file: StandardFile, limits: Limits) -> Contents | None:
    """Return what `read_exactly` returns, without extras; None if the file is not plain enough.

    Impossible tempos, metres and keys are still there; no Piece can be made of them. Bends and
    pressure with impossible data bytes, which count for nothing here, are not counted as broken.

    Raises MidiError if it has more notes than `limits` allow.
    """
    if not file.sound or (said := plain(file)) is None:
        return None
    try:
        return _read(file, said, limits)
    except NotPlainError:
        return None


def _read(file: StandardFile, said: Plain, limits: Limits) -> Contents:
    programs = probes(said)
    score = _parsed(closed(file, said, programs))
    if [marker.text for marker in score.markers].count(END_TEXT) != len(said.bodies):
        raise NotPlainError
    columns, tracks = tracks_of(score, said, limits)
    notes = notes_of(columns, tracks)
    if held := _held(notes, tracks):
        _check_released_here(said, held)
        score = _parsed(closed(file, said, programs, held))
        columns, tracks = tracks_of(score, said, limits)
        notes = notes_of(columns, tracks)
    found = Contents(notes=notes)
    if said.shared:
        _set_shared_programs(tracks, said, programs)
        notes["program"] = np.array([track.program for track in noted(tracks)])[notes["track"]]
    if held:
        _end_at_stops(found, tracks)
    if not notes["duration"].all():
        _give_length(found)
    found.pedals = pedals_of(tracks, said, found)
    _add_maps(found, score, file.beat)
    return found


def _parsed(data: bytes) -> Any:  # noqa: ANN401 - as parse
    try:
        return parse(data)
    except MidiError:
        raise NotPlainError from None


def _held(notes: Table, tracks: Sequence[Track]) -> set[tuple[Place, int]]:
    """Return the keys, by their places, that are never released; notes: the file's own.

    Raises NotPlainError if a chunk is so long that its own notes may end where ours do.
    """
    ends = notes["start"] + notes["duration"]
    if int(np.maximum.reduce(ends, initial=0)) < FAR:
        return set()
    its = noted(tracks)
    if max(track.end for track in its) >= FAR:
        raise NotPlainError
    held = notes.compress(ends >= FAR)
    found = set()
    for number, key in zip(held["track"].tolist(), held["pitch"].tolist(), strict=True):
        place = its[number].place
        if place is None:
            raise NotPlainError
        found.add((place, key))
    return found


def _check_released_here(said: Plain, held: Iterable[tuple[Place, int]]) -> None:
    """Raise NotPlainError if another chunk may release what is held."""
    for chunk, channel in {place for place, _ in held}:
        release, strike = bytes((0x80 | channel,)), bytes((0x90 | channel,))
        for index, body in enumerate(said.bodies):
            if index != chunk and (release in body or strike in body):
                raise NotPlainError


def _set_shared_programs(
    tracks: Sequence[Track], said: Plain, probes: Sequence[Mapping[int, int]]
) -> None:
    """Give the programs of shared channels to their tracks in all chunks.

    Raises NotPlainError if a program that counts for other chunks may change, or differs.
    """
    if DRUM_CHANNEL in said.shared:
        _check_kits(said)
    for channel in said.shared - {DRUM_CHANNEL}:
        its = [track for track in tracks if track.place and track.channel == channel]
        free = [t for t in its if t.place and t.program == probes[t.place[0]].get(channel, 0)]
        setting = [track for track in its if track not in free]
        if len(setting) == 1 and [track for track in its if track.count] == setting:
            continue
        found = {head_program(said.bodies[t.place[0]], channel) for t in setting if t.place}
        program = found.pop() if found else 0
        if program is None or found:
            raise NotPlainError
        for track in free:
            track.program = program


def _check_kits(said: Plain) -> None:
    """Raise NotPlainError if the program of the drum channel may change, or differ by chunk."""
    setting = [body for body in said.bodies if bytes((0xC0 | DRUM_CHANNEL,)) in body]
    kits = {head_program(body, DRUM_CHANNEL) for body in setting}
    if None in kits or len(kits) > 1:
        raise NotPlainError


def _end_at_stops(found: Contents, tracks: Sequence[Track]) -> None:
    """End the notes that are never released at the end of their chunks, and count them."""
    notes = found.notes
    starts = notes["start"].astype(np.int64)
    which = np.flatnonzero(starts + notes["duration"] >= FAR)
    keys = Counter(zip(notes["track"][which].tolist(), notes["pitch"][which].tolist(), strict=True))
    if max(keys.values()) >= MANY:
        raise NotPlainError
    stops = np.array([track.end for track in noted(tracks)])
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

    names: its names of the columns. Raises NotPlainError if different events stand at one tick, and
    one is impossible, or their order may not be the file's.
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
                raise NotPlainError
        what, usable = _USABLE[dtype]
        counted: Counter[str] = Counter()
        usable(table, counted)
        if counted[f"impossible_{what}"]:
            raise NotPlainError
        repairs += counted
    return last
