"""A score of music21 to a Piece.

What becomes of what a Piece has no place for:

- Parts are tracks, in their order, those without notes left out; each staff of a piano is a part.
- Tied notes are one note. Grace notes, which have no length of their own, are left out.
- Transposing instruments are at sounding pitch, and octave clefs as they sound.
- Unpitched percussion and instruments of MIDI's channel 10 are drums.
- Tick 0 is a bar line: an upbeat stands at the end of a bar that begins with rests.
- Dynamic marks are velocities, until the next one in their part; hairpins and accents are not.
- A key is given as signature and mode; modes other than major and minor by their third.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

import numpy as np
from music21 import (
    chord,
    dynamics,
    exceptions21,
    harmony,
    instrument,
    key,
    meter,
    note,
    percussion,
    repeat,
    stream,
    tempo,
)

from howlkit.errors import DataError
from howlkit.music import (
    DRUMS,
    KEY_SIGNATURE,
    MAX_TICK,
    NOTE,
    TEMPO,
    TIME_SIGNATURE,
    Piece,
    last_at_each_tick,
)
from howlkit_music21.playing import Playing

__all__ = ["piece_of"]

RESOLUTION = 480
"""Ticks a beat, or a multiple of it where the score has finer tuplets."""

FINEST = 32767  # ticks a beat that a Piece can have

MINOR_THIRD = frozenset({"minor", "aeolian", "dorian", "phrygian", "locrian"})

UNKNOWN_DRUM = 38  # snare, General MIDI: of a stroke of which no score says on what

Table = np.ndarray[Any, Any]
Score = stream.Stream[Any]  # or a part of one


class Tone(NamedTuple):
    """A note as written; start and length in quarters. tied: to the note before it."""

    start: Fraction
    length: Fraction
    pitch: int
    velocity: int
    program: int
    track: int
    tied: bool


class Placed(NamedTuple):
    """Something in a part, and where it stands, in quarters from the start."""

    start: Fraction
    element: Any


Line = list[Placed]
T = TypeVar("T")


def piece_of(score: Score, playing: Playing) -> Piece:
    """Return the music of a score; DataError if it has no notes."""
    score = _as_heard(score, playing)
    parts: list[Score] = [*score.getElementsByClass(stream.Part)] or [score]
    lines = [_line(part) for part in parts]
    upbeat = _upbeat(parts[0])
    rows: list[Tone] = []
    for line in lines:
        rows += _joined(_tones(line, len({tone.track for tone in rows}), playing))
    if playing.chords:
        rows += _chord_symbols(lines, len({tone.track for tone in rows}), playing)
    if not rows:
        raise DataError("it has no notes")
    ticks = _resolution(rows, upbeat)
    return Piece(
        _notes(rows, upbeat, ticks),
        ticks_per_beat=ticks,
        tempos=_tempos(lines, upbeat, ticks, playing.bpm),
        time_signatures=_metres(lines[0], upbeat, ticks),
        key_signatures=_keys(lines[0], upbeat, ticks),
        name=_title(score),
    )


def _as_heard(score: Score, playing: Playing) -> Score:
    """Return the score at sounding pitch, and with repeats written out if that is asked for."""
    score.toSoundingPitch(inPlace=True)
    if not playing.repeats:
        return score
    try:
        return score.expandRepeats()
    except (repeat.ExpanderException, exceptions21.Music21Exception):
        return score  # signs that make no sense: as written


def _upbeat(part: Score) -> Fraction:
    """Return the quarters by which the first bar is shorter than its metre says."""
    bars = list(part.getElementsByClass(stream.Measure))
    if len(bars) < 2 or not bars[0].timeSignature:
        return Fraction(0)
    bar = _quarters(bars[0].barDuration.quarterLength)
    long = _quarters(bars[0].duration.quarterLength)
    return max(bar - long, Fraction(0)) if long else Fraction(0)


def _quarters(offset: Any) -> Fraction:  # noqa: ANN401 - float or Fraction, as music21 has them
    """Return an offset exactly; floats of music21 are fractions of a small denominator."""
    return Fraction(offset).limit_denominator(65535)


def _line(part: Score) -> Line:
    """Return all that stands in a part, whatever bar and voice it is in, in time.

    Not `Stream.flatten`: a metre that music21 has put into two bars as one object (it does so with
    ABC) would stand twice in the later one.
    """
    found = list(_placed(part, Fraction(0)))
    return sorted(found, key=lambda place: (place.start, place.element.classSortOrder))


def _placed(part: Score, begin: Fraction) -> Iterator[Placed]:
    for element in part:
        start = begin + _quarters(part.elementOffset(element))
        if isinstance(element, stream.Stream):
            yield from _placed(element, start)
        else:
            yield Placed(start, element)


def _of(line: Line, kind: type[T]) -> Iterator[tuple[Fraction, T]]:
    return ((start, element) for start, element in line if isinstance(element, kind))


def _tones(line: Line, track: int, playing: Playing) -> Iterator[Tone]:
    """Yield the notes of a part, in time; chords note by note."""
    program, drums, velocity = 0, False, playing.velocity
    for start, element in line:
        if isinstance(element, instrument.Instrument):
            program, drums = _program(element)
        elif isinstance(element, dynamics.Dynamic):
            velocity = min(max(round(127 * element.volumeScalar), 1), 127)
        elif isinstance(element, note.NotRest) and _is_heard(element):
            length = _quarters(element.quarterLength)
            for pitch, tied, is_drum in _pitches(element):
                sound = DRUMS if is_drum or drums else program
                yield Tone(start, length, pitch, velocity, sound, track, tied)


def _is_heard(element: note.NotRest) -> bool:
    return not isinstance(element, harmony.Harmony) and element.quarterLength > 0


def _program(element: instrument.Instrument) -> tuple[int, bool]:
    """Return the MIDI program of an instrument, and whether it is played on the drum channel."""
    program = element.midiProgram
    drums = isinstance(element, instrument.UnpitchedPercussion) or element.midiChannel == 9
    return (program if program is not None and 0 <= program < 128 else 0), drums


def _pitches(element: note.NotRest) -> Iterator[tuple[int, bool, bool]]:
    """Yield pitch, whether it is tied to what is before, and whether it is a drum."""
    members: Iterable[Any] = [element]
    if isinstance(element, chord.Chord | percussion.PercussionChord):
        members = element.notes
    for member in members:
        mark = member.tie or element.tie
        tied = mark is not None and mark.type in ("stop", "continue")
        if isinstance(member, note.Unpitched):
            yield _drum(member), tied, True
        elif 0 <= round(member.pitch.ps) < 128:
            yield round(member.pitch.ps), tied, False


def _drum(stroke: note.Unpitched) -> int:
    """Return the General MIDI drum of an unpitched note."""
    on = stroke.storedInstrument or stroke.getContextByClass(instrument.UnpitchedPercussion)
    pitch = getattr(on, "percMapPitch", None)
    return pitch if pitch is not None and 0 <= pitch < 128 else UNKNOWN_DRUM


def _joined(tones: Iterable[Tone]) -> list[Tone]:
    """Return the notes with those that are tied made one; a tie to nothing is a note."""
    result: list[Tone] = []
    ends: dict[tuple[Fraction, int, int], int] = {}  # where a note of a pitch ends: its index
    for tone in sorted(tones, key=lambda tone: tone.start):
        index = ends.pop((tone.start, tone.pitch, tone.program), None) if tone.tied else None
        if index is None:
            index = len(result)
            result.append(tone)
        else:
            held = result[index]
            result[index] = held._replace(length=held.length + tone.length)
        ends[tone.start + tone.length, tone.pitch, tone.program] = index
    return result


def _chord_symbols(lines: Iterable[Line], track: int, playing: Playing) -> list[Tone]:
    """Return the notes of chord symbols, each held until the next, or the end of its part."""
    rows = []
    for line in lines:
        symbols = list(_of(line, harmony.ChordSymbol))
        end = max(start + _quarters(each.quarterLength) for start, each in line) if line else 0
        stops = [*(start for start, _ in symbols[1:]), Fraction(end)]
        for (start, symbol), stop in zip(symbols, stops, strict=True):
            pitches = [round(pitch.ps) for pitch in symbol.pitches] if stop > start else []
            rows += [
                Tone(start, stop - start, pitch, playing.velocity, 0, track, False)
                for pitch in pitches
                if 0 <= pitch < 128
            ]
    return rows


def _resolution(rows: Iterable[Tone], upbeat: Fraction) -> int:
    """Return ticks a beat at which every position is exact, or RESOLUTION if there is no such."""
    denominators = {upbeat.denominator}
    for tone in rows:
        denominators |= {tone.start.denominator, tone.length.denominator}
    ticks = math.lcm(RESOLUTION, *denominators)
    return ticks if ticks <= FINEST else RESOLUTION


def _notes(rows: list[Tone], upbeat: Fraction, ticks: int) -> Table:
    table = np.zeros(len(rows), NOTE)
    starts = [round((tone.start + upbeat) * ticks) for tone in rows]
    stops = [round((tone.start + tone.length + upbeat) * ticks) for tone in rows]
    if max(stops) > MAX_TICK or min(starts) < 0:
        raise DataError("its notes lie outside of what a file can hold")
    table["start"] = starts
    table["duration"] = np.maximum(np.subtract(stops, starts), 1)
    for column in ("pitch", "velocity", "program", "track"):
        table[column] = [getattr(tone, column) for tone in rows]
    return table


def _at(start: Fraction, upbeat: Fraction, ticks: int) -> int:
    """Return the tick of an entry of a map; what stands at the very start holds from tick 0."""
    return round((start + upbeat) * ticks) if start > 0 else 0


def _tempos(lines: list[Line], upbeat: Fraction, ticks: int, bpm: int) -> Table:
    """Return the tempo marks of all parts; `bpm` until the first."""
    found = {0: round(60e6 / bpm)}
    for line in reversed(lines):  # the upper part decides
        for start, mark in _of(line, tempo.MetronomeMark):
            pace = mark.getQuarterBPM()
            if pace and 4 <= pace <= 2000:
                found[_at(start, upbeat, ticks)] = round(60e6 / pace)
    return _changes(np.array(sorted(found.items()), TEMPO))


def _metres(line: Line, upbeat: Fraction, ticks: int) -> Table:
    found = [
        (_at(start, upbeat, ticks), metre.numerator, metre.denominator)
        for start, metre in _of(line, meter.TimeSignature)
        if 1 <= metre.numerator <= 255 and metre.denominator in {2**power for power in range(8)}
    ]
    return _changes(np.array(sorted(found, key=lambda row: row[0]), TIME_SIGNATURE))


def _keys(line: Line, upbeat: Fraction, ticks: int) -> Table:
    found = [
        (
            _at(start, upbeat, ticks),
            signature.sharps,
            isinstance(signature, key.Key) and signature.mode in MINOR_THIRD,
        )
        for start, signature in _of(line, key.KeySignature)
        if signature.sharps is not None and -7 <= signature.sharps <= 7
    ]
    return _changes(np.array(sorted(found, key=lambda row: row[0]), KEY_SIGNATURE))


def _changes(table: Table) -> Table:
    """Return a map without entries that say what holds already; of those at one tick the last."""
    table = last_at_each_tick(table)
    values = table[[name for name in table.dtype.names or () if name != "tick"]]
    return np.asarray(table[np.append(True, values[1:] != values[:-1])[: len(table)]])


def _title(score: Score) -> str:
    title = score.metadata.bestTitle if score.metadata is not None else None
    return str(title or "").strip()[:100]
