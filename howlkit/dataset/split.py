"""Decides which part - train, validation or test - each group of near-duplicates belongs to.

A group's part follows from a hash of (seed, its key) alone, so that the group stays in its part as
the collection grows. Parts are numbered as in `PARTS`; -1 stands for none yet.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError, did_you_mean

__all__ = ["PARTS", "OwnSplit", "assign", "check_fractions"]

PARTS = ("train", "validation", "test")
"""The names of the parts, by number."""

Parts = NDArray[np.int8]


def check_fractions(fractions: Sequence[float]) -> None:
    """Raise DataError unless `fractions` are three from 0 to 1, the first above 0, with sum 1."""
    good = len(fractions) == len(PARTS) and all(0 <= f <= 1 for f in fractions)
    if not good or abs(sum(fractions) - 1) > 1e-6 or not fractions[0] > 0:
        raise DataError(
            f"the fractions are {tuple(fractions)}; allowed are three from 0 to 1 that add up to "
            "1, for train (more than 0), validation and test, such as 0.8, 0.1, 0.1"
        )


def assign(
    keys: Sequence[bytes] | NDArray[np.uint8], kept: Parts, fractions: Sequence[float], *, seed: int
) -> Parts:
    """Return (groups,): the part of each group.

    keys: the bytes that are hashed, for each group. kept: the part that a group already has, or
    -1. fractions: the share of the groups that each part gets on average.
    A part that should get groups but got none takes the group with the nearest hash, among those
    that are not kept and are not alone in their part: so small collections get a validation part
    too. A single group goes to train.

    >>> keys = [b"a", b"b", b"c", b"d"]
    >>> assign(keys, np.full(4, -1, np.int8), (0.5, 0.25, 0.25), seed=0).tolist()
    [0, 2, 1, 2]
    """
    position = np.fromiter((_position(bytes(key), seed) for key in keys), np.float64, len(keys))
    bounds = np.concatenate(([0.0], np.cumsum(fractions)))
    parts = np.searchsorted(bounds[1:-1], position, side="right").astype(np.int8)
    parts = np.where(kept >= 0, kept, parts).astype(np.int8)
    for part in range(len(PARTS)):
        if fractions[part] > 0 and not (parts == part).any():
            _give_one(parts, part, kept < 0, position, bounds)
    return parts


def _position(key: bytes, seed: int) -> float:
    """Return a pseudo-random number in [0, 1), always the same for a key and a seed."""
    digest = hashlib.blake2b(key, digest_size=8, key=str(seed).encode()[:64]).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2.0**53


def _give_one(
    parts: Parts,
    part: int,
    movable: NDArray[np.bool_],
    position: NDArray[np.float64],
    bounds: NDArray[np.float64],
) -> None:
    """Move the nearest group that may be moved into `part`, if there is one."""
    size = np.bincount(parts, minlength=len(PARTS))
    spare = movable & ((size[parts] > 1) | (part == 0))  # train comes before everything
    if not spare.any():
        return
    distance = np.maximum(bounds[part] - position, position - bounds[part + 1])
    parts[np.argmin(np.where(spare, distance, np.inf))] = part


class OwnSplit:
    """A user's own split: gives the part of a file by its path, or of a piece by its name.

    parts: for each part the paths or names that belong to it. roots: folders that paths may be
    relative to; None: `parts` has names. A folder stands for everything in it, unless a path inside
    it is named too. Raises DataError for an unknown part, and for a path or name in two parts.
    """

    def __init__(
        self, parts: Mapping[str, Sequence[str | os.PathLike[str]]], roots: Sequence[str] | None
    ) -> None:
        self._roots = roots
        self._part: dict[str, tuple[int, str]] = {}
        self._unused: set[str] = set()
        for name, entries in parts.items():
            if name not in PARTS:
                raise DataError(
                    f"there is no part {name!r}; parts are {', '.join(PARTS)}."
                    f"{did_you_mean(name, PARTS)}"
                )
            for entry in entries:
                self._add(PARTS.index(name), os.fspath(entry))

    def _add(self, part: int, entry: str) -> None:
        self._unused.add(entry)
        for spelling in self._spellings(entry):
            if self._part.setdefault(spelling, (part, entry))[0] != part:
                raise DataError(f"the split names {entry!r} in two parts; leave it in one")

    def _spellings(self, entry: str) -> list[str]:
        if self._roots is None:
            return [entry]
        return [
            os.path.abspath(entry),
            *(os.path.abspath(os.path.join(r, entry)) for r in self._roots),
        ]

    def __call__(self, path: str) -> int:
        """Return the number of the part of a file (absolute path) or piece; 0 if none names it."""
        while True:
            if path in self._part:
                part, entry = self._part[path]
                self._unused.discard(entry)
                return part
            parent = os.path.dirname(path)
            if self._roots is None or parent == path:
                return 0
            path = parent

    def check_used(self, paths: Iterable[str]) -> None:
        """Raise DataError if the split names anything that none of these paths, or names, is in."""
        for path in paths:
            self(path)
        if self._unused:
            first = min(self._unused)
            raise DataError(
                f"the split names {first!r}, in which no file or piece was found; "
                "name files, folders, or paths inside the folders to prepare"
            )
