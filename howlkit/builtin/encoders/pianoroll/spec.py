"""The options of encoder `pianoroll` as its grammar needs them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PianorollSpec"]


@dataclass(frozen=True)
class PianorollSpec:
    """What the options settle.

    keys: how many keys a slice has. low: the pitch of the lowest. divisions: slices a beat or a
    second. longest_rest: the most silent slices in a row. most_slices: the most slices in a piece.
    velocities: whether a slice has a loudness.
    """

    keys: int
    low: int
    divisions: int
    longest_rest: int
    most_slices: int
    velocities: bool
