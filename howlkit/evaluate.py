"""Likelihood in nats a note, beside a unigram model of the training part.

Definitions. The cost of a piece is the sum of -ln p over its decisions, whole pieces with carried
state from their start to their end, no grammar masks, nothing augmented. It is divided by the notes
of `decode(encode(piece))`, so that encoders with several steps a note compare with those with one.
`mark` (does the piece end here?) is counted apart. The unigram baseline is, field by field, the
frequency of each value among the decisions of the training part, plus one for every value
(Laplace).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import DataError
from howlkit.heads import Network
from howlkit.piece import Piece
from howlkit.protocols import Encoder
from howlkit.schema import MARK, Field, Schema, Steps
from howlkit.windows import Batch, Column, cut, side_by_side

__all__ = [
    "Counts",
    "Encoded",
    "Scores",
    "encode_all",
    "report",
    "score",
    "to_tensors",
    "unigram",
    "unigram_nats",
]

Counts = Mapping[str, ArrayLike]
"""How often each value was decided, by field (n,)."""

ROWS, STEPS = 32, 512  # pieces side by side, and steps at once: bounds memory


@dataclass(frozen=True)
class Encoded:
    """Pieces as steps, with the number of notes that their steps decode to."""

    schema: Schema
    rows: list[Steps]
    notes: int


@dataclass(frozen=True)
class Scores:
    """Total nats by field (`mark` among them) over so many notes and pieces."""

    nats: Mapping[str, float]
    notes: int
    pieces: int

    @property
    def nats_per_note(self) -> float:
        """Nats a note over all fields but `mark`."""
        return sum(n for name, n in self.nats.items() if name != MARK.name) / self.notes

    def per_note(self, field: str) -> float:
        """Nats a note of one field."""
        return self.nats[field] / self.notes


def encode_all(encoder: Encoder, pieces: Iterable[Piece]) -> Encoded:
    """Return pieces as steps; DataError if there is not one note among them."""
    rows, notes = [], 0
    for piece in pieces:
        steps = encoder.encode(piece)
        rows.append(steps)
        notes += len(encoder.decode(steps))
    if not notes:
        raise DataError("there are no notes to evaluate")
    return Encoded(encoder.schema, rows, notes)


def score(network: Network, encoded: Encoded) -> Scores:
    """Return what `network` makes of whole pieces; the network is left in evaluation mode."""
    network.eval()
    device = next(network.parameters()).device
    names = [field.name for field in encoded.schema.decisions]
    total = torch.zeros(len(names), dtype=torch.float64)
    with torch.inference_mode():
        for rows in _alike(encoded.rows):
            state = None
            columns, lengths = side_by_side(encoded.schema, rows)
            for batch in cut(columns, lengths - 1, STEPS):
                sums, state = network(*to_tensors(batch, device), state)
                total += sums.double().cpu()
    return Scores(dict(zip(names, total.tolist(), strict=True)), encoded.notes, len(encoded.rows))


def _alike(rows: Sequence[Steps]) -> Iterator[list[Steps]]:
    """Yield groups of rows of like length, so that little is padding."""
    ordered = sorted(rows, key=len, reverse=True)
    for begin in range(0, len(ordered), ROWS):
        yield ordered[begin : begin + ROWS]


def to_tensors(
    batch: Batch, device: torch.device
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], torch.Tensor]:
    """Return inputs, targets and lengths of a batch as tensors on `device`, int64 (bits: uint8)."""

    def moved(columns: Mapping[str, Column]) -> dict[str, torch.Tensor]:
        return {
            name: torch.from_numpy(np.ascontiguousarray(column)).to(device)
            for name, column in columns.items()
        }

    return moved(batch.inputs), moved(batch.targets), torch.from_numpy(batch.lengths).to(device)


def unigram(encoder: Encoder, pieces: Iterable[Piece]) -> dict[str, NDArray[np.int64]]:
    """Return how often each value was decided, by field, over the steps of `pieces`.

    Of bits (n + 1,): how often each was on, and in how many steps they were decided.
    """
    schema = encoder.schema
    counts = {field.name: np.zeros(field.choices, np.int64) for field in schema.decisions}
    for piece in pieces:
        steps = encoder.encode(piece)[1:]  # the start is no decision
        for field in schema.decisions:
            values = steps[field.name][schema.active(field, steps)]
            if field.kind == "bits":
                counts[field.name] += np.append(values.sum(axis=0, dtype=np.int64), len(values))
            else:
                counts[field.name] += np.bincount(values, minlength=field.n)
    return counts


def unigram_nats(counts: Counts, encoded: Encoded) -> Scores:
    """Return what a unigram model with these counts makes of the same pieces."""
    schema = encoded.schema
    nats = dict.fromkeys(counts, 0.0)
    for field in schema.decisions:
        cost = _unigram_cost(field, np.asarray(counts[field.name], np.int64))
        for row in encoded.rows:
            steps = row[1:]
            values = steps[field.name][schema.active(field, steps)]
            nats[field.name] += cost(values)
    return Scores(nats, encoded.notes, len(encoded.rows))


def _unigram_cost(field: Field, seen: NDArray[np.int64]) -> Callable[[Any], float]:
    """Return what prices an array of a field's values in nats; bits are priced one by one."""
    if field.kind == "bits":
        on, steps = seen[:-1] + 1, int(seen[-1]) + 2
        off_cost = math.log(steps) - np.log(np.maximum(steps - on, 1))
        more = np.log(np.maximum(steps - on, 1)) - np.log(on)
        return lambda values: float((values * more + off_cost).sum())
    cost = math.log(int(seen.sum()) + field.n) - np.log(seen + 1)
    return lambda values: float(cost[values].sum())


def report(scores: Scores, baseline: Scores, split: str) -> dict[str, Any]:
    """Return the numbers that `howlkit evaluate --json` prints; all of them nats a note."""

    def pair(name: str) -> dict[str, float]:
        return {
            "nats_per_note": scores.per_note(name),
            "baseline_nats_per_note": baseline.per_note(name),
        }

    return {
        "nats_per_note": scores.nats_per_note,
        "baseline_nats_per_note": baseline.nats_per_note,
        "ratio": scores.nats_per_note / baseline.nats_per_note,
        "fields": {name: pair(name) for name in scores.nats if name != MARK.name},
        "mark": pair(MARK.name),
        "notes": scores.notes,
        "pieces": scores.pieces,
        "split": split,
    }
