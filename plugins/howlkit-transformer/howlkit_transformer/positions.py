"""The angles of rotary positions (Su et al. 2021), for torch and for compiled code.

Angles are whole multiples of 1/65536 of a turn, so they are as exact after a million steps as at
the first.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERIOD", "turns"]

PERIOD = 65536
"""Every wave returns to its start after this many steps, so positions never grow too large."""


def turns(head: int) -> NDArray[np.int64]:
    """Return (head / 2,): the angle that each wave turns in a step, in 1/65536 of a turn.

    They go from one radian to 1/65536 of a turn, evenly in their logarithms, each rounded to a
    whole number. That is base 65536 / (2 pi) = 10430; the usual one is 10000 (Su et al. 2021).

    >>> turns(8)
    array([10430,   477,    22,     1])
    """
    exponents = np.linspace(1, 0, head // 2)
    return np.rint((PERIOD / (2 * math.pi)) ** exponents).astype(np.int64)
