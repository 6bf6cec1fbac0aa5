"""How large a transformer is: its shape, and the shapes that have a name."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["HEAD", "RATES", "SIZES", "Shape"]


class Shape(NamedTuple):
    """The size of a network: D, and the numbers of blocks, heads, and heads of keys and values."""

    width: int
    layers: int
    heads: int
    kv_heads: int

    @property
    def hidden(self) -> int:
        """The units between the gated layers: 8/3 of the width, for as many weights as ungated."""
        return 32 * math.ceil(self.width / 12)


SIZES = {
    "tiny": Shape(192, 3, 3, 1),  # 1.2 million parameters in the blocks
    "small": Shape(256, 8, 4, 1),  # 5.6 million
    "medium": Shape(512, 9, 8, 2),  # 25 million
    "large": Shape(768, 16, 12, 3),  # 99 million
}
RATES = {"tiny": 0.012, "small": 0.006, "medium": 0.003, "large": 0.0015}
"""The learning rate of each size: that of tiny was measured, the others fall as is usual."""

HEAD = 64  # the width of a head, if the number of heads is not given
