"""Excerpts of equal length, and which pieces go together.

A piece is cut from its first onset on, end to end; what is left at its end is left out. Excerpts of
one piece, and of takes and variants of it in either set, are one **group**: they are never learnt
from and asked about at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import duplicates
from howlkit.dataset.sketches import sketch
from howlkit.music.piece import Piece

__all__ = ["CutPieces", "cut", "cut_all", "groups_of", "shared_number"]


@dataclass(frozen=True, eq=False)
class CutPieces:
    """The pieces of a set, and their excerpts.

    pieces: those that have an excerpt. excerpts: those of each piece, one or more, in order.
    copies, short: how many pieces were left out, since another has the same notes, or since they
    are shorter than an excerpt.
    """

    pieces: tuple[Piece, ...]
    excerpts: tuple[tuple[Piece, ...], ...]
    copies: int
    short: int

    def first(self, number: int) -> CutPieces:
        """Return the same with only the first `number` excerpts of each piece."""
        excerpts = tuple(own[:number] for own in self.excerpts)
        return CutPieces(self.pieces, excerpts, self.copies, self.short)

    @property
    def all_excerpts(self) -> list[Piece]:
        """The excerpts of all pieces, end to end."""
        return [excerpt for own in self.excerpts for excerpt in own]

    @property
    def piece_of(self) -> NDArray[np.int64]:
        """(excerpts,): the number of the piece of each of `all_excerpts`."""
        return np.repeat(np.arange(len(self.pieces)), [len(own) for own in self.excerpts])


def cut_all(pieces: Iterable[Piece], seconds: float) -> CutPieces:
    """Return the excerpts of some pieces; pieces without one, and copies, are left out."""
    seen: set[bytes] = set()
    kept: list[Piece] = []
    excerpts: list[tuple[Piece, ...]] = []
    copies = short = 0
    for piece in pieces:
        notes = piece.notes.tobytes() + piece.ticks_per_beat.to_bytes(2, "big")
        if notes in seen:
            copies += 1
            continue
        seen.add(notes)
        own = cut(piece, seconds)
        if own:
            kept.append(piece)
            excerpts.append(tuple(own))
        else:
            short += 1
    return CutPieces(tuple(kept), tuple(excerpts), copies, short)


def cut(piece: Piece, seconds: float) -> list[Piece]:
    """Return the excerpts of a piece, each of `seconds`, from its first onset on.

    An excerpt has the notes that begin in it, at their whole length. Only excerpts that the piece
    fills count, also if they are silent.

    >>> piece = Piece.of([(960 * i, 960, 60) for i in range(5)])  # 5 seconds
    >>> [len(excerpt) for excerpt in cut(piece, 2.0)]
    [2, 2]
    """
    if not len(piece):
        return []
    begin = float(piece.seconds(piece.notes["start"][0]))
    # A millisecond, so that a piece cut to the length of an excerpt still has one.
    number = int((piece.seconds_long - begin + 0.001) // seconds)
    return [
        piece.excerpt(seconds=(begin + k * seconds, begin + (k + 1) * seconds))
        for k in range(number)
    ]


def shared_number(*sets: CutPieces) -> int:
    """Return how many excerpts of a piece to use: as many as half of the pieces have, in each set.

    So pieces of a minute are compared with the first minute of others: an opening is told from the
    middle of a song, whoever made it.
    """
    return min(int(np.median([len(own) for own in each.excerpts])) for each in sets)


def groups_of(pieces: Iterable[Piece]) -> NDArray[np.int64]:
    """Return (pieces,): the group of each piece, the same for takes and variants of one.

    As `howlkit prepare` finds them.
    """
    sketches = [sketch(piece) for piece in pieces]
    return np.asarray(duplicates.group(np.stack(sketches, axis=1)), np.int64)
