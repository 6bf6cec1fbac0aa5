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

    notes_per_step: the mean over the whole segment. elapsed: (B,) how many steps of its piece come
    before the first row of each tile, as `_elapsed` estimates it. scale: the number of predictions
    in a full window, which the loss is divided by. after: the position that follows.
    """

    batches: list[Batch]
    notes_per_step: float
    elapsed: NDArray[np.int64]
    scale: int
    epoch: int
    after: Position


@dataclass(frozen=True)
class Windows:
    """The training part as an endless series of segments.

    piece: returns the i-th piece of the part. note_counts: (pieces,) the notes of each. notes: in a
    window. carry: the number of windows in a segment; 1 carries no state. rows: B.
    """

    piece: Callable[[int], Piece]
    note_counts: NDArray[np.int64]
    encoder: Encoder
    augmenters: Sequence[Augmenter] = ()
    notes: int = 128
    carry: int = 8
    rows: int = 16
    seed: int = 0

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
        """Return the tiles of a plan, read, augmented and encoded."""
        return [self._encode(plan.epoch, *map(int, tile)) for tile in plan.tiles]

    def segments(
        self, position: Position, rows: Iterator[list[Steps]] | None = None
    ) -> Iterator[Segment]:
        """Yield segments from `position` on, without end; DataError if a whole epoch has none.

        rows: the encoded tiles of each plan from there on; None: they are encoded here.
        """
        found = position.index > 0
        for plan in self.plans(position):
            segment = self._segment(plan, self.encoded(plan) if rows is None else next(rows))
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

    def _segment(self, plan: SegmentPlan, rows: list[Steps]) -> Segment:
        tiles = plan.tiles
        longest = max(max(len(row) for row in rows) - 1, 1)
        # An encoder may need several steps a note: the windows get longer, not more.
        steps = max(self.notes, -(-longest // self.carry))
        columns, lengths = side_by_side(self.encoder.schema, rows)
        predictions = np.maximum(lengths - 1, 0)
        batches = list(cut(columns, predictions, steps))
        scale = self.rows * min(steps, longest)
        notes_per_step = float((tiles[:, 2] - tiles[:, 1]).sum() / max(predictions.sum(), 1))
        elapsed = _elapsed(tiles, rows)
        return Segment(batches, notes_per_step, elapsed, scale, plan.epoch, plan.after)

    def _encode(self, epoch: int, piece: int, first: int, stop: int) -> Steps:
        excerpt = self.piece(piece).excerpt(first, stop)
        rng = np.random.default_rng([self.seed, epoch, 2, piece, first])
        for augmenter in self.augmenters:
            excerpt = augmenter(excerpt, rng)
        steps = self.encoder.encode(excerpt)
        # Steps with nothing but an end teach nothing.
        return steps if (steps["mark"][1:] == STEP).any() else steps[:1]


def _elapsed(tiles: NDArray[np.int64], rows: list[Steps]) -> NDArray[np.int64]:
    """Return (B,): how many steps come before the first row of each tile, as its notes tell.

    What comes before is not encoded, so it is the notes before the tile, at as many steps a note as
    the tile has, and for a short one as all tiles have. A tile within a piece begins with the step
    before it, which is not counted here. tiles: (B, 3), as `Windows.tiles`. rows: their steps.
    """
    steps = np.array([np.count_nonzero(row["mark"][1:] == STEP) for row in rows])
    notes = tiles[:, 2] - tiles[:, 1]
    of_all = steps.sum() / max(notes.sum(), 1)
    steps_a_note = (steps + SHORT * of_all) / (notes + SHORT)
    return np.asarray(np.maximum(np.rint(tiles[:, 1] * steps_a_note).astype(np.int64) - 1, 0))
