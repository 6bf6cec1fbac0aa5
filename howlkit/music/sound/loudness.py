"""How loud sound is to people: the integrated loudness of ITU-R BS.1770-4, in LUFS.

Two filters weigh frequencies as ears do (K-weighting), power is averaged over 0.4 s every 0.1 s,
and moments 10 LU softer than the rest do not count. The recommendation gives the filters for 48,000
samples a second; here their frequency response is applied by a Fourier transform, so any rate will
do. The sum over left and right has weight 1 each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["SILENT", "loudness"]

SILENT = -70.0
"""LUFS below which nothing counts: the absolute gate of BS.1770-4."""

_STEP = 0.1  # seconds between two moments, a moment being four of them
_RELATIVE = -10.0  # LU
_OFFSET = -0.691  # LUFS of power 1

_FILTERS = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (-1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)),
)
"""Coefficients b and a (without its 1) of the two filters, at 48,000 samples a second."""


def loudness(blocks: Iterable[NDArray[np.float32]], rate: int) -> float:
    """Return the loudness of sound in LUFS; `SILENT` if it is silent or shorter than 0.4 s.

    blocks: (T, C) each. A stereo sine of 997 Hz at full scale has -0.0 LUFS, in one channel -3.0.

    >>> sine = np.sin(2 * np.pi * 997 / 48000 * np.arange(48000)).astype(np.float32)
    >>> round(loudness([sine[:, None]], 48000), 1)
    -3.0
    """
    parts = list(blocks)
    if not parts:
        return SILENT
    sound = np.concatenate(parts).astype(np.float64)
    step = round(_STEP * rate)
    count = len(sound) // step
    if count < 4:
        return SILENT
    power = (_weighted(sound, rate)[: count * step] ** 2).sum(axis=1).reshape(count, step).mean(1)
    moments = np.convolve(power, np.full(4, 0.25), "valid")
    levels = _lufs(moments)
    heard = levels > SILENT
    if not heard.any():
        return SILENT
    gate = float(_lufs(moments[heard].mean())) + _RELATIVE
    return float(_lufs(moments[heard & (levels > gate)].mean()))


def _weighted(sound: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Return sound (T, C) as K-weighting leaves it."""
    size = 2 ** math.ceil(math.log2(len(sound) + rate))
    hertz = np.fft.rfftfreq(size, 1 / rate)
    z = np.exp(-2j * np.pi * np.minimum(hertz, 24_000) / 48_000)
    response = np.ones(len(hertz), complex)
    for b, a in _FILTERS:
        response *= (b[0] + b[1] * z + b[2] * z**2) / (1 + a[0] * z + a[1] * z**2)
    spectrum = np.fft.rfft(sound, size, axis=0)
    return np.fft.irfft(spectrum * response[:, None], size, axis=0)[: len(sound)]


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(power, 1e-12)))
