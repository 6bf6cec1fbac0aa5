"""What inputs that are computed from the steps so far keep in a network's state: names, numbers.

Both the networks and compiled code follow it; elapsed.py, pitch_classes.py, pulse.py,
sounding.py and last_pitch.py say what the inputs are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "CHORDS",
    "CHORD_SURENESS",
    "CLASSES",
    "COUNTS",
    "DRUMS",
    "EDGES",
    "EDGES_AT",
    "ELAPSED",
    "HARMONY",
    "KEPT",
    "LAST_PITCH",
    "LEFT",
    "PHASE",
    "PITCHES",
    "PULSE",
    "PULSE_SHARE",
    "SCALES",
    "SCALE_SURENESS",
    "SOUNDING",
    "SOUNDING_SURENESS",
    "first_values",
]

ELAPSED = "elapsed"
"""The name of n (B,), the steps since the piece began."""

EDGES = 72
EDGES_AT = tuple(math.ceil(4 * 2 ** (j / 4)) for j in range(EDGES))
"""The edges of elapsed steps: 4, 5, 6, 7, 8, 10 .. 881744."""

CLASSES = 12
COUNTS = "begun_classes"
"""The name of h (B, 12), the decayed counts of pitch classes."""

HARMONY = "begun_harmony"
"""The name of g (B, 12), counts that decay sooner."""

SCALE_SURENESS, CHORD_SURENESS = 0.7, 1.0
"""What a note more in a scale, and in a chord, adds to its logit."""


def _all_keys(*shapes: Sequence[int]) -> tuple[tuple[float, ...], ...]:
    """Return (12 K, 12): for K shapes on each pitch class, 1.0 for the classes that are in it."""
    return tuple(
        tuple(float((c - root) % CLASSES in shape) for c in range(CLASSES))
        for shape in shapes
        for root in range(CLASSES)
    )


SCALES = _all_keys((0, 2, 4, 5, 7, 9, 11))
"""(12, 12): the pitch classes of each diatonic scale; a minor key has its relative major's."""

CHORDS = _all_keys((0, 4, 7), (0, 3, 7))
"""(24, 12): the pitch classes of each major and minor triad."""

DRUMS = "begun_drums"
"""The name of a bit (B,), whether the program in force is drums."""

LAST_PITCH = "begun_last"
"""The name of l (B,), the highest pitch begun last."""

SOUNDING, LEFT = "begun_sounding", "begun_left"
"""The names of the pitch classes of the last notes (B, KEPT), and of how long they still sound."""

KEPT = 16
"""So many steps back a note is known to sound."""

SOUNDING_SURENESS = 2.0
"""What a sounding pitch class adds to the logit of a triad that has it."""

PULSE, PHASE = "begun_pulse", "begun_phase"
"""The names of c (B, D), the decayed counts of places in a beat, and of the present one p (B,)."""

PULSE_SHARE = 0.002
"""A place in a beat with so small a share of the notes is scored ln 2 above one that has none."""

PITCHES = 128


def first_values(pitches: Sequence[int]) -> list[int]:
    """Return, for each pitch, the first value that begins it, -1 for none; one more is -1.

    pitches: (n,) the pitch that each value begins, -1 for none.

    >>> first_values([60, 61, 60])[60:63], len(first_values([60]))
    ([0, 1, -1], 129)
    """
    values = [-1] * (PITCHES + 1)  # the last stands for no note
    for value, pitch in reversed([*enumerate(pitches)]):
        if pitch >= 0:
            values[pitch] = value
    return values
