"""How far two sets of pieces are apart, in one feature, after Yang and Lerch.

Distances between pieces are Euclidean. Those **within** a set say how much its pieces differ among
themselves, those **between** the sets how much a piece of one differs from one of the other. If the
two are distributed alike, one cannot tell by this feature which set a piece is from.

Each distribution becomes a density: Gaussian kernels, bandwidth by Scott's rule as scipy has it.
Two densities have an **overlapping area** (1: the same, 0: apart) and a **Kullback-Leibler
divergence** in nats (0: the same). Where we differ from the authors' code, mgeval:

- mgeval evaluates the two densities at different points, each at its own range, and so its
  divergence hardly sees where they lie; ours are evaluated at the same 1,000 points.
- mgeval integrates the overlap from the least distance to the largest, which cuts off the tails, so
  that equal densities overlap by less than 1; our points reach four bandwidths further.
- mgeval counts each pair within a set twice, which makes the bandwidth smaller by 13 %.
- A bandwidth is at least a hundredth of the range of both sets of distances. Without that equal
  distances have no density (scipy raises an error), and the grid would miss narrow kernels.
- Of very many pairs, a sample is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError

__all__ = ["MOST_PAIRS", "Comparison", "compare", "divergence"]

MOST_PAIRS = 10_000
"""Pairs of pieces that are looked at for one distribution; of more, a sample."""

_POINTS = 1000  # at which densities are evaluated
_MARGIN = 4  # bandwidths beyond the least and the largest distance
_NARROWEST = 0.01  # bandwidth, as a part of the range of distances

Distances = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Some music beside a reference, in one feature.

    within_music, within_reference, between: distances, one a pair of pieces.
    overlap, kl: of the distances within the reference and those between, what the paper looks at:
        does this music lie among the reference as the reference itself does?
    music_overlap, music_kl: the same of the distances within the music.
    KL is from the density within to the density between, in nats.
    """

    within_music: Distances
    within_reference: Distances
    between: Distances
    overlap: float
    kl: float
    music_overlap: float
    music_kl: float


def compare(
    music: NDArray[np.float64],
    reference: NDArray[np.float64],
    *,
    seed: int = 0,
    most_pairs: int = MOST_PAIRS,
) -> Comparison:
    """Return how far some music is from a reference, in one feature.

    music, reference: a value a piece, (N,) or (N, D); rows with a NaN are left out.
    seed: which pairs are looked at where there are more than `most_pairs`.
    Swapping the two swaps the results, up to which pairs are drawn.
    Raises DataError if either has fewer than two rows, since then no distances lie within it.
    """
    ours, theirs = _defined("the music", music), _defined("the reference", reference)
    rng = np.random.default_rng(seed)
    within_music = _within(ours, rng, most_pairs)
    within_reference = _within(theirs, rng, most_pairs)
    between = _between(ours, theirs, rng, most_pairs)
    return Comparison(
        within_music,
        within_reference,
        between,
        *divergence(within_reference, between),
        *divergence(within_music, between),
    )


def divergence(first: Distances, second: Distances) -> tuple[float, float]:
    """Return (overlapping area 0..1, KL in nats from `first` to `second`) of two densities.

    first, second: samples, one or more each. All at one value: the same density, (1, 0).
    """
    low, high = min(first.min(), second.min()), max(first.max(), second.max())
    if low == high:
        return 1.0, 0.0
    narrowest = _NARROWEST * (high - low)
    widths = [max(_scott(samples), narrowest) for samples in (first, second)]
    margin = _MARGIN * max(widths)
    points = np.linspace(low - margin, high + margin, _POINTS)
    p, q = (_log_shares(s, points, h) for s, h in zip((first, second), widths, strict=True))
    overlap = np.minimum(np.exp(p), np.exp(q)).sum()
    kl = (np.exp(p) * (p - q)).sum()
    return float(min(overlap, 1.0)), float(max(kl, 0.0))  # rounding apart


def _defined(what: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows without NaN, (N, D)."""
    rows = values.reshape(len(values), math.prod(values.shape[1:]))
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < 2:
        raise DataError(
            f"{what} has {len(rows)} of {len(values)} pieces with this feature; distances within a "
            "set need two or more"
        )
    return rows


def _within(rows: NDArray[np.float64], rng: np.random.Generator, most: int) -> Distances:
    """Return the distances of all pairs of different rows, each pair once, or of a sample."""
    pair = _drawn(len(rows) * (len(rows) - 1) // 2, rng, most)
    # Pairs in the order (0, 1), (0, 2), (1, 2), (0, 3) ...: before (0, n) stand n (n - 1) / 2.
    later = ((1 + np.sqrt(1 + 8 * pair)) / 2).astype(np.int64)
    return _apart(rows[pair - later * (later - 1) // 2], rows[later])


def _between(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], rng: np.random.Generator, most: int
) -> Distances:
    """Return the distances of all rows of one from all of the other, or of a sample of pairs."""
    one, other = np.divmod(_drawn(len(ours) * len(theirs), rng, most), len(theirs))
    return _apart(ours[one], theirs[other])


def _drawn(total: int, rng: np.random.Generator, most: int) -> NDArray[np.int64]:
    """Return the numbers of the pairs to look at: all of them if they are not too many."""
    if total <= most:
        return np.arange(total)
    return rng.choice(total, most, replace=False, shuffle=False)


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> Distances:
    return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=1)))


def _scott(samples: Distances) -> float:
    """Return the bandwidth of Scott's rule for one dimension, 0 for a single sample."""
    return float(samples.std(ddof=1)) * len(samples) ** -0.2 if len(samples) > 1 else 0.0


def _log_shares(samples: Distances, points: Distances, bandwidth: float) -> Distances:
    """Return the log of the density at some points as shares of its sum over them.

    In logarithms throughout: far from all samples a density would be 0, the divergence infinite.
    """
    # A point at a time, so that the memory is that of the samples.
    logs = np.array([_log_sum(-0.5 * ((point - samples) / bandwidth) ** 2) for point in points])
    return np.asarray(logs - _log_sum(logs))


def _log_sum(logs: Distances) -> float:
    """Return log(sum(exp(logs))), without overflow."""
    most = float(logs.max())
    return most + math.log(np.exp(logs - most).sum())
