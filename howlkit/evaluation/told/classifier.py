"""The classifier: a random forest, cross-validated by group, and what it tells by.

Fixed for a version of the measure: 100 trees, leaves of two excerpts or more, the square root of
the features at each split, classes of equal weight. Forests need no tuning, take features in any
unit, and those that are not defined. scikit-learn is imported when it is needed.

Source: Breiman, Random forests, Machine Learning 45, 2001; the importance of a feature by permuting
it is in section 10 there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError

__all__ = ["FOLDS", "cross_validated", "folds_of", "forest", "importances", "ordered"]

FOLDS = 5
TREES = 100
PERMUTATIONS = 3

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def forest(seed: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    """Return an untrained forest; HowlkitError if scikit-learn is not installed."""
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ImportError as error:
        raise HowlkitError(
            "telling made music from real music needs scikit-learn: pip install 'howlkit[told]'"
        ) from error
    return RandomForestClassifier(
        TREES, min_samples_leaf=2, class_weight="balanced", random_state=seed, n_jobs=1
    )


def folds_of(groups: Integers, made: Flags, rng: np.random.Generator) -> Integers:
    """Return (N,): the fold of each excerpt, 0..4; all excerpts of a group are in one fold.

    Groups are taken in a random order, the largest first, and each goes to the fold that has the
    smallest share of its class so far (of both, for a group in both).

    >>> groups = np.repeat(np.arange(10), 2)
    >>> folds = folds_of(groups, groups < 5, np.random.default_rng(0))
    >>> sorted(folds[::2][:5].tolist()), bool((folds[::2] == folds[1::2]).all())
    ([0, 1, 2, 3, 4], True)
    """
    member = np.unique(groups, return_inverse=True)[1]
    counts = np.stack([np.bincount(member, made), np.bincount(member, ~made)], axis=1)
    shares = counts / np.maximum(counts.sum(0), 1)  # (groups, 2)
    order = rng.permutation(len(shares))
    order = order[np.argsort(-shares[order].sum(1), kind="stable")]
    filled, fold = np.zeros((FOLDS, 2)), np.zeros(len(shares), np.int64)
    for group in order:
        own = shares[group] > 0
        fold[group] = int(filled[:, own].sum(1).argmin())
        filled[fold[group]] += shares[group]
    return fold[member]


def cross_validated(
    values: Floats, made: Flags, groups: Integers, *, seed: int, permute: bool = False
) -> tuple[Floats, Floats]:
    """Return how the excerpts are told by forests that were trained on other groups.

    values: (N, features). made: (N,) which excerpts were made. groups: (N,).
    The first result is (N,): 1.0 for an excerpt that is told, 0.0 for one that is not. The second
    is (N, features): how much of the trees' votes for the truth is lost if a feature is permuted;
    without `permute` it is empty, (N, 0).
    """
    rng = np.random.default_rng(seed)
    folds = folds_of(groups, made, rng)
    told = np.zeros(len(values))
    lost = np.zeros((len(values), values.shape[1] if permute else 0))
    for fold in range(FOLDS):
        asked = folds == fold
        trained = forest((seed + fold) % 2**32).fit(values[~asked], made[~asked])
        votes = _votes(trained, values[asked], made[asked])
        told[asked] = votes > 0.5
        if permute:
            permuted = _permuted_votes(trained, values[asked], made[asked], rng)
            lost[asked] = votes[:, None] - permuted
    return told, lost


def _votes(trained: Any, values: Floats, made: Flags) -> Floats:  # noqa: ANN401
    """Return (N,): the share of the votes for what each excerpt is, 0..1."""
    return np.asarray(trained.predict_proba(values)[np.arange(len(made)), made.astype(np.intp)])


def _permuted_votes(trained: Any, values: Floats, made: Flags, rng: np.random.Generator) -> Floats:  # noqa: ANN401
    """Return (N, features): the votes if each feature in turn is that of another excerpt."""
    rows, features = values.shape
    found = np.zeros((rows, features))
    for _ in range(PERMUTATIONS):
        many = np.repeat(values[None], features, axis=0)  # (features, N, features)
        for feature in range(features):
            many[feature, :, feature] = values[rng.permutation(rows), feature]
        votes = _votes(trained, many.reshape(-1, features), np.tile(made, features))
        found += votes.reshape(features, rows).T
    return found / PERMUTATIONS


def importances(lost: Floats, made: Flags) -> Floats:
    """Return (features,): of 100 votes for the truth, how many are lost if a feature is permuted.

    lost: (N, features), as `cross_validated` returns it; both classes have the same weight.
    """
    return np.asarray(50 * (lost[made].mean(0) + lost[~made].mean(0)))


def ordered(made: Floats, real: Floats) -> float:
    """Return in how many of 100 pairs of a made and a real excerpt one feature says which is which.

    made, real: values of the feature, NaN where it is not defined. 50..100: the area under the
    curve (Mann and Whitney 1947), in the direction that tells more. NaN: there are no such pairs.

    >>> ordered(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    87.5
    """
    made, real = made[~np.isnan(made)], np.sort(real[~np.isnan(real)])
    if not len(made) or not len(real):
        return float("nan")
    below = real.searchsorted(made) + real.searchsorted(made, side="right")
    area = float(below.mean() / 2 / len(real))
    return 100 * max(area, 1 - area)
