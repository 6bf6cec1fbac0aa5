"""Sizes and durations in the words of what training tells its user; torch is not needed."""

from __future__ import annotations

__all__ = ["bytes_in_words", "duration", "network_size", "weights_in_words"]

FLOAT = 4  # bytes of a weight: networks are kept in float32


def network_size(weights: int) -> str:
    """Return how large a network is.

    >>> network_size(1_234_567)
    '1.2 million weights, 4.9 MB'
    """
    return f"{weights_in_words(weights)}, {bytes_in_words(FLOAT * weights)}"


def weights_in_words(weights: int) -> str:
    """Return a number of weights.

    >>> [weights_in_words(number) for number in (8_123, 99_400_000, 15_389_970_243)]
    ['8,123 weights', '99 million weights', '15 billion weights']
    """
    for unit, size in (("billion", 10**9), ("million", 10**6)):
        if weights >= 0.9995 * size:
            return f"{_two_digits(weights / size)} {unit} weights"
    return f"{weights:,} weights"


def bytes_in_words(number: float) -> str:
    """Return a number of bytes, in kB, MB, GB or TB of 1000 of the next smaller unit.

    >>> [bytes_in_words(number) for number in (900, 4_938_268, 61_559_880_972)]
    ['0.9 kB', '4.9 MB', '62 GB']
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if number >= 0.9995 * size:
            return f"{_two_digits(number / size)} {unit}"
    return f"{_two_digits(number / 1000)} kB"


def duration(seconds: float) -> str:
    """Return a duration, as precisely as it is of use.

    >>> [duration(seconds) for seconds in (0.0123, 4.5, 48, 600, 9000)]
    ['12 ms', '4.5 s', '48 s', '10 minutes', '2.5 hours']
    """
    if seconds < 0.9995:
        return f"{_two_digits(1000 * seconds)} ms"
    if seconds < 120:
        return f"{_two_digits(seconds)} s"
    if seconds < 7200:
        return f"{_two_digits(seconds / 60)} minutes"
    return f"{_two_digits(seconds / 3600)} hours"


def _two_digits(number: float) -> str:
    """Return a number with two digits, or all those before the point."""
    return f"{number:.0f}" if number >= 9.95 else f"{number:.1f}"
