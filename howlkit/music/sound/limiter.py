"""A limiter that looks ahead: loud moments become softer as a whole, so nothing is cut off.

The gain is what the loudest sample within `REACH` needs, averaged over `REACH`: it falls before the
loud moment and rises after it, in a smooth line, and is 1 wherever nothing is too loud. Nothing is
above `CEILING` afterwards. Source of the idea: the moving minimum and average of usual look-ahead
limiters, such as in G. W. McNally, Dynamic Range Control of Digital Audio Signals, JAES 32 (1984).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["CEILING", "limited"]

CEILING = 0.94
"""The loudest sample that comes out; full scale is 1."""

HOP = 64  # samples that one gain is for
REACH = 48  # hops that a gain looks back and ahead: 70 ms at 44,100 samples a second
_AROUND = (2 * REACH + 2) * HOP  # samples that a gain depends on, before and after


def limited(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield blocks (C, T) with the same samples in all, none above `CEILING`.

    blocks: (C, T), all with as many channels. The result does not depend on how they are cut,
    beyond rounding, if each but the last has a multiple of 64 samples.
    """
    joined: NDArray[np.float32] | None = None
    early = _AROUND  # samples of silence before the first, which are not music
    left = 0  # samples that went in and have not come out
    for block in chain(blocks, (None,)):
        if joined is None:
            if block is None:
                return
            joined = np.zeros((len(block), 2 * _AROUND), np.float32)
        if block is None:
            block = np.zeros((len(joined), _AROUND + -left % HOP), np.float32)
        else:
            left += block.shape[1]
        joined = np.concatenate((joined[:, -2 * _AROUND :], block), axis=1)
        ready = joined[:, _AROUND : joined.shape[1] - _AROUND]
        if float(np.abs(joined).max(initial=0)) > CEILING:
            ready = ready * _gain(joined)[_AROUND : joined.shape[1] - _AROUND]
        ready, early = ready[:, early:], max(early - ready.shape[1], 0)
        ready = ready[:, :left]
        left -= ready.shape[1]
        if ready.shape[1]:
            yield np.clip(ready, -CEILING, CEILING)


def _gain(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the gain of each sample (T,); right for those `_AROUND` away from both ends."""
    count = sound.shape[1]
    padded = np.pad(np.abs(sound).max(axis=0), (0, -count % HOP))
    loudest = padded.reshape(-1, HOP).max(axis=1)
    needed = np.pad(np.minimum(1, CEILING / np.maximum(loudest, 1e-9)), REACH + 1, mode="edge")
    # One hop more than the average reaches, since gains between two hops are of both.
    least = sliding_window_view(needed, 2 * REACH + 3).min(axis=1)
    summed = np.concatenate(([0], np.cumsum(np.pad(least, REACH, mode="edge"))))
    width = 2 * REACH + 1
    average = (summed[width:] - summed[:-width]) / width
    middles = np.arange(len(average)) * HOP + HOP / 2
    return np.interp(np.arange(count), middles, average).astype(np.float32)
