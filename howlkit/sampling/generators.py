"""Random generators of a session's rows: new ones for copies of a row, and twins."""

from __future__ import annotations

import copy

import numpy as np

__all__ = ["child", "twin"]


def child(rng: np.random.Generator) -> np.random.Generator:
    """Return a generator that draws numbers of its own, independent of those of `rng`.

    It follows from the seed of `rng` and from how many children `rng` had before, not from the
    numbers that `rng` has drawn; and `rng` goes on as if nothing had happened.

    >>> first, second = (np.random.default_rng([0, 3]) for _ in range(2))
    >>> drawn = first.random(5)
    >>> bool(child(first).random() == child(second).random())
    True
    >>> bool(child(first).random() == child(np.random.default_rng([0, 3])).random())  # the second
    False
    """
    return rng.spawn(1)[0]


def twin(rng: np.random.Generator) -> np.random.Generator:
    """Return a generator that draws the numbers that `rng` will draw, and has the same children."""
    bits = rng.bit_generator
    # Not a copy of the generator: numpy 1 leaves out the seed, without which there are no children.
    same = type(bits)(copy.deepcopy(bits.seed_seq))  # type: ignore[arg-type]  # any of numpy's
    same.state = bits.state
    return np.random.Generator(same)
