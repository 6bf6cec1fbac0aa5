"""A Piece to a score of music21 that people can read, and that to MusicXML.

A track is a staff, or two braced ones if it is for a keyboard and wide. Bars follow the metres of
the Piece (4/4 where it has none). The key is the one that the Piece states, or else the likeliest
by Krumhansl's profiles, and pitches are spelt in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from music21 import (
    chord,
    clef,
    duration,
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
from howlkit.piece import DRUMS, Piece
from howlkit_music21.keys import estimate, spelling
from howlkit_music21.quantise import UNITS, Event, Voice, voices_of

__all__ = ["musicxml", "score_of"]

KEYBOARDS = frozenset({*range(8), 16, 17, 18, 19, 20, 46})
"""MIDI programs written on two staves: pianos, organs, the harp."""

MIDDLE = 60  # where two staves part

TEMPO_CHANGE = 0.05
"""A tempo is written where it differs by so much from the last one written, at a bar line."""

VALUES = (96, 72, 48, 36, 24, 18, 12, 9, 6, 3)
"""What one note can last, in units: whole, dotted half ... a thirty-second."""

TRIPLETS = (16, 8, 4)
"""The same within a triplet: quarter, eighth, sixteenth."""

WIDE = 24
"""Semitones from which on a track for a keyboard has two staves."""

SHAPES = {  # of drums: where they stand, and whether their head is a cross
    35: ("F4", False), 36: ("F4", False), 37: ("C5", True), 38: ("C5", False), 39: ("C5", True),
    40: ("C5", False), 41: ("G4", False), 42: ("G5", True), 43: ("A4", False), 44: ("D4", True),
    45: ("B4", False), 46: ("G5", True), 47: ("D5", False), 48: ("E5", False), 49: ("A5", True),
    50: ("F5", False), 51: ("F5", True), 53: ("F5", True), 55: ("B5", True), 57: ("B5", True),
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A bar: where it starts and stops, in units, its metre, and what is new in it."""

    start: int
    stop: int
    numerator: int
    denominator: int
    new_metre: bool
    bpm: int | None


@dataclass(frozen=True)
class Staff:
    """Notes for one staff."""

    voices: list[Voice]
    program: int
    clef: clef.Clef


def musicxml(piece: Piece, *, title: str = "") -> bytes:
    """Return a Piece as a MusicXML file; DataError if it has no notes."""
    return bytes(m21ToXml.GeneralObjectExporter(score_of(piece, title=title)).parse())


def score_of(piece: Piece, *, title: str = "") -> stream.Score:
    """Return a Piece as a score; DataError if it has no notes."""
    if not len(piece):
        raise DataError("there are no notes to write down")
    systems = [_staves(piece, track) for track in np.unique(piece.notes["track"]).tolist()]
    end = max(v.free for staves in systems for staff in staves for v in staff.voices)
    bars = list(_bars(piece, end))
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
        return key.KeySignature(int(stated["sharps"][0])).asKey(mode)
    sharps, minor = estimate(piece)
    return key.KeySignature(sharps).asKey("minor" if minor else "major")


def _staves(piece: Piece, track: int) -> list[Staff]:
    """Return the notes of a track as one staff, or two; drums of it as one more."""
    notes = piece.notes[piece.notes["track"] == track]
    drums = notes["program"] == DRUMS
    found = []
    if drums.any():
        struck = voices_of(notes[drums], piece.ticks_per_beat, most=1)
        found.append(Staff(struck, DRUMS, clef.PercussionClef()))
    for program in np.unique(notes["program"][~drums]).tolist():
        part = notes[notes["program"] == program]
        low = part["pitch"] < MIDDLE
        if program in KEYBOARDS and _is_wide(part["pitch"]):
            halves = ((part[~low], clef.TrebleClef()), (part[low], clef.BassClef()))
            found += [
                Staff(voices_of(half, piece.ticks_per_beat), program, sign) for half, sign in halves
            ]
        else:
            sign = clef.BassClef() if np.median(part["pitch"]) < 57 else clef.TrebleClef()
            found.append(Staff(voices_of(part, piece.ticks_per_beat), program, sign))
    return found


def _is_wide(pitches: Any) -> bool:  # noqa: ANN401 - an array
    low, high = int(pitches.min()), int(pitches.max())
    return high - low >= WIDE and low < 53 and high > 67


def _bars(piece: Piece, end: int) -> Iterator[Bar]:
    """Yield bars until `end`; a metre that changes within a bar begins a new one."""
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
            bound = stop if index + 1 < len(places) else at + length
            new_metre = at == start
            bpm = round(pace) if new else None
            yield Bar(at, min(at + length, bound), numerator, denominator, new_metre, bpm)


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
    except instrument.InstrumentException:
        found = instrument.Instrument()
        found.midiProgram = program
        return found


def _fill(measure: stream.Measure, lines: list[list[Any]], bar: Bar) -> None:
    """Put what each voice has in a bar into it; voices that are silent there only once."""
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
    """Yield what a voice has in each bar: notes, chords and rests, tied where values end."""
    events, index = voice.events, 0
    for bar in bars:
        found: list[Any] = []
        at = bar.start
        while at < bar.stop:
            while index < len(events) and events[index].stop <= at:
                index += 1
            event = events[index] if index < len(events) else None
            if event is None or event.start >= bar.stop:
                event, stop = None, bar.stop
            elif event.start > at:
                event, stop = None, event.start
            else:
                stop = min(event.stop, bar.stop)
            whole = event is None and (at, stop) == (bar.start, bar.stop)
            spans = [(0, stop - at)] if whole else _values(at - bar.start, stop - bar.start, bar)
            for begin, end in spans:
                found.append(_element(event, begin + bar.start, end + bar.start, staff, signature))
            at = stop
        yield found


def _values(start: int, stop: int, bar: Bar) -> Iterator[tuple[int, int]]:
    """Yield the values that a span within a bar is written with, so that beats can be seen."""
    while start < stop:
        end = start + _longest(start, stop, _beat(bar))
        yield start, end
        start = end


def _beat(bar: Bar) -> int:
    """Return the beat of a metre in units: a dotted quarter in 6/8, 9/8 and 12/8."""
    compound = bar.denominator == 8 and bar.numerator % 3 == 0 and bar.numerator > 3
    return UNITS * 3 // 2 if compound else UNITS


def _longest(start: int, stop: int, beat: int) -> int:
    """Return the longest value that may begin here.

    On a beat any that fits and ends on a beat or within this one; elsewhere one that ends with the
    beat, or a quarter in the middle of two eighths; triplets stay within their quarter.
    """
    if start % 3 or (stop % 3 and stop // UNITS == start // UNITS):
        room = min(stop - start, UNITS - start % UNITS)
        fits = TRIPLETS if start % 8 == 0 else TRIPLETS[-1:]
        return next(value for value in fits if value <= room)
    room = (stop - stop % UNITS if stop % 3 else stop) - start
    inside = start % beat
    for value in VALUES:
        if value <= room and _may_begin(inside, value, beat):
            return value
    return room


def _may_begin(inside: int, value: int, beat: int) -> bool:
    if inside:
        syncopated = beat == UNITS and inside == UNITS // 2 and value == UNITS
        return inside + value <= beat or syncopated
    return value % beat == 0 or value < beat or 2 * value == 3 * beat


def _element(event: Event | None, start: int, stop: int, staff: Staff, signature: key.Key) -> Any:  # noqa: ANN401 - note, chord, rest or stroke
    length = duration.Duration(Fraction(stop - start, UNITS))
    if event is None:
        return note.Rest(duration=length)
    if staff.program == DRUMS:
        made: Any = _strokes(event)
    else:
        pitches = [pitch.Pitch(spelling(each, signature.sharps)) for each in event.pitches]
        made = note.Note(pitches[0]) if len(pitches) == 1 else chord.Chord(pitches)
    made.duration = length
    before, after = event.start < start, event.stop > stop
    if (before or after) and staff.program != DRUMS:
        made.tie = tie.Tie("continue" if before and after else "stop" if before else "start")
    return made


def _strokes(event: Event) -> Any:  # noqa: ANN401 - a stroke, or several
    strokes = []
    for each in event.pitches:
        where, cross = SHAPES.get(each, ("E5", True))
        stroke = note.Unpitched(displayName=where)
        on = instrument.UnpitchedPercussion()
        on.percMapPitch = each
        on.instrumentId = f"drum{each}"
        stroke.storedInstrument = on
        if cross:
            stroke.notehead = "x"
        strokes.append(stroke)
    return strokes[0] if len(strokes) == 1 else percussion.PercussionChord(strokes)
