"""The programs that an encoder may write, and the nearest of them to every other program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.music import general_midi
from howlkit.music.piece import Piece
from howlkit.music.tables import DRUMS

__all__ = ["NO_PROGRAM", "Occurrences", "Palette", "tracks_by_program", "what_is_lost"]

NO_PROGRAM = 255
"""The nearest program where there is none: of drums without drums, of others with drums only."""

_FAMILY = 8  # General MIDI has its programs in families of eight: pianos, guitars, strings ...

_NAMED = 4  # more programs are not named in a message

_MANY = 50  # with so many pieces, what occurs in one of them is an exception


@dataclass(frozen=True)
class Occurrences:
    """In how many pieces each program occurs.

    counts: (129,), by program. pieces: the number of pieces.
    """

    counts: NDArray[np.int64]
    pieces: int

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Occurrences:
        """Return the occurrences in pieces."""
        counts, number = np.zeros(DRUMS + 1, np.int64), 0
        for piece in pieces:
            counts[np.unique(piece.notes["program"])] += 1
            number += 1
        return cls(counts, number)

    @property
    def usual(self) -> NDArray[np.intp]:
        """The programs of at least 1 piece in 100, and of 50 pieces or more of at least 2, rising.

        If there is none, they are those that occur most often. A program of one piece among many is
        a slip or a stranger: a model learns nothing of it but that it may occur.

        >>> pieces = [Piece.of([(0, 480, 60, 80, program)]) for program in [0] * 49 + [33]]
        >>> Occurrences.of(pieces).usual.tolist()
        [0]
        """
        fewest = max(-(-self.pieces // 100), 2 if self.pieces >= _MANY else 1)
        return np.flatnonzero(self.counts >= min(fewest, max(int(self.counts.max()), 1)))


def tracks_by_program(programs: NDArray[Any]) -> NDArray[np.intp]:
    """Return a track for each note (N,), one a program, so that a sequencer shows them apart."""
    return np.asarray(np.unique(programs, return_inverse=True)[1])


@dataclass(frozen=True)
class Palette:
    """A choice among the programs 0..127 and `DRUMS`, in rising order."""

    programs: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Palette:
        """Return the programs of an option such as "0,33,128"; "" stands for all.

        Raises OptionError for anything else.
        """
        if not text:
            return cls(tuple(range(DRUMS + 1)))
        try:
            programs = {int(part) for part in text.split(",")}
        except ValueError:
            programs = {-1}
        if not programs <= set(range(DRUMS + 1)):
            raise OptionError(
                f"instruments is {text!r}; numbers 0..{DRUMS} with commas between are allowed, "
                f"General MIDI programs from 0, {DRUMS} for drums: such as 0,33,{DRUMS}"
            )
        return cls(tuple(sorted(programs)))

    @cached_property
    def nearest(self) -> NDArray[np.uint8]:
        """(129,): by program, the nearest one in the palette.

        That is the program itself, else the nearest number in its family, else the nearest number;
        the lower of two that are equally near. Drums become drums only, and no other program does.
        """
        nearest = np.full(DRUMS + 1, NO_PROGRAM, np.uint8)
        melodic = np.array([program for program in self.programs if program != DRUMS])
        if len(melodic):
            every = np.arange(DRUMS)[:, None]
            strange = every // _FAMILY != melodic // _FAMILY
            nearest[:DRUMS] = melodic[(abs(every - melodic) + DRUMS * strange).argmin(axis=1)]
        if DRUMS in self.programs:
            nearest[DRUMS] = DRUMS
        return nearest


def what_is_lost(found: Occurrences, palette: Palette) -> str:
    """Return which programs of music are not in a palette, and what becomes of their notes; or "".

    >>> found = Occurrences.of([Piece.of([(0, 480, 60, 80, 0), (0, 480, 60, 80, 40)])])
    >>> what_is_lost(found, Palette.of("0"))
    '1 of 2 programs (Violin; in 1 of 1 pieces); its notes get the nearest program that is left'
    """
    there = np.flatnonzero(found.counts)
    lost = np.setdiff1d(there, palette.programs)
    if not len(lost):
        return ""
    silent = lost[palette.nearest.take(lost) == NO_PROGRAM]
    most, whose = found.counts[lost].max(), "its" if len(lost) == 1 else "their"
    often = f"in {most}" if len(lost) == 1 else f"each in {most}" + " or fewer" * bool(most > 1)
    said = (
        f"{len(lost)} of {len(there)} programs ({_names(lost)}; {often} of {found.pieces} pieces)"
    )
    if len(silent) < len(lost):
        said += f"; {whose} notes get the nearest program that is left"
    if len(silent):
        said += f"; for notes of {_names(silent)} there is none"
    return said


def _names(programs: NDArray[np.intp]) -> str:
    names = [general_midi.name(program) for program in programs[:_NAMED].tolist()]
    more = len(programs) - _NAMED
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
