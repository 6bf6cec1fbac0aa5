"""Rows of steps side by side: as padded columns, cut into windows, and as torch's tensors.

Everything but `to_tensors` is numpy, so that music can be made without torch. Shapes: B rows, T
steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from howlkit.schema import Schema, Steps

if TYPE_CHECKING:
    import torch

__all__ = ["Batch", "Column", "cut", "on_device", "side_by_side", "to_tensors"]

Column = NDArray[np.int64] | NDArray[np.uint8]


@dataclass(frozen=True)
class Batch:
    """One window of B rows.

    inputs, targets: (B, T) by field name, of bits (B, T, n) as bytes; targets[t] follow inputs[t].
    lengths: (B,) how many steps of each row count; the rest is padding.
    """

    inputs: dict[str, Column]
    targets: dict[str, Column]
    lengths: NDArray[np.int64]

    def first(self, rows: int) -> Batch:
        """Return the first `rows` rows."""
        return self._some(slice(rows))

    def rows(self, rows: range) -> Batch:
        """Return some rows."""
        return self._some(slice(rows.start, rows.stop, rows.step))

    def _some(self, rows: slice) -> Batch:
        inputs, targets = (
            {name: column[rows] for name, column in columns.items()}
            for columns in (self.inputs, self.targets)
        )
        return Batch(inputs, targets, self.lengths[rows])


def side_by_side(
    schema: Schema, rows: Sequence[Steps], longest: int = 0
) -> tuple[dict[str, Column], NDArray[np.int64]]:
    """Return (B, T) columns by field name, padded with zeros, and the rows' lengths (B,).

    longest: T is at least this.
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    padded = np.zeros((len(rows), int(lengths.max(initial=longest))), schema.dtype)
    for row, steps in zip(padded, rows, strict=True):
        row[: len(steps)] = steps
    columns: dict[str, Column] = {}
    for field in schema.columns:
        # Bits stay bytes, or a piano-roll would take eight times the memory.
        column = padded[field.name]
        columns[field.name] = column.copy() if field.kind == "bits" else column.astype(np.int64)
    return columns, lengths


def cut(
    columns: dict[str, Column], lengths: NDArray[np.int64], steps: int, longest: int = 0
) -> Iterator[Batch]:
    """Yield windows of at most `steps` predictions; the target of each step is the next step.

    lengths: (B,) the number of predictions in each row, one less than its steps. longest: windows
    go at least as far as a row with this many would.
    """
    longest = int(lengths.max(initial=longest))
    for begin in range(0, longest, steps):
        here = np.clip(lengths - begin, 0, steps)
        span = min(longest - begin, steps)
        inputs = {name: column[:, begin : begin + span] for name, column in columns.items()}
        targets = {name: c[:, begin + 1 : begin + 1 + span] for name, c in columns.items()}
        yield Batch(inputs, targets, here)


def to_tensors(
    batch: Batch, device: torch.device
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], torch.Tensor]:
    """Return inputs, targets and lengths of a batch on `device`, as int64 tensors (bits: uint8)."""

    def moved(columns: Mapping[str, Column]) -> dict[str, torch.Tensor]:
        return {name: on_device(column, device) for name, column in columns.items()}

    return moved(batch.inputs), moved(batch.targets), on_device(batch.lengths, device)


def on_device(array: Column, device: torch.device) -> torch.Tensor:
    """Return an array as a tensor on `device`; CUDA takes it while this process goes on."""
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":  # only from pinned memory is a transfer not waited for
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
