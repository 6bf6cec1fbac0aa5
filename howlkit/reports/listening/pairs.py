"""The pairs of a listening test: which pieces, in which order, of one length.

Pieces with the same name in A and B are a pair, such as two continuations of one prompt. Otherwise
the seed draws pairs. In half of them A comes first. Silence before the first note is left out,
since its length could give a side away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from howlkit.errors import DataError, printable
from howlkit.reports.music_to_show import NamedPiece

__all__ = ["Pair", "Side", "draw_pairs"]

Side = Literal["A", "B"]

_SHORTEST = 2.0  # seconds of a piece that can be judged


@dataclass(frozen=True)
class Pair:
    """Two pieces to compare.

    first: the side that is heard as "First". seconds: the length of both. repeats: the number of
    the pair, from 0, that this one repeats with sides changed; None: it is heard for the first
    time.
    """

    a: NamedPiece
    b: NamedPiece
    first: Side
    seconds: float
    repeats: int | None = None

    @property
    def heard(self) -> tuple[NamedPiece, NamedPiece]:
        """The pieces in the order in which they stand on the page."""
        return (self.a, self.b) if self.first == "A" else (self.b, self.a)


def draw_pairs(
    a: Sequence[NamedPiece],
    b: Sequence[NamedPiece],
    *,
    count: int,
    seconds: float,
    seed: int,
    repeats: int = 0,
) -> list[Pair]:
    """Return at most `count` pairs in random order, and `repeats` of them again, sides changed.

    seconds: how much of each piece is heard; pairs with a shorter piece are as short as that.
    Raises DataError for a piece without notes, and if one is too short to be judged.
    """
    rng = np.random.default_rng(seed)
    matched = _matched([*map(_begun, a)], [*map(_begun, b)], rng)[:count]
    firsts = rng.permutation([side for _ in matched for side in ("A", "B")][: len(matched)])
    if len(matched) % 2 and rng.random() < 0.5:  # the one that is over is not always A's
        firsts = np.where(firsts == "A", "B", "A")
    pairs = [
        Pair(one, other, "A" if side == "A" else "B", _length(one, other, seconds))
        for (one, other), side in zip(matched, firsts.tolist(), strict=True)
    ]
    again = rng.permutation(len(pairs))[:repeats].tolist()
    return pairs + [
        replace(pairs[number], first="B" if pairs[number].first == "A" else "A", repeats=number)
        for number in again
    ]


def _matched(
    a: list[NamedPiece], b: list[NamedPiece], rng: np.random.Generator
) -> list[tuple[NamedPiece, NamedPiece]]:
    """Return pairs in random order: those of one name, or if there are none, at random."""
    by_name = {each.name: each for each in b}
    same = [(each, by_name[each.name]) for each in a if each.name in by_name]
    if same:
        return [same[number] for number in rng.permutation(len(same))]
    ones, others = rng.permutation(len(a)), rng.permutation(len(b))
    return [(a[one], b[other]) for one, other in zip(ones, others, strict=False)]


def _begun(each: NamedPiece) -> NamedPiece:
    if not len(each.piece):
        raise DataError(f"{printable(each.name)} has no notes, so it cannot be listened to")
    return NamedPiece(each.name, each.piece.without_leading_silence(bars=False))


def _length(one: NamedPiece, other: NamedPiece, seconds: float) -> float:
    length = min(one.piece.seconds_long, other.piece.seconds_long, seconds)
    if length < _SHORTEST:
        short = min((one, other), key=lambda each: each.piece.seconds_long)
        raise DataError(
            f"{printable(short.name)} lasts {short.piece.seconds_long:.1f} s, and a listening test "
            f"needs {_SHORTEST:g} s or more of each piece; leave it out"
        )
    return length
