"""What each note of a piece costs in nats, by a network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError, printable
from howlkit.music.piece import Piece
from howlkit.network.likelihood import encode_all, step_costs
from howlkit.network.network import Network
from howlkit.plugins.checked import CheckedEncoder
from howlkit.protocols import Encoder
from howlkit.schema import Steps

__all__ = ["note_nats", "noted"]


def note_nats(network: Network, encoder: Encoder, piece: Piece) -> NDArray[np.float64]:
    """Return (N,), the nats of each note, in the order in which steps begin them.

    A note has the nats of the step that begins it and of the steps since the note before (its
    shift, its bar, the end of an earlier note); notes that one step begins share them equally, and
    the last has those of all steps after it. So they sum to the nats of the piece, as
    `likelihood.score` counts them. Raises DataError if there are no notes.
    """
    encoder = CheckedEncoder.of(encoder)
    encoded = encode_all(encoder, [piece])
    (costs,), _ = step_costs(network, encoded)
    return _shared_out(costs.sum(axis=1), _begun(encoder, encoded.rows[0], piece))


def noted(network: Network, encoder: Encoder, piece: Piece) -> tuple[Piece, NDArray[np.float64]]:
    """Return a piece as the encoder keeps it, and the nats (N,) of each of its notes, in order.

    Raises DataError if there are no notes, or if the encoder's steps begin others than it decodes.
    """
    encoder = CheckedEncoder.of(encoder)
    kept = encoder.decode(encoder.encode(piece), like=piece)
    nats = note_nats(network, encoder, piece)
    if len(kept) != len(nats):
        raise DataError(
            f"the steps of encoder {encoder.name} begin {len(nats)} notes of "
            f"{printable(piece.name)} and decode to {len(kept)}, so no note can be given its nats"
        )
    return kept.replace(name=piece.name), nats


def _begun(encoder: CheckedEncoder, steps: Steps, piece: Piece) -> NDArray[np.int64]:
    """Return (T,), the number of notes that each step after the start row begins."""
    grammar, row = encoder.grammar(1, like=piece), np.ones(1, bool)
    return np.array([grammar.push(steps[t : t + 1], row)[0] for t in range(1, len(steps))])


def _shared_out(costs: NDArray[np.float64], begun: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (N,) the costs of steps (T,), given out among the notes that they begin.

    >>> _shared_out(np.array([1.0, 2, 4, 8]), np.array([0, 1, 2, 0])).tolist()
    [3.0, 6.0, 6.0]
    """
    firsts = np.flatnonzero(begun)
    begins = np.concatenate(([0], firsts[:-1] + 1))  # the last goes on to the end
    return np.repeat(np.add.reduceat(costs, begins) / begun[firsts], begun[firsts])
