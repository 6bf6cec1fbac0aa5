"""Voices added up, a block at a time, so that music of any length needs little memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from howlkit.music.sound.voices import RELEASES, Voices, release_samples
from howlkit.music.sound.waves import CHUNK, Waves

__all__ = ["BLOCK", "mixed"]

BLOCK = 2**18
"""Samples of a block: six seconds at 44,100 a second."""


def mixed(voices: Voices, rate: int, count: int) -> Iterator[NDArray[np.float32]]:
    """Yield the sum of the voices, left above right, in blocks (2, T) of `count` samples in all."""
    waves, table = Waves(rate), voices.table
    releases = [_release(seconds, rate) for seconds in voices.releases]
    going = table[:0]
    first = 0
    for at in range(0, count, BLOCK):
        block = np.zeros((2, min(BLOCK, count - at)), np.float32)
        until = at + block.shape[1]
        beyond = int(np.searchsorted(table["start"], until))
        going = np.concatenate((going[going["end"] > at], table[first:beyond]))
        first = beyond
        for start, stop, end, number, left, right in going.tolist():
            low, high = max(start, at), min(end, until)
            while low < high:  # a chunk of the voice after the other
                chunk, inside = divmod(low - start, CHUNK)
                size = min(CHUNK - inside, high - low)
                sound = waves.chunk(voices.tones[number], chunk)[inside : inside + size]
                if low + size > stop:
                    sound = _released(sound, releases[number], low - stop)
                block[0, low - at : low - at + size] += sound * np.float32(left)
                block[1, low - at : low - at + size] += sound * np.float32(right)
                low += size
        yield block


def _release(seconds: float, rate: int) -> NDArray[np.float32]:
    """Return the factors of a release, from 1 to 0."""
    falling = np.exp(-np.linspace(0, RELEASES, release_samples(seconds, rate)))
    least = np.exp(-RELEASES)
    return np.asarray((falling - least) / (1 - least), np.float32)


def _released(
    sound: NDArray[np.float32], release: NDArray[np.float32], after: int
) -> NDArray[np.float32]:
    """Return a copy with a release in it; after: how many samples the release began before it."""
    sound = sound.copy()
    first = max(-after, 0)
    factors = release[first + after :][: len(sound) - first]
    sound[first : first + len(factors)] *= factors
    sound[first + len(factors) :] = 0
    return sound
