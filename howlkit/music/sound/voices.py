"""The voices of a piece: what sounds from when to when, how loud, and where.

A voice is a note on its way through an instrument: it begins at the onset, is released where the
note ends (or where the pedal lifts, or the key is struck again), and ends with its release. A
drum sounds to its own end. Volume, expression and pan of a MIDI file count as they stand at the
onset; bends do not. Positions are samples of the rendering.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.sound import bank
from howlkit.music.sound.bank import Recording
from howlkit.music.sound.instruments import (
    CHOKED,
    CHOKING,
    DRUM_KIT,
    Drum,
    Instrument,
    of_program,
)
from howlkit.music.sound.waves import LAYERS, Tone
from howlkit.music.tables import DRUMS, MAX_TICK

__all__ = ["VOICE", "Voices", "release_samples"]

VOICE = np.dtype(
    [
        ("start", "<i8"),
        ("stop", "<i8"),
        ("end", "<i8"),
        ("tone", "<i4"),
        ("left", "<f4"),
        ("right", "<f4"),
    ]
)
"""A voice: its onset, its release, the first sample after it; its tone, and its two levels."""

RELEASES = 7
"""A release lasts so many times as long as it takes to fall to 1/e: to -61 dB, then to nothing."""

LOUDNESS = 0.04
"""The level of a note of velocity 100, -28 dB of full scale, so that chords have room."""

_VOLUME, _PAN, _EXPRESSION = 7, 10, 11  # controllers of MIDI
_DRUMS = 0.65  # the level of drums, whose beginnings are loud
_USUAL_VOLUME = 100  # of General MIDI, where a file sets none
_PLACES = 0.6  # how far left or right of the middle an instrument sits at most


@dataclass(frozen=True)
class Voices:
    """The voices of a piece, by rising start, and what their tones are.

    table: of `VOICE`. tones: the tone of each number. releases: seconds, of each tone.
    """

    table: NDArray[np.void]
    tones: tuple[Tone, ...]
    releases: tuple[float, ...]

    @classmethod
    def of(cls, piece: Piece, rate: int, *, gain: float = 0.0) -> Voices:
        """Return the voices of a piece, in samples at a rate; gain: decibels to add."""
        notes = piece.notes
        table = np.zeros(len(notes), VOICE)
        table["start"] = _samples(piece.seconds(notes["start"]), rate)
        table["stop"] = _samples(piece.seconds(_ends(piece)), rate)
        layers = np.minimum(notes["velocity"].astype(np.int64) * LAYERS // 112, LAYERS - 1)
        volume, place = _channel(piece)
        level = (
            LOUDNESS
            * 10 ** (gain / 20)
            * (notes["velocity"].astype(np.float64) / 100) ** 2
            * volume
        )
        tones: list[Tone] = []
        releases: list[float] = []
        for program, pitch, layer, which in _groups(notes, layers):
            instrument = of_program(program)
            tone, factor, at = _tone(instrument, program, pitch, layer)
            table["tone"][which] = len(tones)
            tones.append(tone)
            releases.append(instrument.release)
            _settle(table, which, tone, instrument, program, rate)
            angle = (np.clip(place[which] + at, -1, 1) + 1) * np.pi / 4  # of equal power
            table["left"][which] = level[which] * factor * np.cos(angle) * np.sqrt(2)
            table["right"][which] = level[which] * factor * np.sin(angle) * np.sqrt(2)
        return cls(table[np.argsort(table["start"], kind="stable")], tuple(tones), tuple(releases))


def release_samples(seconds: float, rate: int) -> int:
    """Return how many samples a release of so many seconds to 1/e lasts."""
    return int(RELEASES * seconds * rate) + 1


def _samples(seconds: NDArray[np.float64], rate: int) -> NDArray[np.int64]:
    return np.rint(seconds * rate).astype(np.int64)


def _ends(piece: Piece) -> NDArray[np.int64]:
    """Return the tick at which each note is released: where the key is struck again, if sooner."""
    notes, ends = piece.notes, piece.held.copy()
    order = np.lexsort((notes["start"], notes["pitch"], notes["program"], notes["track"]))
    one, next_one = order[:-1], order[1:]
    same = np.ones(len(one), bool)
    for column in ("pitch", "program", "track"):
        same &= notes[column][one] == notes[column][next_one]
    again = notes["start"][next_one].astype(np.int64)
    same &= again > notes["start"][one]
    ends[one[same]] = np.minimum(ends[one[same]], again[same])
    drums = notes["program"] == DRUMS
    open_hats = np.flatnonzero(drums & (notes["pitch"] == CHOKED))
    closed = notes["start"][drums & np.isin(notes["pitch"], CHOKING)].astype(np.int64)
    after = np.searchsorted(closed, notes["start"][open_hats], side="right")
    ends[open_hats] = np.append(closed, MAX_TICK)[after]
    return ends


def _groups(
    notes: NDArray[np.void], layers: NDArray[np.int64]
) -> Iterator[tuple[int, int, int, NDArray[np.intp]]]:
    """Yield program, pitch, layer and the notes that have these."""
    key = (notes["program"].astype(np.int64) * 128 + notes["pitch"]) * LAYERS + layers
    order = np.argsort(key, kind="stable")
    borders = np.flatnonzero(np.diff(key[order])) + 1
    for which in np.split(order, borders) if len(order) else ():
        rest, layer = divmod(int(key[which[0]]), LAYERS)
        yield *divmod(rest, 128), layer, which


def _tone(
    instrument: Instrument, program: int, pitch: int, layer: int
) -> tuple[Tone, float, float]:
    """Return the tone of a note, its gain, and the place where it sounds."""
    layer = layer if instrument.darkens else LAYERS - 1
    recordings = bank.instrument(instrument.name)
    if program == DRUMS:
        drum = DRUM_KIT.get(pitch, Drum(37, 0.5))
        own = next(each for each in recordings if each.low == drum.key)
        return (
            Tone(own, own.pitch + drum.semitones, layer),
            own.gain * drum.level * _DRUMS,
            drum.place,
        )
    own = _recording(recordings, pitch)
    place = instrument.place + instrument.spread * (pitch - 60) / 12
    place = min(max(place, -_PLACES), _PLACES)
    return Tone(own, pitch, layer), own.gain * instrument.level, place


def _recording(recordings: tuple[Recording, ...], pitch: int) -> Recording:
    return next(each for each in recordings if each.low <= pitch <= each.high)


def _settle(
    table: NDArray[np.void],
    which: NDArray[np.intp],
    tone: Tone,
    instrument: Instrument,
    program: int,
    rate: int,
) -> None:
    """Set where the voices of a tone are released and where they end."""
    start, stop = table["start"][which], table["stop"][which]
    own_length = tone.length(rate)
    if program == DRUMS and tone.recording.low != CHOKED:
        stop = start + (own_length or 0)
    end = stop + release_samples(instrument.release, rate)
    if own_length is not None:
        # What is released there is too soft to be heard, but it must not end in a step.
        end = np.minimum(end, start + own_length + release_samples(instrument.release, rate))
        stop = np.minimum(stop, start + own_length)
    table["stop"][which], table["end"][which] = stop, np.maximum(end, stop + 1)


def _channel(piece: Piece) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what volume and expression make of the level of each note, and the place by pan."""
    notes, controls = piece.notes, piece.extras.controls
    volume = np.full(len(notes), _USUAL_VOLUME / 127)
    expression, place = np.ones(len(notes)), np.zeros(len(notes))
    for number, into in ((_VOLUME, volume), (_EXPRESSION, expression), (_PAN, place)):
        of_number = controls[controls["number"] == number]
        for track in np.unique(of_number["track"]).tolist():
            own = of_number[of_number["track"] == track]
            which = np.flatnonzero(notes["track"] == track)
            at = np.searchsorted(own["tick"], notes["start"][which], side="right") - 1
            set_before = at >= 0
            value = own["value"][at[set_before]] / 127
            into[which[set_before]] = 2 * value - 1 if number == _PAN else value
    return (volume * expression * 127 / _USUAL_VOLUME) ** 2, place
