"""A MIDI file read event by event, to the letter: the reference, and the reader of damaged files.

Tracks of the Piece: each (chunk, port, channel, program) that has a note, in that order.
"""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from howlkit.music.extras import BEND, CONTROL, PRESSURE, SUSTAIN, Extras, Text
from howlkit.music.midi.container import StandardFile
from howlkit.music.midi.contents import (
    Contents,
    smpte_tempo,
    usable_keys,
    usable_metres,
    usable_tempos,
)
from howlkit.music.midi.exact.channels import presses_of, setting_at, settings_of
from howlkit.music.midi.exact.events import Chunk, Message, Meta, events_of
from howlkit.music.midi.exact.pairing import Struck, notes_of
from howlkit.music.midi.limits import Limits, check_count
from howlkit.music.tables import DRUMS, KEY_SIGNATURE, NOTE, PEDAL, TEMPO, TIME_SIGNATURE, Table

__all__ = ["read_exactly"]

_TEMPO, _METRE, _KEY = 0x51, 0x58, 0x59
_FIRST_TEXT, _LAST_TEXT, _NAMES = 1, 7, (3, 4)  # types of meta events with text; of a track's names
_CONTROLLER, _PRESSURE, _BEND = 0xB0, 0xD0, 0xE0
_NO_TRACK = -1

_TrackKey = tuple[int, int, int, bool]  # chunk, channel, program, drums


def read_exactly(file: StandardFile, limits: Limits, *, extras: bool) -> Contents:
    """Return what stands in a file; extras: controllers, bends and texts too.

    Raises MidiError if the file runs past MAX_TICK or has more notes than `limits` allow.
    """
    chunks = [events_of(body) for body in file.bodies()]
    check_count(sum(map(_strokes, chunks)), limits)
    found = Contents(repairs=Counter(file.repairs))
    found.repairs["cut_chunks"] += sum(chunk.cut for chunk in chunks)
    found.repairs["bytes_after_end"] += sum(chunk.after > 0 for chunk in chunks)
    found.repairs["broken_events"] += sum(chunk.broken for chunk in chunks)
    notes = notes_of(chunks, found.repairs)
    tracks = _tracks_of(notes, chunks)
    if any(note.end == note.start for note in notes):
        notes, tracks = _with_length(notes, tracks, found.repairs)
    numbers = {track: number for number, track in enumerate(sorted(set(tracks)))}
    found.notes = _note_table(notes, tracks, numbers)
    found.pedals = _pedals(chunks, notes, numbers, found.repairs)
    metas = [e for chunk in chunks for e in chunk.others if isinstance(e, Meta)]
    found.tempos = (
        _tempos(metas, found.repairs)
        if file.beat is None
        else smpte_tempo(file.beat, found.repairs)
    )
    found.time_signatures = _metres(metas, found.repairs)
    found.key_signatures = _keys(metas, found.repairs)
    if extras:
        found.extras = Extras(_controls(chunks, numbers), _texts(chunks, numbers))
    return found


def _strokes(chunk: Chunk) -> int:
    return len(chunk.velocities) - chunk.velocities.count(0)


def _with_length(
    notes: Sequence[Struck], tracks: Sequence[_TrackKey], repairs: Counter[str]
) -> tuple[list[Struck], list[_TrackKey]]:
    """Return the notes, each of a tick at least, and their tracks.

    A note of no length is left out if its key is struck again at its tick on its track; of several
    of no length, the loudest stays.
    """
    places = [(note.start, note.key, track) for note, track in zip(notes, tracks, strict=True)]
    struck = {place for note, place in zip(notes, places, strict=True) if note.end > note.start}
    loudest = dict(
        sorted((place, note.velocity) for note, place in zip(notes, places, strict=True))
    )
    kept = []
    for note, place in zip(notes, places, strict=True):
        if note.end == note.start:
            if place in struck or loudest.get(place) != note.velocity:
                repairs["restruck_notes"] += 1
                continue
            del loudest[place]
            note.end = note.start + 1
            repairs["zero_length_notes"] += 1
        kept.append((note, place[2]))
    return [note for note, _ in kept], [track for _, track in kept]


def _tracks_of(notes: Sequence[Struck], chunks: Sequence[Chunk]) -> list[_TrackKey]:
    """Return the track of each note."""
    settings = settings_of(chunks)
    tracks = []
    for note in notes:
        channel = note.key >> 7
        its = settings.get(channel)
        if its and note.start > its[-1].tick:  # after all of them, as most notes are
            program, drums = its[-1][-2:]
        else:
            place = note.start, note.chunk, note.order
            program, drums = setting_at(its or (), channel, *place)
        tracks.append((note.chunk, channel, program, drums))
    return tracks


def _note_table(
    notes: Sequence[Struck], tracks: Sequence[_TrackKey], numbers: Mapping[_TrackKey, int]
) -> Table:
    rows = [
        (
            note.start,
            note.end - note.start,
            note.key & 127,
            note.velocity,
            DRUMS if track[3] else track[2],
            numbers[track],
        )
        for note, track in zip(notes, tracks, strict=True)
    ]
    return np.array(rows, NOTE)


def _tempos(metas: Sequence[Meta], repairs: Counter[str]) -> Table:
    rows = [
        (meta.tick, int.from_bytes(meta.data) if len(meta.data) == 3 else 0)
        for meta in metas
        if meta.kind == _TEMPO
    ]
    return usable_tempos(_by_tick(rows, TEMPO), repairs)


def _metres(metas: Sequence[Meta], repairs: Counter[str]) -> Table:
    rows = []
    for meta in metas:
        if meta.kind == _METRE:
            numerator, power = meta.data[:2] if len(meta.data) >= 2 else (0, 0)
            rows.append((meta.tick, numerator, 1 << power if power < 8 else 0))
    return usable_metres(_by_tick(rows, TIME_SIGNATURE), repairs)


def _keys(metas: Sequence[Meta], repairs: Counter[str]) -> Table:
    impossible = (99, 0)
    rows = [
        (meta.tick, *(struct.unpack("bB", meta.data[:2]) if len(meta.data) >= 2 else impossible))
        for meta in metas
        if meta.kind == _KEY
    ]
    return usable_keys(_by_tick(rows, KEY_SIGNATURE), repairs)


def _by_tick(rows: Sequence[tuple[int, ...]], dtype: np.dtype[np.void]) -> Table:
    """Return rows as a table by their first column; of one tick, in the order given."""
    return np.array(sorted(rows, key=lambda row: row[0]), dtype)


def _pedals(
    chunks: Sequence[Chunk],
    notes: Sequence[Struck],
    numbers: Mapping[_TrackKey, int],
    repairs: Counter[str],
) -> Table:
    """Return the spans of the pedal of each channel, once for each of its tracks, by start."""
    presses = presses_of(chunks)
    last: dict[int, int] = defaultdict(int)  # the end of the last note, by channel
    for note in notes if presses else ():
        last[note.key >> 7] = max(last[note.key >> 7], note.end)
    rows = []
    for channel, turns in presses.items():
        if channel not in last:
            continue
        if len(turns) % 2:
            turns.append(max(turns[-1], last[channel]))
            repairs["unreleased_pedals"] += 1
        its = [number for track, number in numbers.items() if track[1] == channel]
        spans = zip(turns[::2], turns[1::2], strict=True)
        rows += [(down, up - down, number) for down, up in spans if up > down for number in its]
    return np.array(sorted(rows, key=lambda row: (row[0], row[2])), PEDAL)


def _controls(chunks: Sequence[Chunk], numbers: Mapping[_TrackKey, int]) -> Table:
    """Return the controllers, bends and pressures of each channel, once for each of its tracks."""
    tracks: dict[int, list[int]] = defaultdict(list)
    for track, number in numbers.items():
        tracks[track[1]].append(number)
    rows = []
    for chunk in chunks:
        for event in chunk.others:
            if not isinstance(event, Message) or event.channel not in tracks:
                continue
            if event.kind == _BEND:
                said = BEND, event.value << 7 | event.number
            elif event.kind == _PRESSURE:
                said = PRESSURE, event.number
            elif event.kind == _CONTROLLER and event.number != SUSTAIN:
                said = event.number, event.value
            else:
                continue
            rows += [(event.tick, track, *said) for track in tracks[event.channel]]
    return np.array(sorted(rows, key=lambda row: row[0]), CONTROL)


def _texts(chunks: Sequence[Chunk], numbers: Mapping[_TrackKey, int]) -> tuple[Text, ...]:
    """Return the texts of each chunk.

    In a chunk with one channel, names belong to each of its tracks and other texts to the first of
    them; in others, to no track.
    """
    found: list[Text] = []
    for index, chunk in enumerate(chunks):
        its = {number: track[1] for track, number in numbers.items() if track[0] == index}
        tracks = list(its) if len(set(its.values())) == 1 else []
        for event in chunk.others:
            if isinstance(event, Meta) and _FIRST_TEXT <= event.kind <= _LAST_TEXT:
                owners = tracks or [_NO_TRACK]
                for track in owners if event.kind in _NAMES else owners[:1]:
                    found.append(Text(event.tick, track, event.kind, event.data))
    return tuple(sorted(found, key=lambda text: text.tick))
