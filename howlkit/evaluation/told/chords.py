"""The notes of an excerpt as chords: what begins together, and what sounds then.

Notes begin **together** if each begins at most 30 ms after the one before it: a listener hears no
order in them, and players do not keep to the tick. Notes of one pitch and instrument that begin
together are heard as one, and are one here, as long as the longest: which tracks they come from is
not heard, and encoders do not keep it. A note ends at the latest where its key is struck again: on
one channel a MIDI file can say nothing else, so other ends would only show how it was written.
Drums have no pitch and are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

__all__ = [
    "NEAR",
    "TOGETHER",
    "Chords",
    "Floats",
    "Integers",
    "commonest",
    "entropy",
    "kinds",
    "share",
    "struck_again",
]

TOGETHER = 0.030
"""In seconds: notes that begin at most so long after each other begin together."""

NEAR = 0.12
"""Two times are alike if they differ by at most this part."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Chords:
    """The onsets of an excerpt, each with the notes that begin there; K of them, of N notes.

    pitch, velocity, program: (N,) of the notes, in the order of their onsets.
    begins, ends: (N,) seconds at which the notes begin and end, without the pedal.
    chord: (N,) which of the K chords each note is in.

    >>> chords = Chords.of(Piece.of([(0, 960, 60), (10, 480, 64), (480, 480, 67)]))
    >>> chords.onsets.tolist(), chords.top.tolist(), chords.bottom.tolist()
    ([0.0, 0.5], [64, 67], [60, 67])
    >>> chords.sounding_classes.sum(axis=1).tolist()  # C and E, then C and G
    [2, 2]
    """

    pitch: Integers
    velocity: Integers
    program: Integers
    begins: Floats
    ends: Floats
    chord: Integers

    @classmethod
    def of(cls, piece: Piece) -> Chords:
        """Return the chords of a piece or an excerpt."""
        melodic = piece.notes["program"] != DRUMS
        notes, last = piece.notes[melodic], piece.ends[melodic]
        begins, ends = piece.seconds(notes["start"]), piece.seconds(last)
        new = np.diff(begins, prepend=-np.inf) > TOGETHER
        chord = np.cumsum(new) - 1
        columns = [notes[name].astype(np.int64) for name in ("pitch", "velocity", "program")]
        # The longest of those heard as one comes first, and is kept.
        order = np.lexsort((-ends, columns[0], columns[2], chord))
        heard = np.stack([chord, columns[2], columns[0]])[:, order]
        kept = order[(np.diff(heard, axis=1, prepend=-1) != 0).any(0)]
        kept.sort()
        pitch, velocity, program = (column[kept] for column in columns)
        begins, ends, chord = begins[kept], ends[kept], chord[kept]
        before, again = struck_again(program * 128 + pitch)
        ends[before] = np.minimum(ends[before], begins[again])
        return cls(pitch, velocity, program, begins, ends, chord)

    def __len__(self) -> int:
        """Return K, the number of chords."""
        return int(self.chord[-1]) + 1 if len(self.chord) else 0

    @cached_property
    def _first(self) -> NDArray[np.intp]:
        return np.flatnonzero(np.diff(self.chord, prepend=-1))

    @cached_property
    def sizes(self) -> Integers:
        """(K,): how many notes begin together."""
        return np.bincount(self.chord, minlength=len(self)).astype(np.int64)

    @cached_property
    def onsets(self) -> Floats:
        """(K,): the second at which each chord begins."""
        return self.begins[self._first]

    @cached_property
    def gaps(self) -> Floats:
        """(K - 1,): the seconds from each onset to the next, all above `TOGETHER`."""
        return np.diff(self.onsets)

    @cached_property
    def top(self) -> Integers:
        """(K,): the highest pitch that begins in each chord."""
        return self._extreme(np.maximum)

    @cached_property
    def bottom(self) -> Integers:
        """(K,): the lowest pitch that begins in each chord."""
        return self._extreme(np.minimum)

    @cached_property
    def classes(self) -> Integers:
        """(K,): the pitch classes that begin in each chord, as a sum of 2 ** class."""
        masks = np.left_shift(1, self.pitch % 12)
        return np.bitwise_or.reduceat(masks, self._first) if len(self) else masks

    @cached_property
    def sounding(self) -> NDArray[np.bool_]:
        """(K, N): which notes sound when all of a chord have begun.

        Those are the notes of the chord, and earlier ones that last longer than `TOGETHER` on.
        """
        last = np.zeros(len(self))
        np.maximum.at(last, self.chord, self.begins)
        earlier = self.chord[None, :] < np.arange(len(self))[:, None]
        begun = self.chord[None, :] == np.arange(len(self))[:, None]
        still = earlier & (self.ends[None, :] > last[:, None] + TOGETHER)
        return np.asarray(begun | still, np.bool_)

    @cached_property
    def sounding_classes(self) -> NDArray[np.bool_]:
        """(K, 12): which pitch classes sound when all of a chord have begun."""
        one_hot = np.eye(12, dtype=np.float32)[self.pitch % 12]  # floats multiply more quickly
        return np.asarray(self.sounding.astype(np.float32) @ one_hot > 0)

    def _extreme(self, ufunc: Any) -> Integers:  # noqa: ANN401 - numpy's own types say no more
        return np.asarray(ufunc.reduceat(self.pitch, self._first) if len(self) else self.pitch)


def struck_again(keys: Integers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the notes whose key is struck again, and for each the next note of the key.

    keys: (N,) the key of each note, in the order of onsets.

    >>> [each.tolist() for each in struck_again(np.array([60, 64, 60, 60]))]
    [[0, 2], [2, 3]]
    """
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    return order[:-1][same], order[1:][same]


def entropy(counts: Floats | Integers) -> float:
    """Return the entropy of a histogram in bits; NaN if it is empty."""
    used = counts[counts > 0]
    if not len(used):
        return math.nan
    shares = used / used.sum()
    return float(max(-(shares * np.log2(shares)).sum(), 0.0))


def kinds(values: Floats, middle: float) -> float:
    """Return the entropy of positive values in classes of a third of an octave, in bits.

    middle: the middle of a class; twice and half of it are others. A value in the middle half of a
    class counts there; one near a border is shared out between two classes, so that small
    differences make small ones. NaN: there are no values.
    """
    if not len(values):
        return math.nan
    place = 3 * np.log2(values / middle)
    below = np.floor(place)
    part = np.clip(2 * (place - below) - 0.5, 0, 1)
    number = (below - below.min()).astype(np.int64)
    size = int(number.max()) + 2
    return entropy(np.bincount(number, 1 - part, size) + np.bincount(number + 1, part, size))


def commonest(values: Floats) -> tuple[NDArray[np.bool_], float]:
    """Return which of positive values (N,) are near the one that most are near, and their median.

    Near: within 12 %.
    """
    near = np.abs(values[:, None] / values[None, :] - 1) <= NEAR
    which = near[:, near.sum(0).argmax()]
    return which, float(np.median(values[which]))


def share(which: NDArray[np.bool_]) -> float:
    """Return the share of the values that are true; NaN if there are none."""
    return float(which.mean()) if which.size else float("nan")
