"""What inputs that are computed from the steps so far keep in a network's state: names, numbers.

Both the networks and compiled code follow it; elapsed.py, pitch_classes.py and last_pitch.py say
what the inputs are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "CLASSES",
    "COUNTS",
    "DRUMS",
    "EDGES",
    "EDGES_AT",
    "ELAPSED",
    "LAST_PITCH",
    "PITCHES",
    "first_values",
]

ELAPSED = "elapsed"
"""The name of n (B,), the steps since the piece began."""

EDGES = 72
EDGES_AT = tuple(math.ceil(4 * 2 ** (j / 4)) for j in range(EDGES))
"""The edges of elapsed steps: 4, 5, 6, 7, 8, 10 .. 881744."""

CLASSES = 12
COUNTS = "begun_classes"
"""The name of h (B, 12), the decayed counts of pitch classes."""

DRUMS = "begun_drums"
"""The name of a bit (B,), whether the program in force is drums."""

LAST_PITCH = "begun_last"
"""The name of l (B,), the highest pitch begun last."""

PITCHES = 128


def first_values(pitches: Sequence[int]) -> list[int]:
    """Return, for each pitch, the first value that begins it, -1 for none; one more is -1.

    pitches: (n,) the pitch that each value begins, -1 for none.

    >>> first_values([60, 61, 60])[60:63], len(first_values([60]))
    ([0, 1, -1], 129)
    """
    values = [-1] * (PITCHES + 1)  # the last stands for no note
    for value, pitch in reversed([*enumerate(pitches)]):
        if pitch >= 0:
            values[pitch] = value
    return values
