"""Where a step stands, as the angles of rotary positions; numpy, for torch and compiled code alike.

Turns are counted in whole 1/65536, so angles are as exact after a million steps as at the first.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERIOD", "turns"]

PERIOD = 65536
"""Every rotary wave comes round in so many steps, so positions can be counted for ever."""


def turns(head: int) -> NDArray[np.int64]:
    """Return (head / 2,) how many of the 65536 parts of a turn each wave makes in a step.

    From one radian a step to a turn in 65536 steps, evenly in their logarithms: the usual waves
    (base 10000), each rounded to a whole number.
    """
    exponents = np.linspace(1, 0, head // 2)
    return np.rint((PERIOD / (2 * math.pi)) ** exponents).astype(np.int64)
