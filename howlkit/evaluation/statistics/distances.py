"""How far two sets of pieces are apart, in one feature, after Yang and Lerch.

Distances between pieces are Euclidean. The distances **within** a set say how much its pieces
differ from each other, the distances **between** the sets how much a piece of one differs from a
piece of the other. If both have the same distribution, this feature cannot tell the sets apart.

Each distribution becomes a density: Gaussian kernels, with the bandwidth of Scott's rule as in
scipy.
Two densities have an **overlapping area** (1: the same, 0: apart) and a **Kullback-Leibler
divergence** in nats (0: the same). Where we differ from the authors' code, mgeval:

- mgeval evaluates the two densities at different points, each over its own range, so its divergence
  hardly depends on where they are; ours are evaluated at the same 1,000 points.
- mgeval integrates the overlap from the least distance to the largest, which cuts off the tails, so
  that equal densities overlap by less than 1; our points reach four bandwidths further.
- mgeval counts each pair within a set twice, which makes the bandwidth smaller by 13 %.
- Our bandwidth is at least a hundredth of the range of both sets of distances. Otherwise equal
  distances have no density (scipy raises an error), and the grid would miss narrow kernels.
- If there are very many pairs, we take a sample of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError

__all__ = ["MOST_PAIRS", "SetDistances", "set_distances", "divergence"]

MOST_PAIRS = 10_000
"""The most pairs of pieces in one distribution; if there are more, a sample is taken."""

_POINTS = 1000  # at which densities are evaluated
_MARGIN = 4  # bandwidths beyond the least and the largest distance
_NARROWEST = 0.01  # bandwidth, as a part of the range of distances

Distances = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SetDistances:
    """The distances of some music and a reference, in one feature.

    within_music, within_reference, between: distances, one for each pair of pieces.
    overlap, kl: for the distances within the reference and those between, as in the paper: is this
        music as near to the reference as the pieces of the reference are to each other?
    music_overlap, music_kl: the same for the distances within the music and those between.
    KL is from the density within to the density between, in nats.
    """

    within_music: Distances
    within_reference: Distances
    between: Distances
    overlap: float
    kl: float
    music_overlap: float
    music_kl: float


def set_distances(
    music: NDArray[np.float64],
    reference: NDArray[np.float64],
    *,
    seed: int = 0,
    most_pairs: int = MOST_PAIRS,
) -> SetDistances:
    """Return how far some music is from a reference, in one feature.

    music, reference: a value for each piece, (N,) or (N, D); rows with a NaN are left out.
    seed: for the sample of pairs, if there are more than `most_pairs`.
    If the two are swapped, so are the results, up to the sample of pairs.
    Raises DataError if either has fewer than two rows, because then it has no distances within.

    >>> near = set_distances(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    >>> far = set_distances(np.array([1.0, 2.0, 3.0]), np.array([7.0, 8.0, 9.0]))
    >>> round(near.overlap, 2), round(far.overlap, 2)
    (0.72, 0.02)
    """
    ours, theirs = _defined("the music", music), _defined("the reference", reference)
    rng = np.random.default_rng(seed)
    within_music = _within(ours, rng, most_pairs)
    within_reference = _within(theirs, rng, most_pairs)
    between = _between(ours, theirs, rng, most_pairs)
    return SetDistances(
        within_music,
        within_reference,
        between,
        *divergence(within_reference, between),
        *divergence(within_music, between),
    )


def divergence(first: Distances, second: Distances) -> tuple[float, float]:
    """Return the overlapping area, 0..1, and the KL divergence in nats from `first` to `second`.

    first, second: samples of the two densities, at least one each. If all samples have one value,
    the densities are the same: (1, 0).
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
    return float(min(overlap, 1.0)), float(max(kl, 0.0))  # rounding may pass the limits


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
    """Return the distances of all pairs of different rows, each once, or of a sample of them."""
    pair = _drawn(len(rows) * (len(rows) - 1) // 2, rng, most)
    # Pairs in the order (0, 1), (0, 2), (1, 2), (0, 3) ...: before (0, n) come n (n - 1) / 2.
    later = ((1 + np.sqrt(1 + 8 * pair)) / 2).astype(np.int64)
    return _apart(rows[pair - later * (later - 1) // 2], rows[later])


def _between(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], rng: np.random.Generator, most: int
) -> Distances:
    """Return the distances of all rows of one to all of the other, or of a sample of pairs."""
    one, other = np.divmod(_drawn(len(ours) * len(theirs), rng, most), len(theirs))
    return _apart(ours[one], theirs[other])


def _drawn(total: int, rng: np.random.Generator, most: int) -> NDArray[np.int64]:
    """Return the numbers of the pairs to use: all of them, or a sample of `most`."""
    if total <= most:
        return np.arange(total)
    return rng.choice(total, most, replace=False, shuffle=False)


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> Distances:
    return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=1)))


def _scott(samples: Distances) -> float:
    """Return the bandwidth of Scott's rule for one dimension, 0 for a single sample."""
    return float(samples.std(ddof=1)) * len(samples) ** -0.2 if len(samples) > 1 else 0.0


def _log_shares(samples: Distances, points: Distances, bandwidth: float) -> Distances:
    """Return the log of the density at each point, as a share of its sum over all points.

    Everything is in logarithms: far from all samples a density would round to 0, and the divergence
    would be infinite.
    """
    # One point at a time, so that memory grows with the samples only.
    logs = np.array([_log_sum(-0.5 * ((point - samples) / bandwidth) ** 2) for point in points])
    return np.asarray(logs - _log_sum(logs))


def _log_sum(logs: Distances) -> float:
    """Return log(sum(exp(logs))), without overflow."""
    most = float(logs.max())
    return most + math.log(np.exp(logs - most).sum())
