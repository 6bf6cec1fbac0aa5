"""From a position in training to batches: which notes, how they are augmented, how encoded.

An epoch tiles every piece into spans of `carry` windows of `notes` notes each, beginning at a phase
drawn anew every epoch, so each note of the training part is predicted exactly once an epoch. B
tiles make a **segment**: each tile is augmented once and encoded once, then training runs through
the tiles side by side, window by window, with carried state (truncated backpropagation through
time). Tiles in which the encoder finds nothing to predict (drums alone, if it leaves them out) are
skipped. The tiles at a position are a pure function of (seed, epoch, index): finding them takes no
encoding, and a resumed run sees what it would have seen.

Shapes: B rows, T steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError
from howlkit.music.piece import Piece
from howlkit.network.batches import Batch, cut, side_by_side
from howlkit.plugins.checked import CheckedAugmenter, CheckedEncoder
from howlkit.protocols import Augmenter, Encoder
from howlkit.schema import STEP, Steps

__all__ = ["SegmentPlan", "Position", "Segment", "Windows"]

Exchange = Callable[[NDArray[np.int64], int], NDArray[np.int64]]
"""From the sizes (b, n) of a process's rows, and B, to those (B, n) of all rows in their order."""

SHORT = 64
"""Tiles of fewer notes do not tell by themselves how many steps a note their piece takes."""


@dataclass(frozen=True)
class Position:
    """A place in training: before segment number `index` of epoch `epoch`."""

    epoch: int = 0
    index: int = 0


@dataclass(frozen=True)
class SegmentPlan:
    """What a segment is to be made of.

    tiles: (B, 3) of the epoch, as `Windows.tiles`. after: the position that follows.
    """

    epoch: int
    tiles: NDArray[np.int64]
    after: Position


@dataclass(frozen=True)
class Segment:
    """B tiles of an epoch as batches, a window each, in order.

    Where several processes share a segment out, `batches` and `elapsed` have the rows of this one
    (one of padding alone, if it has none), and everything else is that of all rows.
    tiles: (B, 3), as `Windows.tiles`. predictions: of each window. notes_per_step: the mean over
    the whole segment. elapsed: (B,) how many steps of its piece come before the first row of each
    tile, as `_elapsed` estimates it. scale: the number of predictions in a full window, which the
    loss is divided by. after: the position that follows.
    """

    batches: list[Batch]
    tiles: NDArray[np.int64]
    predictions: NDArray[np.int64]
    notes_per_step: float
    elapsed: NDArray[np.int64]
    scale: int
    epoch: int
    after: Position

    @property
    def rows(self) -> int:
        """B, of all processes."""
        return len(self.tiles)


@dataclass(frozen=True)
class Windows:
    """The training part as an endless series of segments.

    piece: returns the i-th piece of the part. note_counts: (pieces,) the notes of each. notes: in a
    window. carry: the number of windows in a segment; 1 carries no state. rows: B.
    rank, ranks: this is process `rank` of `ranks`, which deal the rows of each segment out among
    themselves; the segments themselves are the same for any number of them.
    """

    piece: Callable[[int], Piece]
    note_counts: NDArray[np.int64]
    encoder: Encoder
    augmenters: Sequence[Augmenter] = ()
    notes: int = 128
    carry: int = 8
    rows: int = 16
    seed: int = 0
    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        """Wrap encoder and augmenters in their checks, if they are not wrapped yet."""
        object.__setattr__(self, "encoder", CheckedEncoder.of(self.encoder))
        object.__setattr__(self, "augmenters", [*map(CheckedAugmenter.of, self.augmenters)])

    def tiles(self, epoch: int) -> NDArray[np.int64]:
        """Return (tiles, 3): piece, first note, stop note, in the order of the pieces."""
        rng = np.random.default_rng([self.seed, epoch])
        counts = self.note_counts.astype(np.int64)
        length = self.notes * self.carry
        phases = rng.integers(1, length + 1, len(counts))
        # A piece that fits one segment is never cut.
        phases = np.where(counts <= length, counts, phases)
        tiles_each = 1 + -(-np.maximum(counts - phases, 0) // length)
        piece = np.repeat(np.arange(len(counts)), tiles_each)
        number = np.arange(len(piece)) - np.repeat(np.cumsum(tiles_each) - tiles_each, tiles_each)
        stop = np.minimum(phases[piece] + number * length, counts[piece])
        first = np.where(number == 0, 0, phases[piece] + (number - 1) * length)
        return np.asarray(np.stack((piece, first, stop), axis=1)[stop > first])

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the epoch's tiles, (B, 3) or fewer at a time, shuffled.

        Tiles of similar length share a batch, within pools of sixteen batches, so that little is
        padding.
        """
        rng = np.random.default_rng([self.seed, epoch, 1])
        tiles = rng.permutation(self.tiles(epoch))
        pool = 16 * self.rows
        chunks = []
        for begin in range(0, len(tiles), pool):
            some = tiles[begin : begin + pool]
            some = some[np.argsort(some[:, 1] - some[:, 2], kind="stable")]
            chunks += [some[i : i + self.rows] for i in range(0, len(some), self.rows)]
        return [chunks[i] for i in rng.permutation(len(chunks))]

    def plans(self, position: Position) -> Iterator[SegmentPlan]:
        """Yield the plans of all segments from `position` on, without end."""
        epoch, index = position.epoch, position.index
        while True:
            batches = self.batches(epoch)
            if not batches:
                raise self._nothing()
            for number in range(index, len(batches)):
                last = number + 1 == len(batches)
                after = Position(epoch + 1, 0) if last else Position(epoch, number + 1)
                yield SegmentPlan(epoch, batches[number], after)
            epoch, index = epoch + 1, 0

    def encoded(self, plan: SegmentPlan) -> list[Steps]:
        """Return this process's tiles of a plan, read, augmented and encoded."""
        own = plan.tiles[self.rank :: self.ranks]
        return [self._encode(plan.epoch, *map(int, tile)) for tile in own]

    def segments(
        self,
        position: Position,
        rows: Iterator[list[Steps]] | None = None,
        exchange: Exchange = lambda own, total: own,
    ) -> Iterator[Segment]:
        """Yield segments from `position` on, without end; DataError if a whole epoch has none.

        rows: what `encoded` returns for each plan from there on; None: they are encoded here.
        exchange: tells the other processes the sizes of this one's rows, and returns those of all.
        """
        found = position.index > 0
        for plan in self.plans(position):
            own = self.encoded(plan) if rows is None else next(rows)
            segment = self._segment(plan, own, exchange(_sizes(own), len(plan.tiles)))
            if segment.batches:
                found = True
                yield segment
            if plan.after.epoch > plan.epoch:
                if not found:
                    raise self._nothing()
                found = False

    def _nothing(self) -> DataError:
        return DataError(
            f"encoder {self.encoder.name!r} finds no notes in the training part; "
            "look at its options, or give other music"
        )

    def _segment(self, plan: SegmentPlan, own: list[Steps], sizes: NDArray[np.int64]) -> Segment:
        """Return the segment of a plan. own: this process's rows; sizes: (B, 2) of all rows."""
        tiles, schema = plan.tiles, self.encoder.schema
        predictions = np.maximum(sizes[:, 0] - 1, 0)  # (B,)
        longest = int(predictions.max())
        # An encoder may need several steps a note: the windows get longer, not more.
        steps = max(self.notes, -(-longest // self.carry))
        columns, lengths = side_by_side(schema, own or [schema.steps(0)], longest + 1)
        batches = list(cut(columns, np.maximum(lengths - 1, 0), steps, longest))
        begins = steps * np.arange(len(batches))
        elapsed = _elapsed(tiles, sizes[:, 1])[self.rank :: self.ranks]
        return Segment(
            batches,
            tiles=tiles,
            predictions=np.clip(predictions - begins[:, None], 0, steps).sum(1),
            notes_per_step=float((tiles[:, 2] - tiles[:, 1]).sum() / max(predictions.sum(), 1)),
            elapsed=elapsed if own else np.zeros(1, np.int64),
            scale=self.rows * min(steps, max(longest, 1)),
            epoch=plan.epoch,
            after=plan.after,
        )

    def _encode(self, epoch: int, piece: int, first: int, stop: int) -> Steps:
        excerpt = self.piece(piece).excerpt(first, stop)
        rng = np.random.default_rng([self.seed, epoch, 2, piece, first])
        for augmenter in self.augmenters:
            excerpt = augmenter(excerpt, rng)
        steps = self.encoder.encode(excerpt)
        # Steps with nothing but an end teach nothing.
        return steps if (steps["mark"][1:] == STEP).any() else steps[:1]


def _sizes(rows: list[Steps]) -> NDArray[np.int64]:
    """Return (b, 2): how many steps each row has, and how many ordinary ones after its first."""
    sizes = [(len(row), np.count_nonzero(row["mark"][1:] == STEP)) for row in rows]
    return np.array(sizes, np.int64).reshape(-1, 2)


def _elapsed(tiles: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (B,): how many steps come before the first row of each tile, as its notes tell.

    What comes before is not encoded, so it is the notes before the tile, at as many steps a note as
    the tile has, and for a short one as all tiles have. A tile within a piece begins with the step
    before it, which is not counted here. tiles: (B, 3), as `Windows.tiles`. steps: (B,) of
    each tile.
    """
    notes = tiles[:, 2] - tiles[:, 1]
    of_all = steps.sum() / max(notes.sum(), 1)
    steps_a_note = (steps + SHORT * of_all) / (notes + SHORT)
    return np.asarray(np.maximum(np.rint(tiles[:, 1] * steps_a_note).astype(np.int64) - 1, 0))
