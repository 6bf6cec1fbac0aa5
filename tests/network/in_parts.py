"""What an input says of rows that are read in parts of any length."""

import numpy as np
import torch

from howlkit import encoder
from tests.conftest import random_piece

TUPLE = encoder("tuple")


def batch(made, *tables):
    names = made.schema.dtype.names
    return {n: torch.from_numpy(np.stack([t[n] for t in tables]).astype(np.int64)) for n in names}


def whole_and_in_parts(module):
    """Return (B, T, .), what a module says of three rows, read at once and then in parts."""
    tables = [TUPLE.encode(random_piece(seed, 80))[:60] for seed in range(3)]
    whole, _, _ = module(batch(TUPLE, *tables), None, None)
    cuts, state, found = np.zeros(3, int), None, [[], [], []]
    for lengths in ([7, 1, 30], [40, 0, 30], [13, 59, 0]):
        part = [np.resize(t[c:], max(lengths)) for t, c in zip(tables, cuts, strict=True)]
        said, _, state = module(batch(TUPLE, *part), state, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            found[row].append(said[row, :length])
        cuts += lengths
    return whole, torch.stack([torch.cat(parts) for parts in found])
