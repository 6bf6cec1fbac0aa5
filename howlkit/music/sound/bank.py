"""The recorded instruments that ship: data/instruments.npz, read when the first of them plays.

Conventions. A recording is mono, full scale is 1, and its positions are its own samples. It ends in
a loop, from `loop` to its end, or in silence (`loop` is its length). What decays was recorded with
its decay taken out: times exp(-seconds / `decay`) it is as it was. A recording times its gain is as
loud as every other one. Source: scripts/cut_bank.py; data/instruments.md is the card of the file.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import DataError
from howlkit.music.sound import coding

__all__ = ["REGION", "Recording", "instrument", "names", "where"]

REGION = np.dtype(
    [
        ("low", "u1"),
        ("high", "u1"),
        ("pitch", "<f4"),
        ("rate", "<u2"),
        ("order", "u1"),
        ("loop", "<u4"),
        ("decay", "<f4"),
        ("gain", "<f4"),
        ("first", "<u4"),
        ("count", "<u4"),
    ]
)
"""A recording in the file: the keys that it serves, low..high, and where its codes lie.

pitch: the MIDI note that it sounds, with a fraction. decay: in seconds, infinite if it holds.
first, count: of the codes of its instrument. order: see coding.py.
"""


@dataclass(frozen=True, eq=False)
class Recording:
    """One recorded note, or one drum; what the attributes are stands at `REGION`.

    samples: (N,), decoded from codes and steps, which are as in the file (coding.py).
    """

    samples: NDArray[np.float32]
    low: int
    high: int
    pitch: float
    rate: int
    loop: int
    decay: float
    gain: float
    codes: NDArray[np.int8]
    steps: NDArray[np.uint16]
    order: int

    @property
    def loops(self) -> bool:
        """Whether it goes on for as long as it is asked to."""
        return self.loop < len(self.samples)


def where() -> Path:
    """Return the path of the file that holds all recordings."""
    return Path(__file__).parents[2] / "data" / "instruments.npz"


def names() -> list[str]:
    """Return the names of the instruments.

    >>> "piano" in names(), "drums" in names()
    (True, True)
    """
    with np.load(where(), allow_pickle=False) as archive:
        return [name.partition("/")[0] for name in archive.files if name.endswith("/regions")]


@functools.cache
def instrument(name: str) -> tuple[Recording, ...]:
    """Return the recordings of an instrument, by rising key; DataError if it is not in the file.

    >>> piano = instrument("piano")
    >>> piano[0].low, piano[-1].high
    (0, 127)
    """
    try:
        with np.load(where(), allow_pickle=False) as archive:
            parts = [archive[f"{name}/{part}"] for part in ("regions", "codes", "steps")]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{where()} has no instrument {name!r} that can be read ({error}); install howlkit "
            "again: pip install --force-reinstall howlkit"
        ) from error
    return tuple(sorted(_recordings(*parts), key=lambda each: each.low))


def _recordings(
    regions: NDArray[np.void], codes: NDArray[np.int8], steps: NDArray[np.uint16]
) -> Iterator[Recording]:
    step = 0  # the blocks of a recording begin with it
    for row in regions:
        first, count = int(row["first"]), int(row["count"])
        blocks = -(-count // coding.BLOCK)
        own, own_steps = codes[first : first + count], steps[step : step + blocks]
        samples = coding.decode(own, own_steps, order=int(row["order"]))
        step += blocks
        samples.setflags(write=False)
        yield Recording(
            samples=samples,
            low=int(row["low"]),
            high=int(row["high"]),
            pitch=float(row["pitch"]),
            rate=int(row["rate"]),
            loop=int(row["loop"]),
            decay=float(row["decay"]),
            gain=float(row["gain"]),
            codes=own,
            steps=own_steps,
            order=int(row["order"]),
        )
