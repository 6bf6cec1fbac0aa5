"""Recordings at the pitch and the sampling rate of a rendering, made a chunk at a time and kept.

A recording is moved to a pitch by reading it at another speed. Between its samples it is
interpolated: it is oversampled four times by its spectrum, which is exact, then read by the cubic
through four neighbours (Catmull and Rom's), whose error is some 70 dB below the sound. What would
come to lie above half the sampling rate is taken out beforehand, so nothing is mirrored down.

Conventions. A chunk is `CHUNK` samples of the rendering; chunk 0 begins with the onset.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.music.sound.bank import Recording

__all__ = ["CHUNK", "LAYERS", "Tone", "Waves"]

CHUNK = 16384

LAYERS = 4
"""How many strengths a note may have, 0 the darkest."""

QUIET = 3e-4
"""What decays below this part of its beginning has ended: -70 dB."""

_OVER = 4  # times as many samples
_LEAD, _TRAIL = 64, 256  # samples around a recording, so that it has neighbours everywhere
_MOST_BYTES = 64 * 2**20  # of chunks kept, and as many of oversampled recordings
_RAMP = 1000  # the part of a second in which a note begins, so that it is no click
_BORDER = 0.93  # above this part of the highest frequency, the low-pass falls


@dataclass(frozen=True)
class Tone:
    """A recording at a pitch and a strength: what `Waves` makes chunks of.

    pitch: a MIDI note, with a fraction. layer: 0..LAYERS - 1; the highest is as recorded.
    """

    recording: Recording
    pitch: float
    layer: int

    def step(self, rate: int) -> float:
        """Return how many samples of the recording make one of the rendering."""
        return math.exp2((self.pitch - self.recording.pitch) / 12) * self.recording.rate / rate

    def length(self, rate: int) -> int | None:
        """Return after how many samples it has ended by itself; None if it holds."""
        own = self.recording
        if not own.loops:
            return math.ceil(len(own.samples) / self.step(rate))
        if math.isinf(own.decay):
            return None
        return math.ceil(-math.log(QUIET) * own.decay * own.rate / self.step(rate))


class Waves:
    """The chunks of tones at one sampling rate; those used last are kept, up to a number of bytes.

    >>> from howlkit.music.sound import bank
    >>> Waves(44100).chunk(Tone(bank.instrument("piano")[9], 60, 3), 0).shape
    (16384,)
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._chunks: OrderedDict[tuple[Tone, int], NDArray[np.float32]] = OrderedDict()
        self._tables: OrderedDict[tuple[Recording, int, float], NDArray[np.float32]] = OrderedDict()

    def chunk(self, tone: Tone, number: int) -> NDArray[np.float32]:
        """Return (CHUNK,): the sound of a tone from sample `number` * CHUNK on, its decay in it."""
        kept = self._chunks.get((tone, number))
        if kept is not None:
            self._chunks.move_to_end((tone, number))
            return kept
        made = self._made(tone, number)
        self._chunks[tone, number] = made
        while len(self._chunks) * CHUNK * made.itemsize > _MOST_BYTES:
            self._chunks.popitem(last=False)
        return made

    def _made(self, tone: Tone, number: int) -> NDArray[np.float32]:
        own, step = tone.recording, tone.step(self.rate)
        end = len(own.samples)
        at = np.arange(number * CHUNK, (number + 1) * CHUNK, dtype=np.float64) * step
        decay = np.exp(at / (-own.decay * own.rate)).astype(np.float32)
        if at[-1] >= end:
            if own.loops:
                over = at >= end
                at[over] = own.loop + (at[over] - end) % (end - own.loop)
            else:
                np.minimum(at, end + _TRAIL / 2, out=at)  # silence
        table = self._table(own, tone.layer, min(1.0, 1.0 / step))
        made = interpolated(table, (at + _LEAD) * _OVER) * decay
        if number == 0:
            ramp = self.rate // _RAMP
            made[:ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)
        return made

    def _table(self, own: Recording, layer: int, highest: float) -> NDArray[np.float32]:
        key = (own, layer, highest)
        kept = self._tables.get(key)
        if kept is not None:
            self._tables.move_to_end(key)
            return kept
        made = oversampled(own, layer, highest)
        self._tables[key] = made
        while len(self._tables) > 1 and sum(t.nbytes for t in self._tables.values()) > _MOST_BYTES:
            self._tables.popitem(last=False)
        return made


def oversampled(own: Recording, layer: int, highest: float = 1.0) -> NDArray[np.float32]:
    """Return a recording with four times as many samples, some before and after it too.

    layer: the strength; below the highest, what lies above the first partials is softer. highest:
    the part of the spectrum that stays, 1: all of it.
    """
    trail = np.zeros(_TRAIL, np.float32)
    if own.loops:
        trail = np.resize(own.samples[own.loop :], _TRAIL)
    size = -(-(_LEAD + len(own.samples) + 2 * _TRAIL) // 1024) * 1024
    padded = np.zeros(size, np.float32)
    padded[_LEAD : _LEAD + len(own.samples)] = own.samples
    padded[_LEAD + len(own.samples) :][:_TRAIL] = trail
    # The trail fades, so that its end is no click that would ring.
    padded[_LEAD + len(own.samples) + _TRAIL // 2 :][: _TRAIL // 2] *= np.linspace(
        1, 0, _TRAIL // 2
    )
    spectrum = np.fft.rfft(padded)
    part = np.arange(len(spectrum)) / (len(spectrum) - 1)
    if layer < LAYERS - 1:
        spectrum *= _darkness(part * own.rate / 2, own.pitch, layer / (LAYERS - 1))
    if highest < 1:
        spectrum *= np.clip((highest - part) / (highest * (1 - _BORDER)), 0, 1)
    whole = np.zeros(_OVER * size // 2 + 1, spectrum.dtype)
    whole[: len(spectrum)] = spectrum
    return (np.fft.irfft(whole, _OVER * size) * _OVER).astype(np.float32)


def _darkness(hertz: NDArray[np.float64], pitch: float, strength: float) -> NDArray[np.float64]:
    """Return what a strength, 0..1, leaves of each frequency."""
    corner = 2.5 * 440 * 2 ** ((pitch - 69) / 12) + 300
    return strength + (1 - strength) / np.sqrt(1 + (hertz / corner) ** 2)


def interpolated(table: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the values (N,) of a table between its entries, at positions (N,) 1..len - 3.

    >>> interpolated(np.arange(8, dtype=np.float32), np.array([2.0, 2.5])).tolist()
    [2.0, 2.5]
    """
    whole = at.astype(np.int32)
    f = (at - whole).astype(np.float32)
    a, b, c, d = (table.take(whole + k) for k in (-1, 0, 1, 2))
    cubic = 1.5 * (b - c) + 0.5 * (d - a)
    square = a - 2.5 * b + 2 * c - 0.5 * d
    result: NDArray[np.float32] = ((cubic * f + square) * f + 0.5 * (c - a)) * f + b
    return result
