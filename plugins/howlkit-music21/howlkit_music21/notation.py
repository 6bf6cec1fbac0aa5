"""Turns a Piece into a score of music21 that people can read, and into MusicXML.

A track is a staff, or two braced ones for a keyboard with a wide range. Bars follow the metres of
the Piece (4/4 if it has none). The key is that of the Piece, or else the likeliest one (keys.py);
pitches are spelt in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
from music21 import (
    chord,
    clef,
    duration,
    exceptions21,
    instrument,
    key,
    layout,
    metadata,
    meter,
    note,
    percussion,
    pitch,
    stream,
    tempo,
    tie,
)
from music21.musicxml import m21ToXml

from howlkit.errors import DataError
from howlkit.music import DRUMS, Piece
from howlkit_music21 import drums, files
from howlkit_music21.alignment import aligned
from howlkit_music21.keys import estimate, spelling
from howlkit_music21.quantise import UNITS, Event, Voice, voices_of

__all__ = ["musicxml", "score_of"]

KEYBOARDS = frozenset({*range(8), 16, 17, 18, 19, 20, 46})
"""MIDI programs written on two staves: pianos, organs, the harp."""

MIDDLE = 60  # the lowest pitch of the upper staff

TEMPO_CHANGE = 0.05
"""A tempo is written at a bar line if it differs by this share from the last one written."""

MOST_BARS = 5000
"""The most bars of a piece: more than an hour, and a minute's work for music21."""

VALUES = (96, 72, 48, 36, 24, 18, 12, 9, 6, 3)
"""The lengths of single notes in units: whole, dotted half ... thirty-second."""

TRIPLETS = (16, 8, 4)
"""The lengths of single notes within a triplet: quarter, eighth, sixteenth."""


@dataclass(frozen=True)
class Bar:
    """A bar: start and stop in units, its metre, whether that is new, and a new tempo if any."""

    start: int
    stop: int
    numerator: int
    denominator: int
    new_metre: bool
    bpm: int | None


@dataclass(frozen=True)
class Staff:
    """The voices of one staff."""

    voices: list[Voice]
    program: int
    clef: clef.Clef


def musicxml(piece: Piece, *, title: str = "") -> bytes:
    """Return a Piece as the bytes of a MusicXML file; DataError if it has no notes."""
    data = bytes(m21ToXml.GeneralObjectExporter(score_of(piece, title=title)).parse())
    root = ElementTree.fromstring(data)
    files.tidy(root)
    drums.with_instruments(root)
    return files.text(root)


def score_of(piece: Piece, *, title: str = "") -> stream.Score:
    """Return a Piece as a score of music21; DataError if it has no notes."""
    if not len(piece):
        raise DataError("there are no notes to write down")
    piece = aligned(piece)
    end = piece.end * UNITS // piece.ticks_per_beat + UNITS
    bars = list(itertools.islice(_bars(piece, end), MOST_BARS + 1))
    if len(bars) > MOST_BARS:
        raise DataError(f"it has more than {MOST_BARS} bars, too many for a score; cut it first")
    beats = np.array([at for bar in bars for at in range(bar.start, bar.stop, _beat(bar))])
    systems = [_staves(piece, track, beats) for track in np.unique(piece.notes["track"]).tolist()]
    end = max(v.free for staves in systems for staff in staves for v in staff.voices)
    bars = [bar for bar in bars if bar.start < end]
    signature = _key(piece)
    score = stream.Score()
    score.insert(0, metadata.Metadata(title=title or piece.name or "Untitled"))
    for staves in systems:
        braced = len({staff.program for staff in staves}) < len(staves)
        parts = [_part(staff, bars, signature, braced=braced) for staff in staves]
        for part in parts:
            if not score.parts:
                _tell_tempo(part, bars)
            score.insert(0, part)
        if braced:
            score.insert(0, layout.StaffGroup(parts, symbol="brace", barTogether=True))
    return score


def _key(piece: Piece) -> key.Key:
    stated = piece.key_signatures
    if len(stated):
        mode = "minor" if stated["minor"][0] else "major"
        return cast(key.Key, key.KeySignature(int(stated["sharps"][0])).asKey(mode))
    sharps, minor = estimate(piece)
    return cast(key.Key, key.KeySignature(sharps).asKey("minor" if minor else "major"))


def _staves(piece: Piece, track: int, beats: Any) -> list[Staff]:  # noqa: ANN401 - an array
    """Return a track as one or two staves for each program, and a staff for drums."""

    def voices(notes: Any, most: int = 2) -> list[Voice]:  # noqa: ANN401 - an array
        return voices_of(notes, piece.ticks_per_beat, beats, most=most)

    notes = piece.notes[piece.notes["track"] == track]
    struck = notes["program"] == DRUMS
    found = []
    if struck.any():
        found.append(Staff(voices(notes[struck], most=1), DRUMS, clef.PercussionClef()))
    for program in np.unique(notes["program"][~struck]).tolist():
        part = notes[notes["program"] == program]
        low = part["pitch"] < MIDDLE
        if program in KEYBOARDS and _is_wide(part["pitch"]):
            halves = ((part[~low], clef.TrebleClef()), (part[low], clef.BassClef()))
            found += [Staff(voices(half), program, sign) for half, sign in halves]
        else:
            sign = clef.BassClef() if np.median(part["pitch"]) < 57 else clef.TrebleClef()
            found.append(Staff(voices(part), program, sign))
    return found


def _is_wide(pitches: Any) -> bool:  # noqa: ANN401 - an array
    """Say whether a tenth of the notes are well below middle C, and a tenth well above."""
    low, high = np.quantile(pitches, (0.1, 0.9))
    return bool(low < MIDDLE - 5 and high > MIDDLE + 5)


def _bars(piece: Piece, end: int) -> Iterator[Bar]:
    """Yield bars until `end`.

    A change of metre within a bar begins a new bar. The bar that it cuts short gets a metre of its
    length, such as 15/16: programs would fill it up otherwise.
    """
    metres = [(int(t), int(n), int(d)) for t, n, d in piece.time_signatures.tolist()]
    if not metres or metres[0][0] > 0:
        metres.insert(0, (0, 4, 4))
    places = [round(tick * UNITS / piece.ticks_per_beat / 3) * 3 for tick, _, _ in metres]
    written = 0.0
    for index, (_, numerator, denominator) in enumerate(metres):
        start = places[index]
        stop = min(places[index + 1], end) if index + 1 < len(places) else end
        length = max(4 * UNITS * numerator // denominator, 1)
        for at in range(start, stop, length):
            pace = _bpm(piece, at)
            new = abs(pace - written) > TEMPO_CHANGE * pace
            written = pace if new else written
            bpm = round(pace) if new else None
            bound = places[index + 1] if index + 1 < len(places) else at + length
            if bound < at + length:
                yield Bar(at, bound, *_metre_of(bound - at), True, bpm)
            else:
                yield Bar(at, at + length, numerator, denominator, at == start, bpm)


def _metre_of(length: int) -> tuple[int, int]:
    """Return numerator and denominator for a bar of `length` units, a multiple of 3."""
    denominator = next(d for d in (4, 8, 16, 32) if length * d % (4 * UNITS) == 0)
    return length * denominator // (4 * UNITS), denominator


def _bpm(piece: Piece, at: int) -> float:
    tick = at * piece.ticks_per_beat // UNITS
    index = int(np.searchsorted(piece.tempos["tick"], tick, side="right")) - 1
    return 60e6 / int(piece.tempos["microseconds"][index]) if index >= 0 else 120.0


def _part(staff: Staff, bars: list[Bar], signature: key.Key, *, braced: bool) -> stream.Part:
    part = stream.PartStaff() if braced else stream.Part()
    part.insert(0, _instrument(staff.program))
    lines = [list(_notated(voice, bars, staff, signature)) for voice in staff.voices]
    for number, bar in enumerate(bars):
        measure = stream.Measure(number=number + 1)
        if number == 0:
            measure.insert(0, staff.clef)
            sharps = 0 if staff.program == DRUMS else signature.sharps
            measure.insert(0, key.KeySignature(sharps))
        if bar.new_metre:
            measure.insert(0, meter.TimeSignature(f"{bar.numerator}/{bar.denominator}"))
        _fill(measure, [line[number] for line in lines], bar)
        part.append(measure)
    return part


def _tell_tempo(part: stream.Part, bars: list[Bar]) -> None:
    for measure, bar in zip(part.getElementsByClass(stream.Measure), bars, strict=True):
        if bar.bpm:
            measure.insert(0, tempo.MetronomeMark(number=bar.bpm))


def _instrument(program: int) -> instrument.Instrument:
    if program == DRUMS:
        return instrument.UnpitchedPercussion()
    try:
        return instrument.instrumentFromMidiProgram(program)
    except exceptions21.InstrumentException:
        found = instrument.Instrument()
        found.midiProgram = program
        return found


def _fill(measure: stream.Measure, lines: list[list[Any]], bar: Bar) -> None:
    """Put the elements of each voice into a bar; of silent voices at most one."""
    sounding = [line for line in lines if any(isinstance(each, note.NotRest) for each in line)]
    if len(sounding) < 2:
        for element in (sounding or lines)[0]:
            measure.append(element)
        return
    for number, line in enumerate(sorted(sounding, key=_height, reverse=True), 1):
        voice = stream.Voice(id=str(number))
        for element in line:
            if isinstance(element, note.NotRest):
                element.stemDirection = "up" if number == 1 else "down"
            voice.append(element)
        measure.insert(0, voice)


def _height(line: list[Any]) -> float:
    return float(np.mean([p.ps for each in line for p in getattr(each, "pitches", ())]))


def _notated(
    voice: Voice, bars: list[Bar], staff: Staff, signature: key.Key
) -> Iterator[list[Any]]:
    """Yield the elements of a voice in each bar: notes, chords and rests, tied where values end."""
    events, index = voice.events, 0
    for bar in bars:
        found: list[Any] = []
        at = bar.start
        while at < bar.stop:
            while index < len(events) and events[index].stop <= at:
                index += 1
            event = events[index] if index < len(events) else None
            if event is not None and event.start <= at:
                stop = min(event.stop, bar.stop)
            else:
                stop = min(event.start, bar.stop) if event is not None else bar.stop
                event = None  # a rest
            whole = event is None and (at, stop) == (bar.start, bar.stop)
            spans = [(0, stop - at)] if whole else _values(at - bar.start, stop - bar.start, bar)
            for begin, end in spans:
                found.append(_element(event, begin + bar.start, end + bar.start, staff, signature))
            at = stop
        yield found


def _values(start: int, stop: int, bar: Bar) -> Iterator[tuple[int, int]]:
    """Yield the values that make up a span within a bar, such that beats can be seen."""
    while start < stop:
        end = start + _longest(start, stop, _beat(bar))
        yield start, end
        start = end


def _beat(bar: Bar) -> int:
    """Return the beat of a metre in units: a dotted quarter in 6/8, 9/8 and 12/8."""
    compound = bar.denominator == 8 and bar.numerator % 3 == 0 and bar.numerator > 3
    return UNITS * 3 // 2 if compound else UNITS


def _longest(start: int, stop: int, beat: int) -> int:
    """Return the longest value that may begin at `start`.

    On a beat, it must end on a beat or within this one. Elsewhere it must end with the beat, except
    for a quarter between two eighths, if it fills the span (a longer note would be a chain of ties
    off the beat). Triplets stay within their quarter.
    """
    if start % 3 or (stop % 3 and stop // UNITS == start // UNITS):
        room = min(stop - start, UNITS - start % UNITS)
        fits = TRIPLETS if start % 8 == 0 else TRIPLETS[-1:]
        return next((value for value in fits if value <= room), room)
    room = (stop - stop % UNITS if stop % 3 else stop) - start
    inside = start % beat
    for value in VALUES:
        if value <= room and _may_begin(inside, value, beat, whole=value == room):
            return value
    return room


def _may_begin(inside: int, value: int, beat: int, *, whole: bool) -> bool:
    if inside:
        syncopated = whole and beat == UNITS and inside == UNITS // 2 and value == UNITS
        return inside + value <= beat or syncopated
    return value % beat == 0 or value < beat or 2 * value == 3 * beat


def _element(event: Event | None, start: int, stop: int, staff: Staff, signature: key.Key) -> Any:  # noqa: ANN401 - note, chord, rest or stroke
    length = duration.Duration(Fraction(stop - start, UNITS))
    if event is None:
        return note.Rest(duration=length)
    if staff.program == DRUMS:
        made: Any = _strokes(event)
    else:
        pitches = [_pitch(each, signature.sharps) for each in event.pitches]
        made = note.Note(pitches[0]) if len(pitches) == 1 else chord.Chord(pitches)
    made.duration = length
    before, after = event.start < start, event.stop > stop
    if before and staff.program == DRUMS:  # a stroke sounds once: no ties
        return note.Rest(duration=length)
    if (before or after) and staff.program != DRUMS:
        made.tie = tie.Tie("continue" if before and after else "stop" if before else "start")
    return made


def _pitch(number: int, sharps: int) -> pitch.Pitch:
    name, octave = spelling(number, sharps)
    spelt = pitch.Pitch(name)
    spelt.octave = octave
    return spelt


def _strokes(event: Event) -> Any:  # noqa: ANN401 - a stroke, or several
    strokes = []
    for each in event.pitches:
        shape = drums.shape(each)
        stroke = note.Unpitched(displayName=shape.place)
        stroke.notehead = shape.head
        strokes.append(stroke)
    return strokes[0] if len(strokes) == 1 else percussion.PercussionChord(strokes)
