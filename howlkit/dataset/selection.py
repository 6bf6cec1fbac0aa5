"""Some pieces of a dataset, in order: a sequence that reads each piece when it is asked for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import ArgumentError
from howlkit.music.piece import Piece

__all__ = ["Selection"]


class Selection(Sequence[Piece]):
    """Pieces by number, 0 .. len - 1; a slice is a Selection too.

    read: returns the piece of a dataset's number, and raises what `Dataset.piece` raises. indices:
    the numbers of the pieces in the dataset.
    """

    def __init__(self, read: Callable[[int], Piece], indices: NDArray[np.int64]) -> None:
        self._read, self.indices = read, indices

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, number: int) -> Piece: ...

    @overload
    def __getitem__(self, number: slice) -> Selection: ...

    def __getitem__(self, number: int | slice) -> Piece | Selection:
        """Return a piece, counted from the end if below 0, or the pieces of a slice.

        Raises IndexError if there is no such piece, ArgumentError for what is no number.
        """
        if isinstance(number, slice):
            return Selection(self._read, self.indices[number])
        try:
            at = operator.index(number)
        except TypeError:
            raise ArgumentError(
                f"pieces have numbers, 0..{len(self) - 1}, and {number!r} is none; a part is "
                "data.part('train')"
            ) from None
        if not -len(self) <= at < len(self):
            raise IndexError(f"no piece {at} among {len(self)}")
        return self._read(int(self.indices[at]))

    def __iter__(self) -> Iterator[Piece]:
        return (self._read(int(index)) for index in self.indices)

    def __repr__(self) -> str:
        return f"Selection({len(self)} pieces)"
