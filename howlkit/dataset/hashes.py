"""Tables by hashes of 16 bytes, small in memory: `prepare` has several with a million entries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["HASH_BYTES", "ByHash", "as_keys"]

HASH_BYTES = 16

Hashes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

_RECENT = 2**13  # entries kept in a dict, at ten times the memory, until they are sorted in


def as_keys(hashes: Hashes) -> NDArray[Any]:
    """Return hashes (n, 16) as strings (n,) of 16 bytes, which numpy sorts and compares."""
    return np.ascontiguousarray(hashes).view(f"S{HASH_BYTES}").reshape(-1)


class ByHash:
    """A table of whole numbers from 0 by hash, 24 bytes an entry; the first entry of a hash stays.

    >>> table = ByHash()
    >>> table.add(b"0123456789abcdef", 7), table.add(b"0123456789abcdef", 8)
    (True, False)
    >>> table.get(b"0123456789abcdef"), table.get(b"fedcba9876543210")
    (7, -1)
    """

    def __init__(self) -> None:
        self._keys = as_keys(np.zeros((0, HASH_BYTES), np.uint8))  # (n,), rising
        self._numbers = np.zeros(0, np.int64)  # (n,)
        self._recent: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._keys) + len(self._recent)

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) >= 0

    def get(self, key: bytes) -> int:
        """Return the number of a hash, or -1."""
        if key in self._recent:
            return self._recent[key]
        if not len(self._keys) or len(key) != HASH_BYTES:
            return -1
        at = int(self._keys.searchsorted(np.bytes_(key)))
        # numpy returns strings without the zeros at their ends.
        if at < len(self._keys) and self._keys[at] == key.rstrip(b"\0"):
            return int(self._numbers[at])
        return -1

    def find(self, hashes: Hashes) -> Numbers:
        """Return (m,): the number of each of hashes (m, 16), -1 where there is none."""
        self._settle()
        return self._settled(hashes)

    def add(self, key: bytes, number: int) -> bool:
        """Add an entry unless its hash is there; say whether it was added."""
        if key in self:
            return False
        self._recent[key] = number
        if len(self._recent) >= _RECENT:
            self._settle()
        return True

    def update(self, hashes: Hashes, numbers: ArrayLike) -> None:
        """Add entries, hashes (m, 16) and numbers (m,); of equal hashes the first counts."""
        keys, first = np.unique(as_keys(hashes), return_index=True)
        numbers = np.asarray(numbers, np.int64)[first]
        new = self.find(hashes[first]) < 0
        keys, numbers = keys[new], numbers[new]
        at = np.searchsorted(self._keys, keys)
        self._keys = np.insert(self._keys, at, keys)
        self._numbers = np.insert(self._numbers, at, numbers)

    def drop(self, numbers: range) -> None:
        """Remove the entries with a number in this range, which must have step 1."""
        self._settle()
        kept = (self._numbers < numbers.start) | (self._numbers >= numbers.stop)
        self._keys, self._numbers = self._keys[kept], self._numbers[kept]

    def _settled(self, hashes: Hashes) -> Numbers:
        """Return what `find` does, from the entries that are sorted in."""
        keys = as_keys(hashes)
        if not len(self._keys):
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._numbers[at], -1)

    def _settle(self) -> None:
        """Sort in the recent entries."""
        if self._recent:
            recent, self._recent = self._recent, {}
            hashes = np.frombuffer(b"".join(recent), np.uint8).reshape(-1, HASH_BYTES)
            self.update(hashes, list(recent.values()))
