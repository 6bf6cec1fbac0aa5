"""The likelihood of pieces in nats, by a network and by a unigram model of the training part.

Definitions. The cost of a piece is the sum of -ln p over its decisions. The network reads whole
pieces, with carried state from start to end, without grammar masks and without augmentation. The
cost is kept by piece and by field. It is divided by the notes of `decode(encode(piece))`, so that
encoders with several steps a note compare with those with one, or by the seconds of the piece as it
was given. `mark` (does the piece end here?) is counted apart. The unigram baseline is, field by
field, the frequency of each value among the decisions of the training part, plus one for every
value (Laplace). docs/evaluating.md says how to read it all; evaluation/comparison.py makes the
report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from howlkit.errors import DataError
from howlkit.music.piece import Piece
from howlkit.network.batches import cut, side_by_side, to_tensors
from howlkit.network.network import Network
from howlkit.plugins.checked import CheckedEncoder
from howlkit.protocols import Encoder
from howlkit.schema import MARK, STEP, Field, Schema, Steps

__all__ = [
    "Counts",
    "Encoded",
    "Scores",
    "encode_all",
    "score",
    "step_costs",
    "unigram",
    "unigram_nats",
]

Counts = Mapping[str, ArrayLike]
"""How often each value was decided, (n,) by field name."""

ROWS, STEPS = 32, 128  # pieces side by side, and steps of them at once; they bound memory


@dataclass(frozen=True, eq=False)
class Encoded:
    """Pieces as steps, in order.

    rows: the steps of each piece. note_counts: (pieces,) the number of notes that they decode to.
    seconds: (pieces,) from the first onset to the end of the last note of the piece as it was
    given, whatever the encoder keeps. names: of the pieces.
    """

    schema: Schema
    rows: list[Steps]
    note_counts: NDArray[np.int64]
    seconds: NDArray[np.float64]
    names: tuple[str, ...]

    @property
    def notes(self) -> int:
        """The number of notes in all pieces."""
        return int(self.note_counts.sum())

    def only(self, number: int) -> Encoded:
        """Return one piece alone."""
        some = slice(number, number + 1)
        parts = self.rows[some], self.note_counts[some], self.seconds[some], self.names[some]
        return Encoded(self.schema, *parts)

    @property
    def step_counts(self) -> NDArray[np.int64]:
        """The number of ordinary steps in each piece, (pieces,)."""
        return np.array([np.count_nonzero(row[MARK.name] == STEP) for row in self.rows], np.int64)


@dataclass(frozen=True, eq=False)
class Scores:
    """The cost of pieces.

    nats: (pieces, fields), the fields in the order of `encoded.schema.decisions`.
    no_likelihood: fields with a cost that is no likelihood; no sum over fields includes them.
    """

    encoded: Encoded
    nats: NDArray[np.float64]
    no_likelihood: frozenset[str] = frozenset()

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the columns of `nats`, `mark` first."""
        return tuple(field.name for field in self.encoded.schema.decisions)

    @property
    def summed(self) -> tuple[str, ...]:
        """The fields that sums include: all but `mark` and those without a likelihood."""
        return tuple(n for n in self.fields if n not in (MARK.name, *self.no_likelihood))

    def of(self, field: str) -> NDArray[np.float64]:
        """Return the nats of one field, (pieces,)."""
        return np.asarray(self.nats[:, self.fields.index(field)])

    def over(self, fields: Iterable[str]) -> NDArray[np.float64]:
        """Return the nats of several fields together, (pieces,)."""
        return sum((self.of(name) for name in fields), np.zeros(len(self.nats)))

    @property
    def totals(self) -> NDArray[np.float64]:
        """Nats of each piece over the summed fields, (pieces,)."""
        return self.over(self.summed)

    @property
    def nats_per_note(self) -> float:
        """Nats a note over the summed fields."""
        return float(self.totals.sum() / self.encoded.notes)

    @property
    def cost_per_note(self) -> float:
        """The validation loss a note: the cost of all fields but `mark`, likelihoods or not."""
        fields = (name for name in self.fields if name != MARK.name)
        return float(self.over(fields).sum() / self.encoded.notes)

    @property
    def field_costs(self) -> dict[str, float]:
        """The cost a note of each field but `mark`; together they are `cost_per_note`."""
        names = (name for name in self.fields if name != MARK.name)
        return {name: float(self.of(name).sum() / self.encoded.notes) for name in names}


def encode_all(encoder: Encoder, pieces: Iterable[Piece]) -> Encoded:
    """Return pieces as steps; DataError if there is not one note among them."""
    encoder = CheckedEncoder.of(encoder)
    rows, note_counts, seconds, names = [], [], [], []
    for piece in pieces:
        steps = encoder.encode(piece)
        rows.append(steps)
        note_counts.append(len(encoder.decode(steps)))
        seconds.append(_sounding(piece))
        names.append(piece.name)
    if not sum(note_counts):
        raise DataError("there are no notes to evaluate")
    return Encoded(
        encoder.schema,
        rows,
        np.array(note_counts, np.int64),
        np.array(seconds, np.float64),
        tuple(names),
    )


def _sounding(piece: Piece) -> float:
    """Return the seconds from the first onset to the end of the last note; 0 if there is none."""
    if not len(piece):
        return 0.0
    return piece.seconds_long - float(piece.seconds(piece.notes["start"][0]))


def score(network: Network, encoded: Encoded, *, rank: int = 0, ranks: int = 1) -> Scores:
    """Return the cost of whole pieces by a network, which is left in evaluation mode.

    rank, ranks: of `ranks` processes this is number `rank`, and counts only its share of the
    pieces; the others cost 0. The sum of all shares is the same, bit for bit, however many there
    are.
    """
    nats = np.zeros((len(encoded.rows), len(encoded.schema.decisions)))
    for rows, costs, lengths in _costs(network, encoded, rank, ranks):
        nats[rows] += _row_sums(costs, lengths)
    return Scores(encoded, nats, _no_likelihood(network, encoded.schema))


def step_costs(network: Network, encoded: Encoded) -> tuple[list[NDArray[np.float64]], list[str]]:
    """Return what each decision of whole pieces costs, and the names of the fields that count.

    The costs of a piece are (T, F): T steps after its start row, the F counted fields (those of
    `Scores.summed`).
    """
    scores = Scores(encoded, np.zeros((0, 0)), _no_likelihood(network, encoded.schema))
    columns = [scores.fields.index(name) for name in scores.summed]
    parts: list[list[NDArray[np.float64]]] = [[] for _ in encoded.rows]
    for rows, costs, lengths in _costs(network, encoded):
        together = torch.stack(costs, -1).cpu().double().numpy()  # (B, T, F)
        for row, cost, length in zip(rows, together, lengths.tolist(), strict=True):
            parts[row].append(cost[:length, columns])
    return [np.concatenate(part) for part in parts], list(scores.summed)


def _no_likelihood(network: Network, schema: Schema) -> frozenset[str]:
    names = (field.name for field in schema.decisions if not network.is_likelihood(field))
    return frozenset(names)


def _costs(
    network: Network, encoded: Encoded, rank: int = 0, ranks: int = 1
) -> Iterator[tuple[list[int], list[torch.Tensor], torch.Tensor]]:
    """Yield, in order, some rows (B), the cost of each decision (B, T) by field, and lengths (B,).

    rank, ranks: as `score` has them. The network is left in evaluation mode.
    """
    network.eval()
    device = next(network.parameters()).device
    fields = encoded.schema.decisions
    with torch.inference_mode():
        for some in islice(_by_length(encoded.rows), rank, None, ranks):
            state = None
            columns, lengths = side_by_side(encoded.schema, [encoded.rows[i] for i in some])
            for batch in cut(columns, lengths - 1, STEPS):
                here = max(int((batch.lengths > 0).sum()), 1)  # the longest come first
                inputs, targets, counted = to_tensors(batch.first(here), device)
                state = state and {name: part[:here] for name, part in state.items()}
                hidden, state = network.advance(inputs, state)
                costs = network.nats(hidden, targets)
                yield some[:here], [costs[field.name] for field in fields], counted


def _row_sums(costs: Sequence[torch.Tensor], lengths: torch.Tensor) -> NDArray[np.float64]:
    """Return (B, K), the sums of K costs (B, T) over the first `lengths` (B,) steps of each row."""
    steps = torch.arange(costs[0].shape[1], device=lengths.device)
    counted = steps < lengths[:, None]
    # Costs past a row's length mean nothing and may be anything: `where`, not a product.
    sums = torch.stack([cost.where(counted, 0).sum(1) for cost in costs], 1)
    return sums.cpu().double().numpy()  # in this order: not every device has doubles


def _by_length(rows: Sequence[Steps]) -> Iterator[list[int]]:
    """Yield indices of rows, those of similar length together, so that little is padding."""
    ordered = sorted(range(len(rows)), key=lambda i: len(rows[i]), reverse=True)
    for begin in range(0, len(ordered), ROWS):
        yield ordered[begin : begin + ROWS]


def unigram(encoder: Encoder, pieces: Iterable[Piece]) -> dict[str, NDArray[np.int64]]:
    """Return how often each value was decided in the steps of `pieces`, (n,) by field name.

    For bits (n + 1,): how often each bit was on, and in how many steps bits were decided.
    """
    encoder = CheckedEncoder.of(encoder)
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
    """Return the cost of the same pieces by a unigram model with these counts."""
    schema = encoded.schema
    nats = np.zeros((len(encoded.rows), len(schema.decisions)))
    for k, field in enumerate(schema.decisions):
        cost = _unigram_cost(field, np.asarray(counts[field.name], np.int64))
        for i, row in enumerate(encoded.rows):
            steps = row[1:]
            nats[i, k] = cost(steps[field.name][schema.active(field, steps)])
    return Scores(encoded, nats)


def _unigram_cost(field: Field, seen: NDArray[np.int64]) -> Callable[[Any], float]:
    """Return a function from an array of a field's values to their nats; each bit has its own."""
    if field.kind == "bits":
        on, steps = seen[:-1] + 1, int(seen[-1]) + 2
        off_cost = math.log(steps) - np.log(np.maximum(steps - on, 1))
        more = np.log(np.maximum(steps - on, 1)) - np.log(on)
        return lambda values: float((values * more + off_cost).sum())
    cost = math.log(int(seen.sum()) + field.n) - np.log(seen + 1)
    return lambda values: float(cost[values].sum())
