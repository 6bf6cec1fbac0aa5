"""Which part - train, validation, test - each group of near-duplicates belongs to.

A group's part follows from a hash of (seed, its key) alone, so that it stays where it is as the
collection grows. Conventions: parts are numbered as in `PARTS`; -1 is none yet.
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
    """Raise DataError unless `fractions` are three from 0 to 1 that add up to 1, train above 0."""
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

    keys: what is hashed of each group. kept: the part that a group already has, or -1.
    fractions: how much each part is to have, of the groups, on average.
    A part that should have something and got nothing is given the group whose hash lies nearest,
    of those not kept, as long as its own part has others: small collections get a validation part
    too. A single group goes to train.
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
    """Return a number in [0, 1) that looks random and never changes."""
    digest = hashlib.blake2b(key, digest_size=8, key=str(seed).encode()[:64]).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2.0**53


def _give_one(
    parts: Parts,
    part: int,
    movable: NDArray[np.bool_],
    position: NDArray[np.float64],
    bounds: NDArray[np.float64],
) -> None:
    """Move the nearest group that may go into `part`, if there is one."""
    size = np.bincount(parts, minlength=len(PARTS))
    spare = movable & ((size[parts] > 1) | (part == 0))  # train comes before everything
    if not spare.any():
        return
    distance = np.maximum(bounds[part] - position, position - bounds[part + 1])
    parts[np.argmin(np.where(spare, distance, np.inf))] = part


class OwnSplit:
    """A split that users bring: says the part of a file by its path, or of a piece by its name.

    parts: for each part what belongs to it. roots: folders that paths may be relative to; None if
    names are meant, not paths. A folder stands for all in it; what is more specific counts first.
    Raises DataError for an unknown part, or what stands in two.
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
        """Raise DataError if something is named that none of `paths` (or names) has to do with."""
        for path in paths:
            self(path)
        if self._unused:
            first = min(self._unused)
            raise DataError(
                f"the split names {first!r}, in which no file or piece was found; "
                "name files, folders, or paths inside the folders to prepare"
            )
