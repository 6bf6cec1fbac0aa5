"""Batches of torch tensors, for a training loop of one's own: from pieces, or from encoded steps.

`batches` cuts pieces as howlkit's own training does (windows.py). `collate` puts rows of steps,
such as whole pieces, side by side. Shapes: B rows, T steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howlkit import plugins
from howlkit.dataset import Dataset
from howlkit.dataset.selection import Selection
from howlkit.errors import ArgumentError
from howlkit.music.piece import Piece
from howlkit.network.batches import Batch, cut, side_by_side, to_tensors
from howlkit.protocols import Augmenter, Encoder
from howlkit.schema import Schema, Steps
from howlkit.training import prefetch
from howlkit.training.windows import Position, Segment, Windows

__all__ = ["TensorBatch", "batches", "collate"]


@dataclass(frozen=True, eq=False)
class TensorBatch:
    """B rows of at most T steps, as tensors.

    inputs, targets: (B, T) int64 by field name, `mark` among them, of bits (B, T, n) uint8;
    targets[:, t] is the step after inputs[:, t]. Derived fields are among both: they are no
    decisions (`Schema.decisions`). lengths: (B,) the number of steps of each row that count; the
    rest is padding, and its values mean nothing. 0 only in a row that ended in a batch before.
    begins: whether the rows are new; if not, they go on where those of the batch before stopped,
    so its state can be carried on. elapsed: (B,) how many steps of its piece come before the first
    row, where rows are new; `Network.start_state(elapsed)` is the state to begin with. epoch:
    counts from 0.
    """

    inputs: dict[str, Tensor]
    targets: dict[str, Tensor]
    lengths: Tensor
    begins: bool = True
    epoch: int = 0
    elapsed: Tensor | None = None

    @property
    def counted(self) -> Tensor:
        """(B, T): True where a row has a step, False where it is padding."""
        steps = torch.arange(self.targets["mark"].shape[1], device=self.lengths.device)
        return steps < self.lengths[:, None]

    def to(self, device: str | torch.device) -> TensorBatch:
        """Return the batch with its tensors on a device."""

        def moved(columns: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: column.to(device) for name, column in columns.items()}

        inputs, targets = moved(self.inputs), moved(self.targets)
        elapsed = None if self.elapsed is None else self.elapsed.to(device)
        return TensorBatch(
            inputs, targets, self.lengths.to(device), self.begins, self.epoch, elapsed
        )


def batches(
    music: Sequence[Piece],
    encoder: str | Encoder,
    *,
    window: int = 128,
    batch: int = 16,
    carry: int = 1,
    augment: str | Augmenter | Sequence[str | Augmenter] = (),
    seed: int = 0,
    epochs: int | None = None,
    first_epoch: int = 0,
    workers: int = 0,
) -> Iterator[TensorBatch]:
    """Yield batches of windows of pieces, shuffled; each note is predicted once an epoch.

    music: pieces, such as `data.part("train")`. encoder: the name of one, or one that is made; one
    that learns from music must have done so (`encoder.fitted(pieces)`).
    window: the notes of a row; an epoch cuts the pieces at other notes than the one before. batch:
    B; the last batches of an epoch may have fewer rows. carry: how many batches in a row go on
    with the same rows, whose state a network may carry (`TensorBatch.begins`); 1: none do.
    augment: augmenters, by name or made, which change every excerpt anew in each epoch.
    seed: equal seeds give equal batches. epochs: how many to yield; None: no end. first_epoch: the
    number of the first, to go on with training where it stopped.
    workers: processes that prepare batches in advance, in the same order; 0: none.

    Raises ArgumentError for what is no sequence of pieces, or a number that is out of range, and
    DataError if the encoder finds no notes in the music.

    >>> from howlkit.music import chorales
    >>> music = chorales.load()[:8]
    >>> first = next(batches(music, "tuple", window=64, batch=4))
    >>> first.inputs["pitch"].shape, first.lengths.tolist()
    (torch.Size([4, 63]), [63, 55, 53, 55])
    >>> sum(int(batch.lengths.sum()) for batch in batches(music, "tuple", epochs=1))
    1710
    >>> sum(len(piece) + 1 for piece in music)  # each note once, and each end
    1710
    """
    numbers = {"window": (window, 2), "batch": (batch, 1), "carry": (carry, 1), "seed": (seed, 0)}
    numbers |= {"first_epoch": (first_epoch, 0), "workers": (workers, 0)}
    numbers |= {} if epochs is None else {"epochs": (epochs, 1)}
    for name, (value, low) in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
            raise ArgumentError(f"{name} is {value!r}; a whole number is needed, {low} or more")
    read, counts = _pieces(music)
    listed = [augment] if isinstance(augment, str) or callable(augment) else augment
    windows = Windows(
        read,
        counts,
        _component("encoder", encoder),
        [_component("augmenter", each) for each in listed],
        notes=window,
        carry=carry,
        rows=batch,
        seed=seed,
    )
    return _batches(windows, first_epoch, epochs, workers)  # so that errors come at the call


def collate(schema: Schema, rows: Sequence[Steps]) -> TensorBatch:
    """Return encoded pieces side by side, a row each, padded to the longest.

    rows: what `encoder.encode` returned: B rows of steps, each with a start row first. T is one
    less than the longest, because the last step of a row is a target only. As `collate_fn` of a
    torch DataLoader: `functools.partial(collate, encoder.schema)`.

    Raises ArgumentError for what are no steps of the schema.

    >>> from howlkit import Piece, encoder
    >>> tuples = encoder("tuple")
    >>> tunes = [[(0, 480, 60), (480, 480, 64)], [(0, 480, 67)]]
    >>> batch = collate(tuples.schema, [tuples.encode(Piece.of(notes)) for notes in tunes])
    >>> batch.inputs["pitch"].tolist(), batch.targets["pitch"].tolist(), batch.lengths.tolist()
    ([[0, 60, 64], [0, 67, 0]], [[60, 64, 0], [67, 0, 0]], [3, 2])
    """
    for row in rows:
        if not isinstance(row, np.ndarray) or row.dtype != schema.dtype:
            raise ArgumentError(
                f"a row is a {type(row).__name__} that is no array of steps of this schema; "
                "rows are what encoder.encode(piece) returns, and the schema is encoder.schema"
            )
    columns, lengths = side_by_side(schema, rows)
    predicted = np.maximum(lengths - 1, 0)
    for whole in cut(columns, predicted, max(int(predicted.max(initial=0)), 1)):
        return _tensors(whole)
    raise ArgumentError("there are no steps to put side by side: give rows with steps")


def _batches(
    windows: Windows, first_epoch: int, epochs: int | None, workers: int
) -> Iterator[TensorBatch]:
    stop = None if epochs is None else first_epoch + epochs
    segments = prefetch.segments(windows, Position(first_epoch), workers=workers)
    with closing(segments):
        for segment in segments:
            if stop is not None and segment.epoch >= stop:
                return
            yield from _of_segment(segment)
            if stop is not None and segment.after.epoch >= stop:
                return


def _of_segment(segment: Segment) -> Iterator[TensorBatch]:
    """Yield the batches of a segment, without rows in which the encoder finds nothing."""
    rows = segment.batches[0].lengths > 0
    for number, each in enumerate(segment.batches):
        inputs, targets = (
            {name: column[rows] for name, column in columns.items()}
            for columns in (each.inputs, each.targets)
        )
        batch = Batch(inputs, targets, each.lengths[rows])
        elapsed = torch.from_numpy(segment.elapsed[rows]) if number == 0 else None
        yield replace(_tensors(batch), begins=number == 0, epoch=segment.epoch, elapsed=elapsed)


def _tensors(batch: Batch) -> TensorBatch:
    return TensorBatch(*to_tensors(batch, torch.device("cpu")))


def _component(kind: str, component: Any) -> Any:  # noqa: ANN401 - a name, or any component
    return plugins.create(kind, component) if isinstance(component, str) else component


def _pieces(music: object) -> tuple[Callable[[int], Piece], NDArray[np.int64]]:
    """Return a function from a number to its piece, and (pieces,) the notes of each."""
    if isinstance(music, Dataset):
        raise ArgumentError(
            "music is a whole dataset, with the pieces that are kept for validation and testing; "
            "give a part of it, such as data.part('train')"
        )
    if isinstance(music, Selection):
        return music.__getitem__, music.note_counts
    if isinstance(music, Piece):
        music = [music]
    if not isinstance(music, Sequence) or not all(isinstance(each, Piece) for each in music):
        raise ArgumentError(
            f"music is {music!r}; pieces are needed: data.part('train'), or a list of Pieces"
        )
    return music.__getitem__, np.array([len(piece) for piece in music], np.int64)
