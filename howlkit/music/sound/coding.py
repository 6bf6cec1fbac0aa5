"""Recorded sound in one byte a sample: differences, in steps that follow how loud it is.

A sample is 16 bits. The coded numbers are its differences of order 0, 1 or 2, divided by a step
that holds for `BLOCK` samples and rounded, so a byte is enough. The encoder predicts from what the
decoder will have (adaptive DPCM), so errors do not add up: each sample is off by half a step at
most, which is noise some 40 dB or more below the sound, however soft that is. The decoder needs
whole numbers and running sums only, so it gives the same on every machine.

Source of the idea: N. S. Jayant, Digital coding of speech waveforms, Proc. IEEE 62 (1974), 611-632.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "FULL_SCALE", "decode", "encode", "steps_for"]

BLOCK = 64
"""Samples that share a step."""

FULL_SCALE = 32768
"""The whole number that stands for 1."""

_MOST = 127  # the largest code


def decode(
    codes: NDArray[np.int8], steps: NDArray[np.uint16], *, order: int
) -> NDArray[np.float32]:
    """Return the samples (N,) of codes (N,); full scale is 1.

    steps: one for each block, ceil(N / BLOCK). order: of the differences, 0..2.

    >>> codes, steps = encode(np.array([0, 100, 200, 300], np.int16), order=1, most=100)
    >>> (decode(codes, steps, order=1) * FULL_SCALE).tolist()
    [0.0, 100.0, 200.0, 300.0]
    """
    samples = codes.astype(np.int64) * np.repeat(steps.astype(np.int64), BLOCK)[: len(codes)]
    for _ in range(order):
        np.cumsum(samples, out=samples)
    return (samples / FULL_SCALE).astype(np.float32)


def encode(
    samples: NDArray[np.int16], *, order: int, most: int
) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """Return the codes (N,) and steps of samples (N,), as `decode` takes them.

    most: the largest code that a step is made for, 8..127: more is better sound and a larger file.
    """
    steps = steps_for(samples, order=order, most=most)
    codes = np.empty(len(samples), np.int8)
    before, last = 0, 0  # the decoder's last two samples
    of_samples = np.repeat(steps, BLOCK).tolist()
    for at, (value, step) in enumerate(zip(samples.tolist(), of_samples, strict=False)):
        predicted = (0, last, 2 * last - before)[order]
        code = min(max(round((value - predicted) / step), -_MOST), _MOST)
        codes[at] = code
        before, last = last, predicted + code * step
    return codes, steps


def steps_for(samples: NDArray[np.int16], *, order: int, most: int) -> NDArray[np.uint16]:
    """Return the steps of `encode`: smaller ones are better sound."""
    plain = np.abs(np.diff(samples.astype(np.int64), n=order, prepend=np.zeros(order, np.int64)))
    plain = np.pad(plain, (0, -len(plain) % BLOCK)).reshape(-1, BLOCK)
    # Rounding moves a prediction by 1.5 steps at most, so two codes are kept for it.
    steps = -(-plain.max(axis=1) // (most - 2))
    return np.asarray(np.maximum(steps, 1), np.uint16)
