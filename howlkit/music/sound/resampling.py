"""Sound at another sampling rate, for renderers that know one rate only.

A windowed sinc for each phase of the ratio, which cuts off below half the lower of both rates.
Source: J. O. Smith, Digital Audio Resampling Home Page, https://ccrma.stanford.edu/~jos/resample/.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["resampled"]

_ZEROS = 16  # crossings of the sinc on each side
_CUT = 0.94  # of half the lower rate


def resampled(
    blocks: Iterable[NDArray[np.float32]], before: int, after: int
) -> Iterator[NDArray[np.float32]]:
    """Yield blocks (T, 2) at a rate of `after` samples a second, from blocks at `before`.

    >>> halves = resampled([np.zeros((1000, 2), np.float32)], 44100, 22050)
    >>> sum(len(block) for block in halves)
    500
    """
    if before == after:
        yield from blocks
        return
    up, down = after // math.gcd(before, after), before // math.gcd(before, after)
    scale = _CUT * min(1.0, after / before)
    half = math.ceil(_ZEROS / scale)
    taps = _taps(up, half, scale)
    held = np.zeros((half - 1, 2), np.float32)  # `held` begins at sample `origin`
    origin, made, total = -(half - 1), 0, 0
    for block in chain(blocks, (None,)):
        if block is None:
            block = np.zeros((half + 1, 2), np.float32)
        else:
            total += len(block)
        held = np.concatenate((held, block))
        ready = min((origin + len(held) - half) * up // down, -(-total * up // down))
        numbers = np.arange(made, max(ready, made), dtype=np.int64)
        if len(numbers):
            yield _read(held, numbers * down // up - origin, taps[numbers * down % up])
            made = ready
            first = max(made * down // up - (half - 1) - origin, 0)
            held, origin = held[first:], origin + first


def _taps(up: int, half: int, scale: float) -> NDArray[np.float32]:
    """Return the weights (up, 2 * half) of the samples around a position, by its phase."""
    phase = np.arange(up)[:, None] / up
    distance = np.arange(-half + 1, half + 1)[None, :] - phase
    window = np.cos(np.pi * distance / (2 * half)) ** 2
    weights = np.sinc(distance * scale) * scale * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _read(
    held: NDArray[np.float32], at: NDArray[np.int64], taps: NDArray[np.float32]
) -> NDArray[np.float32]:
    half = taps.shape[1] // 2
    windows = sliding_window_view(held, 2 * half, axis=0)  # (T, 2, taps)
    made = np.empty((len(at), 2), np.float32)
    for low in range(0, len(at), 2**14):  # the windows are copied
        part = slice(low, low + 2**14)
        made[part] = np.einsum("tck,tk->tc", windows[at[part] - half + 1], taps[part])
    return np.clip(made, -1, 1)
